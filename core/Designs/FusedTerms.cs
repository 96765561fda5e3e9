using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// All terms of a quotient design in a handful of kernels, however many terms there are: for actions that permute
/// coordinates, with averages as <c>Inv_K</c> and means as reductions.
/// </summary>
/// <remarks>
/// Invariant inputs are constant on orbits, so <c>Inv_K</c> pools the orbits of all kernels at once, and one gather
/// from the pools gives every row <c>t·Inv_K(x)</c> of every term. Outputs go the same way back.
/// </remarks>
internal sealed class FusedTerms
{
    private readonly IReadOnlyList<QuotientTerm> _terms;
    private readonly AxisAction _input;
    private readonly AxisAction _output;
    private readonly CoordinateMeans? _pools;
    private readonly DeviceTensor _rows;
    private readonly DeviceTensor _pullBack;
    private readonly CoordinateMeans? _symmetrised;
    private readonly DeviceTensor _spread;

    private FusedTerms(IReadOnlyList<QuotientTerm> terms, AxisAction input, AxisAction output)
    {
        _terms = terms;
        _input = input;
        _output = output;
        Count = terms.Sum(term => term.Evaluations);
        bool plain = terms.All(term => term.Kernel.Order.IsOne);

        (List<int[]> pools, int[][] poolOf) = Pools(terms, input.Indices, shift: 0);
        _pools = plain ? null : new CoordinateMeans(pools);
        GroupElement[] elements = [.. terms.SelectMany(term => term.Transversal)];
        _rows = plain ? IndexTables.Preimages(elements, input.Indices) : PoolTable(terms, input.Indices, poolOf);
        _pullBack = IndexTables.Images(elements, output.Indices);

        // The means over transversals of all terms stand side by side, so those of one term start where the last end.
        (List<int[]> orbits, int[][] orbitOf) = Pools(terms, output.Indices, shift: output.Indices.Degree);
        _symmetrised = plain ? null : new CoordinateMeans(orbits);
        _spread = new DeviceTensor(tensor([.. orbitOf.SelectMany(orbit => orbit.Select(o => (long)o))]));
    }

    /// <summary>The number of rows for one input.</summary>
    public int Count { get; }

    /// <summary>Fuses terms where that is possible, else gives null.</summary>
    public static FusedTerms? Of(
        IReadOnlyList<QuotientTerm> terms, TensorAction input, TensorAction output, Invariance invariance, Reduction reduction) =>
        input is AxisAction axes && output is AxisAction outputAxes && invariance == Invariance.Average && reduction.IsMean
            ? new FusedTerms(terms, axes, outputAxes)
            : null;

    /// <summary>Every row of every term, <c>[B, …] → [R·B, …]</c>.</summary>
    public Tensor Expand(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = _input.Flatten(x);
        return Coordinates.Spread(_pools is null ? flat : _pools.Apply(flat), _rows.On(x.device))
            .reshape([Count * x.shape[0], .. x.shape[1..]]).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of the terms' values, <c>[R·B, …] → [B, …]</c>.</summary>
    public Tensor Collect(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        long batch = values.shape[0] / Count;
        Tensor pulledBack = Coordinates.GatherEach(_output.Flatten(values).unflatten(0, Count, batch), _pullBack.On(values.device));
        long[] shape = [batch, .. values.shape[1..]];
        if (_terms.Count == 1)
        {
            return Symmetrise(pulledBack.mean([0L])).reshape(shape).MoveToOuterDisposeScope();
        }

        Tensor[] means = [.. pulledBack.split([.. _terms.Select(term => (long)term.Evaluations)], 0).Select(part => part.mean([0L]))];
        if (_symmetrised is null)
        {
            return means.Aggregate((sum, mean) => sum + mean).reshape(shape).MoveToOuterDisposeScope();
        }

        Tensor sideBySide = Symmetrise(cat(means, Coordinates.Axis));
        return sideBySide.unflatten(Coordinates.Axis, _terms.Count, _output.Indices.Degree).sum(Coordinates.Axis)
            .reshape(shape).MoveToOuterDisposeScope();
    }

    private Tensor Symmetrise(Tensor means) =>
        _symmetrised is null ? means : Coordinates.Gather(_symmetrised.Apply(means), _spread.On(means.device));

    /// <summary>
    /// The orbits of every kernel, one term after the other, and for every term the number of each coordinate's orbit
    /// among all of them. The coordinates of term <c>i</c> are shifted by <c>i·shift</c>.
    /// </summary>
    private static (List<int[]> Orbits, int[][] OrbitOf) Pools(IReadOnlyList<QuotientTerm> terms, PermutationAction action, int shift)
    {
        var all = new List<int[]>();
        var orbitOf = new int[terms.Count][];
        for (int i = 0; i < terms.Count; i++)
        {
            PermutationAction restricted = action.Restrict(terms[i].Kernel);
            orbitOf[i] = [.. restricted.OrbitIndex.Select(orbit => all.Count + orbit)];
            all.AddRange(restricted.Orbits.Select(orbit => orbit.Select(point => point + (i * shift)).ToArray()));
        }

        return (all, orbitOf);
    }

    /// <summary>For every transversal element <c>t</c> and coordinate, the pool that <c>t⁻¹</c> takes it to, <c>[R, n]</c>.</summary>
    private static DeviceTensor PoolTable(IReadOnlyList<QuotientTerm> terms, PermutationAction action, int[][] poolOf)
    {
        long elements = terms.Sum(term => (long)term.Evaluations);
        TableLimit.Require(elements, action.Degree, sizeof(long), $"{action.Group} on {action.Name}");
        var rows = new List<long>();
        var preimages = new int[action.Degree];
        for (int i = 0; i < terms.Count; i++)
        {
            foreach (GroupElement element in terms[i].Transversal)
            {
                Permutations.Invert(action.Permutation(element), preimages);
                foreach (int preimage in preimages)
                {
                    rows.Add(poolOf[i][preimage]);
                }
            }
        }

        return new DeviceTensor(tensor(rows.ToArray(), [rows.Count / action.Degree, action.Degree], dtype: ScalarType.Int64));
    }
}
