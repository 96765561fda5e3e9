using Equivariant.Core.Actions;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>A frame of a group that is listed: it looks at all transforms of an input, and weighs them.</summary>
/// <remarks>One that looks at the transforms <c>g·x</c>, each for itself, is equivariant whatever it does with them.</remarks>
public abstract class ListedFrame : Frame
{
    /// <summary>Names the module.</summary>
    /// <param name="name">The module's name.</param>
    protected ListedFrame(string name)
        : base(name)
    {
    }

    /// <summary>Weighs the transforms of every input.</summary>
    /// <param name="rows">The transforms, <c>[G·B, …]</c>, one element after the other.</param>
    /// <param name="elements">The number of elements, <c>G</c>.</param>
    /// <returns>Weights <c>[G, B]</c> that add up to one over the elements; zero where an element is not in the frame.</returns>
    public abstract Tensor Weights(Tensor rows, int elements);

    /// <inheritdoc/>
    public override Picks Pick(TensorAction action, Tensor x)
    {
        ElementList list = ListedGroup.Of(action.Group);
        Tensor rows = DesignChecks.Transforms(action, x, () => list.Of(action).Expand(x));
        return Picks.Weighed(list, Checked(rows, list.Count, x.shape[0]).t());
    }

    /// <inheritdoc/>
    /// <exception cref="EquivariantException">The group, or a table of what it does, is too large to list.</exception>
    public override void Require(TensorAction input) => _ = ListedGroup.Of(input.Group).Of(input);

    /// <inheritdoc/>
    internal override int TransformsPerInput(TensorAction input) => ListedGroup.Of(input.Group).Count;

    /// <summary>The weights, <c>[G, B]</c>: a mean of each input's transforms, or a sentence.</summary>
    private Tensor Checked(Tensor rows, int elements, long batch)
    {
        Tensor weights = TorchErrors.Explain(
            () => Weights(rows, elements),
            () => $"The frame can't weigh {rows.dtype} transforms of shape {DesignChecks.Shape(rows)}");
        if (weights.dim() != 2 || weights.shape[0] != elements || weights.shape[1] != batch)
        {
            throw new EquivariantException(
                $"The frame has to give a weight to each of {elements} transforms of each of {batch} inputs, [{elements}, {batch}], but gave a tensor of shape {DesignChecks.Shape(weights)}.");
        }

        if (weights.is_complex())
        {
            throw new EquivariantException($"The frame has to give real weights, but gave a tensor of {weights.dtype}.");
        }

        Tensor sums = weights.detach().to(ScalarType.Float64);
        // Written so that NaN fails.
        if (!sums.ge(0).all().item<bool>() || !(sums.sum([0L]) - 1).abs().le(Rounding(weights.dtype)).all().item<bool>())
        {
            throw new EquivariantException(
                "The frame's weights have to be a mean over the transforms of each input: none negative or NaN, and their sum over the elements 1. Divide them by their sum.");
        }

        return weights;
    }

    /// <summary>How far from 1 a sum of weights of some precision may be.</summary>
    private static double Rounding(ScalarType dtype) => dtype switch
    {
        ScalarType.BFloat16 or ScalarType.Float16 => 0.1,
        ScalarType.Float32 => 1e-3,
        _ => 1e-8,
    };
}
