using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>Layers one after another, checked to fit: the same group, representation and channels where two meet.</summary>
public sealed class EquivariantSequential : EquivariantModule
{
    private readonly ModuleList<EquivariantModule> layers;

    /// <summary>Chains layers.</summary>
    /// <param name="layers">At least one; they become child modules.</param>
    /// <exception cref="EquivariantException">There is none, or two do not fit; the message names the layer, what it expects and what it is given.</exception>
    public EquivariantSequential(params EquivariantModule[] layers)
        : base(nameof(EquivariantSequential), First(layers).Input, layers[0].InputChannels, layers[^1].Output, layers[^1].OutputChannels)
    {
        for (int i = 1; i < layers.Length; i++)
        {
            LayerChecks.RequireSame(
                $"Layer {i} ({layers[i].GetName()})",
                layers[i].Input,
                layers[i].InputChannels,
                layers[i - 1].Output,
                layers[i - 1].OutputChannels,
                $"layer {i - 1} ({layers[i - 1].GetName()})");
        }

        this.layers = new ModuleList<EquivariantModule>([.. layers]);
        RegisterComponents();
    }

    /// <summary>Gets the layers, in order.</summary>
    public IReadOnlyList<EquivariantModule> Layers => [.. layers];

    /// <summary>Applies the layers in order.</summary>
    /// <param name="input">The batch, <c>[B, c_in, n]</c>.</param>
    /// <returns><c>[B, c_out, m]</c>.</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return layers.Aggregate(input, (x, layer) => layer.call(x)).MoveToOuterDisposeScope();
    }

    private static EquivariantModule First(IReadOnlyList<EquivariantModule> layers) =>
        layers.Count > 0 ? layers[0] : throw new EquivariantException($"{nameof(EquivariantSequential)} needs at least one layer.");
}
