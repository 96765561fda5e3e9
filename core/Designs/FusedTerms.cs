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
/// from the pools gives every row <c>t·Inv_K(x)</c> of every term. Outputs go the same way back: one scatter pulls all of them back and
/// lays each term's coordinates orbit by orbit, so that the means need no further move.
/// </remarks>
internal sealed class FusedTerms
{
    private readonly AxisAction _input;
    private readonly AxisAction _output;
    private readonly CoordinateMeans? _pools;
    private readonly DeviceTensor _rows;
    private readonly DeviceTensor _pullBack;
    private readonly AlikeTerms[] _collect;

    /// <summary>The first row of those in the tables that are this one's.</summary>
    private readonly int _from;

    private FusedTerms(IReadOnlyList<QuotientTerm> terms, AxisAction input, AxisAction output)
    {
        _input = input;
        _output = output;
        // Terms that are alike come one after another.
        (QuotientTerm Term, PermutationAction Kernel)[][] alike =
            [.. terms.Select(term => (term, output.Indices.Restrict(term.Kernel))).GroupBy(pair => Likeness(pair.term, pair.Item2)).Select(group => group.ToArray())];
        _collect = [.. alike.Select(group => new AlikeTerms(group[0].Term.Evaluations, [.. group.Select(pair => pair.Kernel)]))];
        QuotientTerm[] inOrder = [.. alike.SelectMany(group => group.Select(pair => pair.Term))];
        (GroupElement Element, int Term)[] rows = [.. inOrder.SelectMany((term, i) => term.Transversal.Select(element => (element, i)))];
        GroupElement[] elements = [.. rows.Select(row => row.Element)];
        Count = elements.Length;

        int[][] orders = [.. alike.SelectMany((group, i) => group.Select((_, term) => _collect[i].Order(term)))];
        _pullBack = IndexTables.Of(elements, output.Indices, (row, permutation, to) =>
        {
            foreach ((int place, int coordinate) in orders[rows[row].Term].Index())
            {
                to[permutation[coordinate]] = place;
            }
        });

        if (inOrder.All(term => term.Kernel.Order.IsOne))
        {
            _rows = IndexTables.Images(elements, input.Indices);
            return;
        }

        PermutationAction[] kernels = [.. inOrder.Select(term => input.Indices.Restrict(term.Kernel))];
        int[] first = new int[kernels.Length];
        for (int term = 1; term < kernels.Length; term++)
        {
            first[term] = first[term - 1] + kernels[term - 1].OrbitCount;
        }

        _pools = new CoordinateMeans([.. kernels.SelectMany(kernel => kernel.Orbits)]);
        _rows = IndexTables.Of(elements, input.Indices, (row, permutation, from) =>
        {
            int term = rows[row].Term;
            int[] orbitOf = kernels[term].OrbitIndex;
            for (int i = 0; i < from.Length; i++)
            {
                from[permutation[i]] = _pools.Places[first[term] + orbitOf[i]];
            }
        });
    }

    /// <summary>Takes some rows of a single term.</summary>
    private FusedTerms(FusedTerms whole, int from, int count)
    {
        (_input, _output, _pools, _rows, _pullBack) = (whole._input, whole._output, whole._pools, whole._rows, whole._pullBack);
        _collect = [whole._collect[0].With(count)];
        _from = from;
        Count = count;
    }

    /// <summary>The number of rows for one input.</summary>
    public int Count { get; }

    /// <summary>Fuses terms where that is possible, else gives null.</summary>
    public static FusedTerms? Of(
        IReadOnlyList<QuotientTerm> terms, TensorAction input, TensorAction output, Invariance invariance, Reduction reduction) =>
        input is AxisAction axes && output is AxisAction outputAxes && invariance == Invariance.Average && reduction.IsMean
            ? new FusedTerms(terms, axes, outputAxes)
            : null;

    /// <summary>Some elements of a single term's transversal: the mean is over them.</summary>
    public FusedTerms Part(int from, int count) => new(this, from, count);

    /// <summary>Every row of every term, <c>[B, …] → [R·B, …]</c>.</summary>
    public Tensor Expand(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = x.shape;
        Tensor flat = _input.Flatten(x);
        Tensor rows = _pools is null
            ? Coordinates.Permute(flat, Own(_rows, x.device))
            : Coordinates.Spread(_pools.Apply(flat), Own(_rows, x.device));
        return rows.view([Count * shape[0], .. shape[1..]]).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of the terms' values, <c>[R·B, …] → [B, …]</c>.</summary>
    public Tensor Collect(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = values.shape;
        shape[0] /= Count;
        Tensor pulledBack = Coordinates.PermuteEach(_output.Flatten(values).unflatten(0, Count, shape[0]), Own(_pullBack, values.device));
        Tensor[] parts = _collect.Length == 1 ? [pulledBack] : pulledBack.split([.. _collect.Select(terms => terms.Rows)], 0);
        return parts.Zip(_collect, (part, terms) => terms.Sum(part)).Aggregate((sum, term) => sum + term)
            .reshape(shape).MoveToOuterDisposeScope();
    }

    /// <summary>The rows of a table that are this one's.</summary>
    private Tensor Own(DeviceTensor table, Device device)
    {
        Tensor all = table.On(device);
        return all.shape[0] == Count ? all : all.narrow(0, _from, Count);
    }

    /// <summary>What terms have to have in common for their values to become means together.</summary>
    private static string Likeness(QuotientTerm term, PermutationAction kernel) =>
        $"{term.Evaluations}: {string.Join(", ", kernel.Orbits.CountBy(orbit => orbit.Length).OrderBy(count => count.Key))}";
}
