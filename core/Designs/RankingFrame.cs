using System.Numerics;
using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// A frame of a symmetric group: each input's points are sorted by ranks that move with them. One order as a rule; where points tie, all
/// orders of theirs, or some drawn at random.
/// </summary>
/// <remarks>
/// Equal points tie too: an output that tells points apart would otherwise depend on their order. Ties that are drawn make the design
/// right in expectation only; <see cref="LastTies"/> says so.
/// </remarks>
public abstract class RankingFrame : Frame
{
    private readonly TieBreaks _ties;

    /// <summary>Names the module.</summary>
    /// <param name="name">The module's name.</param>
    /// <param name="ties">What is done about ties.</param>
    protected RankingFrame(string name, TieBreaks ties)
        : base(name) => _ties = ties;

    /// <summary>What was done about ties in the last batch; null before the first.</summary>
    public TieReport? LastTies { get; private set; }

    /// <summary>Ranks the points of every input.</summary>
    /// <param name="points">How the points lie in the batch.</param>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <returns><c>[B, n]</c>, <c>int64</c>, from 0 without gaps; equal for points that tie. They move with the points.</returns>
    protected abstract Tensor Ranks(PointSignal points, Tensor x);

    /// <inheritdoc/>
    public override void Require(TensorAction input) => Require(Points(input));

    /// <inheritdoc/>
    public override Picks Pick(TensorAction action, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor ranks = Ranks(Points(action), x);
        long batch = x.shape[0];
        if (Ranking.AreAllDistinct(ranks))
        {
            LastTies = new TieReport(batch, 0, 0, BigInteger.One);
            // Without ties the ranks are where the points go: the permutation itself.
            return Picks.Each(ElementBatch.Trusted(action.Group, ranks.MoveToOuterDisposeScope()), batch);
        }

        return Break(action, ranks);
    }

    /// <summary>Refuses points that the frame is not for: those of sets, or the nodes of graphs.</summary>
    private protected virtual void Require(PointSignal points)
    {
    }

    /// <summary>Refuses numbers by which nothing can be sorted.</summary>
    internal static void RequireComparable(Tensor keys, string what)
    {
        if (keys.is_complex())
        {
            throw new EquivariantException($"{what} are {keys.dtype}, which have no order: sort by real numbers.");
        }

        using DisposeScope scope = NewDisposeScope();
        // The largest of numbers with NaN among them is NaN.
        if (keys.is_floating_point() && keys.numel() > 0 && keys.amax().isnan().item<bool>())
        {
            throw new EquivariantException($"{what} have NaN among them, which has no place in an order: look at what they are computed from.");
        }
    }

    private static PointSignal Points(TensorAction action) => PointSignal.Of(action, "A frame that sorts");

    private Picks Break(TensorAction action, Tensor ranks)
    {
        (long batch, int n) = (ranks.shape[0], (int)ranks.shape[1]);
        (Tensor sorted, Tensor order) = ranks.sort(1, false, true);
        long[] orders = order.cpu().contiguous().data<long>().ToArray();
        long[] places = sorted.cpu().contiguous().data<long>().ToArray();
        List<long[]> taken = [];
        List<long> input = [];
        List<double> weights = [];
        (long tied, long drawn, BigInteger most) = (0, 0, BigInteger.One);
        for (int row = 0; row < batch; row++)
        {
            (List<long[]> rowOrders, BigInteger count) = _ties.Break(orders[(row * n)..((row + 1) * n)], places[(row * n)..((row + 1) * n)]);
            taken.AddRange(rowOrders);
            input.AddRange(Enumerable.Repeat((long)row, rowOrders.Count));
            weights.AddRange(Enumerable.Repeat(1.0 / rowOrders.Count, rowOrders.Count));
            tied += count.IsOne ? 0 : 1;
            drawn += count > _ties.Listed ? 1 : 0;
            most = BigInteger.Max(most, count);
        }

        LastTies = new TieReport(batch, tied, drawn, most);
        Tensor images = IndexTables.Inverse(tensor([.. taken.SelectMany(each => each)], [taken.Count, n], dtype: ScalarType.Int64, device: ranks.device));
        return Picks.Of(
            ElementBatch.Trusted(action.Group, images.MoveToOuterDisposeScope()),
            tensor([.. input], device: ranks.device).MoveToOuterDisposeScope(),
            tensor([.. weights], device: ranks.device).MoveToOuterDisposeScope(),
            batch);
    }
}

/// <inheritdoc cref="Frame.Sorting"/>
internal sealed class SortingFrame(TieBreaks ties) : RankingFrame("sorting", ties)
{
    private protected override void Require(PointSignal points)
    {
        if (points.IsGraph)
        {
            throw new EquivariantException(
                "Sorting by features is for sets: the entries of an adjacency matrix move with both of their nodes. Take colour refinement or the spectral frame for graphs, or sort by keys of your own.");
        }
    }

    protected override Tensor Ranks(PointSignal points, Tensor x)
    {
        Tensor features = points.Features(x);
        RequireComparable(features, "The features to sort by");
        return Ranking.Lexicographic(features);
    }
}

/// <inheritdoc cref="Frame.SortingBy"/>
internal sealed class KeyFrame(Func<Tensor, Tensor> keys, TieBreaks ties, double tolerance) : RankingFrame("sorting by keys", ties)
{
    protected override Tensor Ranks(PointSignal points, Tensor x)
    {
        Tensor numbers = DesignChecks.PerPoint(keys(x), x.shape[0], points.Points, "The keys to sort by");
        RequireComparable(numbers, "The keys to sort by");
        return Ranking.Of(numbers, tolerance);
    }
}
