using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>The places of points in an order, equal for those that tie: whole numbers that move with the points.</summary>
internal static class Ranking
{
    /// <summary>The ranks of keys within each row, <c>[B, n] → [B, n]</c>, <c>int64</c>: 0 for the least, one more for each next larger.</summary>
    /// <param name="keys">The keys; no NaN.</param>
    /// <param name="tolerance">Keys that are this close to the next smaller one have its rank.</param>
    public static Tensor Of(Tensor keys, double tolerance = 0)
    {
        using DisposeScope scope = NewDisposeScope();
        if (keys.shape[1] == 0)
        {
            return zeros(keys.shape, ScalarType.Int64, keys.device).MoveToOuterDisposeScope();
        }

        (Tensor sorted, Tensor order) = keys.contiguous().sort(1, false, true);
        long steps = keys.shape[1] - 1;
        (Tensor left, Tensor right) = (sorted.narrow(1, 0, steps), sorted.narrow(1, 1, steps));
        Tensor rises = tolerance > 0 ? (right - left).gt(tolerance) : right.ne(left);
        return zeros_like(order).scatter_(1, order.narrow(1, 1, steps), rises.cumsum(1, ScalarType.Int64)).MoveToOuterDisposeScope();
    }

    /// <summary>Ranks among those of equal rank by further keys.</summary>
    public static Tensor Refine(Tensor ranks, Tensor keys, double tolerance = 0)
    {
        using DisposeScope scope = NewDisposeScope();
        return Of((ranks * keys.shape[1]) + Of(keys, tolerance)).MoveToOuterDisposeScope();
    }

    /// <summary>The ranks of points by their columns, the first first, <c>[B, n, c] → [B, n]</c>.</summary>
    /// <remarks>Columns after the one that tells all points apart are not looked at.</remarks>
    public static Tensor Lexicographic(Tensor columns, double tolerance = 0)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor ranks = columns.shape[2] == 0 ? zeros(columns.shape[..2], ScalarType.Int64, columns.device) : Of(columns.select(2, 0), tolerance);
        for (long column = 1; column < columns.shape[2] && !AreAllDistinct(ranks); column++)
        {
            ranks = Refine(ranks, columns.select(2, column), tolerance);
        }

        return ranks.MoveToOuterDisposeScope();
    }

    /// <summary>Whether no points tie in any row.</summary>
    public static bool AreAllDistinct(Tensor ranks)
    {
        if (ranks.numel() == 0)
        {
            return true;
        }

        using DisposeScope scope = NewDisposeScope();
        return ranks.amax([1L]).eq(ranks.shape[1] - 1).all().item<bool>();
    }
}
