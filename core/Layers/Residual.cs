using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>A residual connection: <c>x + f(x)</c>.</summary>
public sealed class Residual : EquivariantModule
{
    private readonly EquivariantModule inner;

    /// <summary>Adds the input of a layer to its output.</summary>
    /// <param name="inner">A layer with the same representation and channels on both sides; it becomes a child module.</param>
    /// <exception cref="EquivariantException">The two sides differ.</exception>
    public Residual(EquivariantModule inner)
        : base(nameof(Residual), inner.Input, inner.InputChannels, inner.Output, inner.OutputChannels)
    {
        LayerChecks.RequireSame(
            nameof(Residual), inner.Input, inner.InputChannels, inner.Output, inner.OutputChannels, $"the layer inside ({inner.GetName()})");
        this.inner = inner;
        RegisterComponents();
    }

    /// <summary>Applies the layer and adds its input.</summary>
    /// <param name="input">The batch, <c>[B, c, n]</c>.</param>
    /// <returns><c>[B, c, n]</c>.</returns>
    public override Tensor forward(Tensor input)
    {
        using Tensor change = inner.call(input);
        return input + change;
    }
}
