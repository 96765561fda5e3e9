using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>Modules with several inputs one after another, checked to fit: port by port, in order.</summary>
/// <remarks>
/// Around arbitrary models, linear maps or both, equivariant under the product of the inputs' groups. Its children are
/// saved as <c>layer1</c>, <c>layer2</c> and so on.
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024).
/// </remarks>
public sealed class MultiInputNetwork : MultiInputModule
{
    private readonly MultiInputModule[] _layers;

    /// <summary>Chains modules.</summary>
    /// <param name="layers">At least one; they become child modules.</param>
    /// <exception cref="EquivariantException">There is none, or two do not fit; the message names the layer and the port.</exception>
    public MultiInputNetwork(params MultiInputModule[] layers)
        : base(nameof(MultiInputNetwork), Checked(layers)[0].Inputs, layers[^1].Outputs)
    {
        _layers = [.. layers];
        for (int i = 0; i < layers.Length; i++)
        {
            register_module($"layer{i + 1}", layers[i]);
        }
    }

    /// <summary>Gets the modules, in order.</summary>
    public IReadOnlyList<MultiInputModule> Layers => _layers;

    /// <inheritdoc/>
    public override long EvaluationsPerInput => _layers.Sum(layer => layer.EvaluationsPerInput);

    /// <summary>Applies the modules in order.</summary>
    /// <param name="input">One batch for each input.</param>
    /// <returns>One batch for each output.</returns>
    public override Tensor[] forward(Tensor[] input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] result = _layers.Aggregate(input, (x, layer) => layer.call(x));
        return [.. result.Select(tensor => tensor.MoveToOuterDisposeScope())];
    }

    private static MultiInputModule[] Checked(MultiInputModule[] layers)
    {
        if (layers.Length == 0)
        {
            throw new EquivariantException($"{nameof(MultiInputNetwork)} needs at least one layer.");
        }

        for (int i = 1; i < layers.Length; i++)
        {
            RequireFit(i + 1, layers[i - 1], layers[i]);
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
            LayerChecks.RequireSame($"{layer}, input '{expected.Name}',", expected, given, $"output '{given.Name}' of layer {place - 1}");
            if (given.Factor != expected.Factor)
            {
                throw new EquivariantException(
                    $"{layer} expects the factor '{expected.Factor}' on its input '{expected.Name}', but layer {place - 1} gives '{given.Name}' with the factor '{given.Factor}'.");
            }
        }
    }
}
