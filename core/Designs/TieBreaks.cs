using System.Numerics;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Designs;

/// <summary>What a frame that sorts does about points that tie: their order is open, and any fixed choice would not be equivariant.</summary>
/// <param name="Random">Draws orders where there are too many to take all.</param>
/// <param name="Listed">Up to how many orders of one input are all taken: exact.</param>
/// <param name="Drawn">How many are drawn where there are more, each as likely as the others: right in expectation.</param>
public sealed record TieBreaks(Random Random, int Listed = 24, int Drawn = 8)
{
    /// <summary>Up to how many orders of one input are all taken.</summary>
    /// <exception cref="EquivariantException">The number is below 1.</exception>
    public int Listed { get; init => field = Checked(value, nameof(Listed)); } = Checked(Listed, nameof(Listed));

    /// <summary>How many orders are drawn where there are more.</summary>
    /// <exception cref="EquivariantException">The number is below 1.</exception>
    public int Drawn { get; init => field = Checked(value, nameof(Drawn)); } = Checked(Drawn, nameof(Drawn));

    private static int Checked(int orders, string name) => orders >= 1
        ? orders
        : throw new EquivariantException($"{name} is {orders}, but an input needs at least 1 order of its points.");

    /// <summary>The orders of one row that are taken.</summary>
    /// <param name="order">The points in order, with ties in some order.</param>
    /// <param name="ranks">The rank at each place of the order.</param>
    /// <returns>The orders, and how many there are.</returns>
    internal (List<long[]> Orders, BigInteger Count) Break(long[] order, long[] ranks)
    {
        List<(int From, int Length)> blocks = [];
        for (int from = 0, to; from < order.Length; from = to)
        {
            for (to = from + 1; to < order.Length && ranks[to] == ranks[from]; to++)
            {
            }

            if (to - from > 1)
            {
                blocks.Add((from, to - from));
            }
        }

        BigInteger count = blocks.Aggregate(BigInteger.One, (product, block) => product * Factorial(block.Length));
        if (count <= Listed)
        {
            return (blocks.Aggregate(new List<long[]> { order }, (orders, block) => [.. orders.SelectMany(each => Orders(each, block.From, block.Length))]), count);
        }

        List<long[]> drawn = [];
        lock (Random)
        {
            for (int i = 0; i < Drawn; i++)
            {
                long[] shuffled = [.. order];
                foreach ((int from, int length) in blocks)
                {
                    Random.Shuffle(shuffled.AsSpan(from, length));
                }

                drawn.Add(shuffled);
            }
        }

        return (drawn, count);
    }

    /// <summary>Takes one of each of some choices: all ways to do so where there are few, else some that are drawn by their weights.</summary>
    /// <param name="choices">The choices, none without any.</param>
    /// <param name="weight">How much each counts; those of one choice add up to one.</param>
    /// <returns>The ways, and how much each counts; together one.</returns>
    internal IReadOnlyList<(int[] Way, double Weight)> Combine(int[][] choices, Func<int, double> weight)
    {
        BigInteger count = choices.Aggregate(BigInteger.One, (product, each) => product * each.Length);
        if (count <= Listed)
        {
            IEnumerable<(int[] Way, double Weight)> ways = [([], 1.0)];
            return [.. choices.Aggregate(ways, (sofar, each) =>
                sofar.SelectMany(start => each.Select(one => ((int[])[.. start.Way, one], start.Weight * weight(one)))))];
        }

        lock (Random)
        {
            return [.. Enumerable.Range(0, Drawn).Select(_ => ((int[])[.. choices.Select(each => Draw(each, weight))], 1.0 / Drawn))];
        }
    }

    private int Draw(int[] choice, Func<int, double> weight)
    {
        double left = Random.NextDouble();
        return choice.FirstOrDefault(one => (left -= weight(one)) < 0, choice[^1]);
    }

    /// <summary>All orders of a block of places.</summary>
    private static IEnumerable<long[]> Orders(long[] order, int from, int length)
    {
        foreach (GroupElement g in Group.Symmetric(length).Elements)
        {
            long[] moved = [.. order];
            for (int i = 0; i < length; i++)
            {
                moved[from + g.Code[i]] = order[from + i];
            }

            yield return moved;
        }
    }

    private static BigInteger Factorial(int n)
    {
        BigInteger factorial = BigInteger.One;
        for (int i = 2; i <= n; i++)
        {
            factorial *= i;
        }

        return factorial;
    }
}

/// <summary>What a frame that sorts did about ties in its last batch.</summary>
/// <param name="Inputs">The number of inputs.</param>
/// <param name="Tied">Those with points that tie.</param>
/// <param name="Drawn">Those of them with too many orders to take all, whose outputs are right in expectation only.</param>
/// <param name="MostOrders">The largest number of orders of one input.</param>
public sealed record TieReport(long Inputs, long Tied, long Drawn, BigInteger MostOrders)
{
    /// <summary>The report as a sentence.</summary>
    public override string ToString() => Tied == 0
        ? $"no ties in {Inputs} inputs"
        : $"ties in {Tied} of {Inputs} inputs, up to {MostOrders} orders; all orders taken for {Tied - Drawn}, drawn for {Drawn}";
}
