using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>From a model's values at a term's rows to the term's value: pull back, reduce, symmetrise.</summary>
/// <remarks>
/// <c>Sym_K</c> commutes with every <c>t⁻¹</c>, <c>K</c> being normal, and with weighted means, so it is applied once, at
/// the end. A reduction that is none comes after it: then what is reduced does not depend on the transversal.
/// </remarks>
internal sealed class OrbitReduction
{
    private readonly TensorAction _output;
    private readonly ElementList _transversal;
    private readonly GroupAverage? _symmetrise;
    private readonly Reduction _reduction;

    /// <summary>Prepares the actions.</summary>
    /// <exception cref="EquivariantException">The reduction would not keep the term equivariant.</exception>
    public OrbitReduction(QuotientTerm term, TensorAction output, Reduction reduction)
    {
        if (!reduction.IsLinear && !output.IsPermutation)
        {
            throw new EquivariantException(
                $"The reduction '{reduction.GetName()}' commutes with moving the output's numbers, but not with changing them, as {output} does: take the mean, weights or the least loss.");
        }

        _output = output;
        _transversal = new ElementList(output.Group, term.Transversal);
        _symmetrise = term.Kernel.Order.IsOne ? null : output.Average(term.Kernel);
        _reduction = reduction;
    }

    /// <summary>Values <c>[T·B, …]</c> at rows <c>[T·B, …]</c> become <c>[B, …]</c>.</summary>
    /// <param name="rows">The model's inputs.</param>
    /// <param name="values">The model's values there.</param>
    /// <param name="evidence">The values that the reduction decides by, <c>[T·B, …]</c>; all of them, if left out.</param>
    public Tensor Apply(Tensor rows, Tensor values, Tensor? evidence = null)
    {
        using DisposeScope scope = NewDisposeScope();
        PulledBack pulledBack = new(_output, _transversal, values);
        Tensor reduced = _reduction.IsLinear
            ? _reduction.ReduceWhatCounts(rows, evidence ?? values, pulledBack)
            : _reduction.Reduce(rows, evidence ?? values, Symmetrise(pulledBack.All().flatten(0, 1)).unflatten(0, pulledBack.Shape));
        long[] shape = [pulledBack.Shape[1], .. values.shape[1..]];
        if (!reduced.shape.AsSpan().SequenceEqual(shape))
        {
            throw new EquivariantException(
                $"The reduction '{_reduction.GetName()}' has to take values [{string.Join(", ", [pulledBack.Shape[0], .. shape])}] to one of shape [{string.Join(", ", shape)}], but gave {DesignChecks.Shape(reduced)}.");
        }

        return (_reduction.IsLinear ? Symmetrise(reduced) : reduced).MoveToOuterDisposeScope();
    }

    /// <summary>What values <c>[T·B, …]</c> give to a mean by weights <c>[T, B]</c>, <c>[B, …]</c>.</summary>
    public Tensor Weigh(Tensor weights, Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        return Symmetrise(Reduction.Weigh(new PulledBack(_output, _transversal, values).All(), weights)).MoveToOuterDisposeScope();
    }

    private Tensor Symmetrise(Tensor values) => _symmetrise is null ? values : _symmetrise.Apply(values);
}
