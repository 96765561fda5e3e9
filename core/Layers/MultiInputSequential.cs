using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>Layers with several inputs one after another, checked to fit: port by port, in order.</summary>
public sealed class MultiInputSequential : MultiInputModule
{
    private readonly ModuleList<MultiInputModule> layers;

    /// <summary>Chains layers.</summary>
    /// <param name="layers">At least one; they become child modules.</param>
    /// <exception cref="EquivariantException">There is none, or two do not fit; the message names the layer and the port.</exception>
    public MultiInputSequential(params MultiInputModule[] layers)
        : base(nameof(MultiInputSequential), Checked(layers)[0].Inputs, layers[^1].Outputs)
    {
        this.layers = new ModuleList<MultiInputModule>([.. layers]);
        RegisterComponents();
    }

    /// <summary>Gets the layers, in order.</summary>
    public IReadOnlyList<MultiInputModule> Layers => [.. layers];

    /// <summary>Applies the layers in order.</summary>
    /// <param name="input">One batch for each input.</param>
    /// <returns>One batch for each output.</returns>
    public override Tensor[] forward(Tensor[] input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] result = input;
        foreach (MultiInputModule layer in layers)
        {
            result = layer.call(result);
        }

        return [.. result.Select(tensor => tensor.MoveToOuterDisposeScope())];
    }

    private static MultiInputModule[] Checked(MultiInputModule[] layers)
    {
        if (layers.Length == 0)
        {
            throw new EquivariantException($"{nameof(MultiInputSequential)} needs at least one layer.");
        }

        for (int i = 1; i < layers.Length; i++)
        {
            RequireFit(i, layers[i - 1], layers[i]);
        }

        return layers;
    }

    private static void RequireFit(int place, MultiInputModule before, MultiInputModule after)
    {
        string layer = $"Layer {place} ({after.GetName()})";
        if (before.Outputs.Count != after.Inputs.Count)
        {
            throw new EquivariantException(
                $"{layer} expects {after.Inputs.Count} inputs, but layer {place - 1} ({before.GetName()}) gives {before.Outputs.Count}.");
        }

        foreach ((Port given, Port expected) in before.Outputs.Zip(after.Inputs))
        {
            LayerChecks.RequireSame(
                $"{layer}, input '{expected.Name}',", expected.Representation, expected.Channels, given.Representation, given.Channels, $"output '{given.Name}' of layer {place - 1}");
            if (given.ActingFactor != expected.ActingFactor)
            {
                throw new EquivariantException(
                    $"{layer} expects the factor '{expected.ActingFactor}' on its input '{expected.Name}', but layer {place - 1} gives '{given.Name}' with the factor '{given.ActingFactor}'.");
            }
        }
    }
}
