using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Bounds the order of a permutation group from above by what its orbits and blocks allow. Where a chain found with random elements,
/// whose order is a bound from below, reaches it, nothing is left to prove.
/// </summary>
internal static class OrderBound
{
    /// <summary>The largest number of points among which blocks are looked for.</summary>
    private const int MostPointsForBlocks = 1024;

    /// <summary>Bounds the order by the product of bounds for the orbits.</summary>
    public static BigInteger Of(int degree, IReadOnlyList<int[]> generators)
    {
        int[] orbit = new int[degree];
        Array.Fill(orbit, -1);
        BigInteger bound = BigInteger.One;
        for (int start = 0; start < degree; start++)
        {
            if (orbit[start] >= 0)
            {
                continue;
            }

            List<int> points = [start];
            orbit[start] = 0;
            for (int i = 0; i < points.Count; i++)
            {
                foreach (int[] generator in generators)
                {
                    int image = generator[points[i]];
                    if (orbit[image] < 0)
                    {
                        orbit[image] = points.Count;
                        points.Add(image);
                    }
                }
            }

            if (points.Count > 1)
            {
                int[][] restricted = [.. generators.Select(g => points.Select(point => orbit[g[point]]).ToArray())];
                bound *= OfTransitive(points.Count, restricted);
            }
        }

        return bound;
    }

    private static BigInteger OfTransitive(int degree, int[][] generators)
    {
        // A commutative transitive group is regular.
        if (Permutations.Commute(generators))
        {
            return degree;
        }

        BigInteger bound = Factorial(degree);
        if (generators.All(g => Permutations.IsEven(g)))
        {
            bound /= 2;
        }

        if (degree <= MostPointsForBlocks && Blocks.Smallest(degree, generators) is int[] blocks)
        {
            // Inside the wreath product of all permutations of a block with the action on blocks.
            int count = blocks.Max() + 1;
            int[][] onBlocks = [.. generators.Select(g => Blocks.Permuted(blocks, count, g))];
            bound = BigInteger.Min(bound, BigInteger.Pow(Factorial(degree / count), count) * Of(count, onBlocks));
        }

        return bound;
    }

    private static BigInteger Factorial(int n)
    {
        BigInteger product = BigInteger.One;
        for (int i = 2; i <= n; i++)
        {
            product *= i;
        }

        return product;
    }
}
