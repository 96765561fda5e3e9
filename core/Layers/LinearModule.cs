using Equivariant.Core.Representations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>A layer that is linear, or affine with its bias: it can be written as a dense one, and its parameters counted.</summary>
public abstract class LinearModule : EquivariantModule
{
    private protected LinearModule(string name, Representation input, long inputChannels, Representation output, long outputChannels)
        : base(name, input, inputChannels, output, outputChannels)
    {
    }

    /// <summary>Gets the number of free parameters, as counted on the tensors.</summary>
    public long FreeParameters => parameters().Sum(parameter => parameter.numel());

    /// <summary>Gets the dimension of the space of all such layers, as the theory gives it.</summary>
    public abstract long TheoreticalDimension { get; }

    /// <summary>Writes the layer out as a dense one.</summary>
    /// <returns>
    /// A new module from <c>[B, c_in·n]</c> to <c>[B, c_out·m]</c>, the layer's tensors flattened, with the same dtype and
    /// device, sharing nothing with this layer.
    /// </returns>
    public Linear ToDense()
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor like = parameters().First();
        long inputs = InputChannels * Input.Dimension;
        Tensor zero = forward(zeros([1, InputChannels, Input.Dimension], like.dtype, like.device)).flatten(1);
        Tensor images = forward(eye(inputs, dtype: like.dtype, device: like.device).view(inputs, InputChannels, Input.Dimension)).flatten(1);
        var dense = nn.Linear(inputs, OutputChannels * Output.Dimension, dtype: like.dtype, device: like.device);
        dense.weight!.copy_((images - zero).t());
        dense.bias!.copy_(zero[0]);
        return dense;
    }
}
