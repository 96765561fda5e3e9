using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>From a model's values at a term's rows to the term's value: pull back, reduce, symmetrise.</summary>
/// <remarks><c>Sym_K</c> commutes with every <c>t⁻¹</c>, <c>K</c> being normal, so it is applied once, at the end.</remarks>
internal sealed class OrbitReduction(QuotientTerm term, TensorAction output, Reduction reduction)
{
    private readonly OrbitMap _map = output.Over(term.Transversal);
    private readonly GroupAverage? _symmetrise = term.Kernel.Order.IsOne ? null : output.Average(term.Kernel);

    /// <summary>Values <c>[T·B, …]</c> at rows <c>[T·B, …]</c> become <c>[B, …]</c>.</summary>
    /// <param name="rows">The model's inputs.</param>
    /// <param name="values">The model's values there.</param>
    /// <param name="evidence">The values that the reduction decides by, <c>[T·B, …]</c>; all of them, if left out.</param>
    public Tensor Apply(Tensor rows, Tensor values, Tensor? evidence = null)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor pulledBack = _map.PullBack(values).unflatten(0, _map.Count, values.shape[0] / _map.Count);
        Tensor reduced = reduction.Reduce(rows, evidence ?? values, pulledBack);
        if (!reduced.shape.AsSpan().SequenceEqual(pulledBack.shape.AsSpan(1)))
        {
            throw new EquivariantException(
                $"The reduction '{reduction.GetName()}' has to take values {DesignChecks.Shape(pulledBack)} to one of shape [{string.Join(", ", pulledBack.shape[1..])}], but gave {DesignChecks.Shape(reduced)}.");
        }

        return (_symmetrise is null ? reduced : _symmetrise.Apply(reduced)).MoveToOuterDisposeScope();
    }
}
