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
        (Tensor sorted, Tensor order) = keys.sort(1, false, true);
        Tensor left = sorted.narrow(1, 0, Math.Max(0, keys.shape[1] - 1));
        Tensor right = sorted.narrow(1, Math.Min(1, keys.shape[1]), left.shape[1]);
        Tensor steps = (tolerance > 0 ? (right - left).gt(tolerance) : right.ne(left)).to(ScalarType.Int64);
        Tensor first = zeros([keys.shape[0], keys.shape[1] - left.shape[1]], ScalarType.Int64, keys.device);
        return zeros_like(order).scatter_(1, order, cat([first, steps], 1).cumsum(1)).MoveToOuterDisposeScope();
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
        Tensor ranks = zeros(columns.shape[..2], ScalarType.Int64, columns.device);
        for (long column = 0; column < columns.shape[2] && !AreAllDistinct(ranks); column++)
        {
            Tensor keys = columns.select(2, column);
            ranks = column == 0 ? Of(keys, tolerance) : Refine(ranks, keys, tolerance);
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
