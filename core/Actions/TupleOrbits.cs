using System.Numerics;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Actions;

/// <summary>Counts the orbits of a permutation group on ordered tuples of points: dimensions of invariant tensors.</summary>
public static class TupleOrbits
{
    /// <summary>The number of pairs up to which all of them are walked through.</summary>
    private const long WalkedPairs = 1L << 28;

    /// <summary>The number of longer tuples up to which they are: beyond, a stabiliser is found sooner.</summary>
    private const long WalkedTuples = 1L << 12;

    /// <summary>Counts the orbits on ordered pairs of points, equal ones included: the dimension of the commutant.</summary>
    /// <exception cref="EquivariantException">There are too many pairs.</exception>
    public static long OnPairs(PermutationGroup group) => Count(group, 2);

    /// <summary>Counts the orbits on ordered triples of points: the dimension of the invariants of the third tensor power.</summary>
    /// <exception cref="EquivariantException">There are too many triples.</exception>
    public static long OnTriples(PermutationGroup group) => Count(group, 3);

    /// <summary>Counts the orbits on ordered tuples of some length.</summary>
    /// <param name="group">The group; its action on its points counts.</param>
    /// <param name="length">The length of the tuples, 0 or more.</param>
    /// <exception cref="EquivariantException">There are too many tuples.</exception>
    public static long Count(PermutationGroup group, int length)
    {
        if (length < 0)
        {
            throw new EquivariantException($"A tuple cannot have {length} entries.");
        }

        try
        {
            return IsTransitiveOnTuples(group, length)
                ? Patterns(length, group.Degree)
                : Count(group, group.GeneratorCodes, group.Order, length);
        }
        catch (OverflowException)
        {
            throw new EquivariantException(
                $"{group.Name} has more than {long.MaxValue} orbits on tuples of {length} of its {group.Degree} points; take shorter tuples.");
        }
    }

    /// <summary>Whether the group is symmetric, or alternating, and so takes any distinct points to any others.</summary>
    private static bool IsTransitiveOnTuples(PermutationGroup group, int length)
    {
        // Of many points the factorial is not worked out to the end: it soon exceeds twice the order of most groups.
        BigInteger factorial = BigInteger.One;
        for (int n = 2; n <= group.Degree && factorial <= group.Order * 2; n++)
        {
            factorial *= n;
        }

        return group.Order == factorial || (group.Order * 2 == factorial && length <= group.Degree - 2);
    }

    /// <summary>
    /// The number of ways in which entries of a tuple can be equal to each other, with at most so many different
    /// ones: the partitions of the places into at most <paramref name="values"/> classes.
    /// </summary>
    private static long Patterns(int length, int values)
    {
        // Row by row, the Stirling numbers of the second kind: the last place is alone, or joins one of the classes.
        var classes = new long[length + 1];
        classes[0] = 1;
        for (int place = 1; place <= length; place++)
        {
            for (int k = place; k >= 1; k--)
            {
                classes[k] = checked((k * classes[k]) + classes[k - 1]);
            }

            classes[0] = 0;
        }

        // The sum is checked.
        return classes.Take(Math.Min(length, values) + 1).Sum();
    }

    /// <param name="group">Does the arithmetic.</param>
    /// <param name="generators">What generates the group whose orbits count.</param>
    /// <param name="order">Its order.</param>
    /// <param name="length">The length of the tuples.</param>
    private static long Count(PermutationGroup group, int[][] generators, BigInteger order, int length)
    {
        int degree = group.Degree;
        if (length == 0)
        {
            return 1;
        }

        if (order.IsOne)
        {
            return checked((long)BigInteger.Pow(degree, length));
        }

        int[] orbits = PairOrbits.PointOrbits(degree, generators);
        int[] lengths = new int[orbits.Max() + 1];
        foreach (int orbit in orbits)
        {
            lengths[orbit]++;
        }

        if (length == 1)
        {
            return lengths.Length;
        }

        if (length == 2 && (long)degree * degree <= WalkedPairs)
        {
            return PairOrbits.CountOf(degree, generators, degree, generators);
        }

        if (Math.Pow(degree, length) <= WalkedTuples)
        {
            // Tuples are pairs (point, shorter tuple).
            int[][] tails = generators;
            for (int i = 2; i < length; i++)
            {
                tails = [.. generators.Zip(tails, Pairs)];
            }

            return PairOrbits.CountOf(tails[0].Length, tails, degree, generators);
        }

        // Orbits on tuples that begin with the first point of an orbit are orbits of its stabiliser on the rest: of all, for a point at rest.
        int resting = lengths.Count(points => points == 1);
        long count = resting == 0 ? 0 : checked(resting * Count(group, generators, order, length - 1));
        for (int point = 0, orbit = 0; point < degree; point++)
        {
            if (orbits[point] == orbit)
            {
                if (lengths[orbit] > 1)
                {
                    BigInteger fixing = order / lengths[orbit];
                    int[][] stabiliser = fixing.IsOne ? [] : Group.StabiliserGenerators(group, generators, point, order);
                    count = checked(count + Count(group, stabiliser, fixing, length - 1));
                }

                orbit++;
            }
        }

        return count;
    }

    private static int[] Pairs(int[] first, int[] second)
    {
        int[] pairs = new int[first.Length * second.Length];
        for (int x = 0, at = 0; x < first.Length; x++)
        {
            foreach (int y in second)
            {
                pairs[at++] = first[x] * second.Length + y;
            }
        }

        return pairs;
    }
}
