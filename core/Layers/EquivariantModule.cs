using Equivariant.Core.Native;
using Equivariant.Core.Representations;
using Equivariant.Core.Serialization;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>A layer that knows how groups act on its input and output.</summary>
/// <remarks>
/// Tensors are always <c>[B, channels, n]</c>, the group acting on the last axis and never on channels; one channel is
/// <c>[B, 1, n]</c>. Layers can be chained with <see cref="EquivariantSequential"/>, which checks that they fit.
/// </remarks>
public abstract class EquivariantModule : SavedModule<Tensor, Tensor>
{
    /// <summary>Fixes what comes in and goes out.</summary>
    /// <param name="name">The name of the layer in messages.</param>
    /// <param name="input">The representation on the input.</param>
    /// <param name="inputChannels">The number of channels of the input, at least 1.</param>
    /// <param name="output">The representation on the output.</param>
    /// <param name="outputChannels">The number of channels of the output, at least 1.</param>
    /// <exception cref="EquivariantException">A number of channels is below 1.</exception>
    protected EquivariantModule(string name, Representation input, long inputChannels, Representation output, long outputChannels)
        : base(name)
    {
        LibTorch.Load();
        if (inputChannels < 1 || outputChannels < 1)
        {
            throw new EquivariantException($"{name} needs at least one channel on either side; {inputChannels} and {outputChannels} were given.");
        }

        Input = input;
        InputChannels = inputChannels;
        Output = output;
        OutputChannels = outputChannels;
    }

    /// <summary>Gets the representation on the input.</summary>
    public Representation Input { get; }

    /// <summary>Gets the number of channels of the input.</summary>
    public long InputChannels { get; }

    /// <summary>Gets the representation on the output.</summary>
    public Representation Output { get; }

    /// <summary>Gets the number of channels of the output.</summary>
    public long OutputChannels { get; }

    /// <summary>Names the layer, its representations and channels.</summary>
    public override string ToString() => $"{GetName()}: {InputChannels} × {Input} → {OutputChannels} × {Output}";

    /// <summary>Checks a batch: its shape, and dtype and device against a parameter.</summary>
    /// <param name="x">The batch.</param>
    /// <param name="parameter">A parameter of the layer, or null for a layer without any.</param>
    /// <exception cref="EquivariantException">Something does not fit; the message names the layer, what it expects and what was given.</exception>
    protected void RequireInput(Tensor x, Tensor? parameter = null) => LayerChecks.RequireInput(GetName(), x, InputChannels, Input, parameter);
}
