using System.Text;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>Plain functions on permutations written as 0-based image lists.</summary>
public static class Permutations
{
    /// <summary>Writes the permutation that moves nothing.</summary>
    public static void WriteIdentity(Span<int> permutation)
    {
        for (int i = 0; i < permutation.Length; i++)
        {
            permutation[i] = i;
        }
    }

    /// <summary>Makes the permutation of <paramref name="degree"/> points that moves nothing.</summary>
    public static int[] Identity(int degree)
    {
        int[] permutation = new int[degree];
        WriteIdentity(permutation);
        return permutation;
    }

    /// <summary>Writes the inverse of a permutation; the two must not overlap.</summary>
    public static void Invert(ReadOnlySpan<int> permutation, Span<int> inverse)
    {
        for (int i = 0; i < permutation.Length; i++)
        {
            inverse[permutation[i]] = i;
        }
    }

    /// <summary>The inverse of a permutation.</summary>
    internal static int[] Inverse(int[] permutation)
    {
        int[] inverse = new int[permutation.Length];
        Invert(permutation, inverse);
        return inverse;
    }

    /// <summary>First the right permutation, then the left one.</summary>
    internal static int[] Product(int[] left, int[] right)
    {
        int[] product = new int[right.Length];
        for (int i = 0; i < product.Length; i++)
        {
            product[i] = left[right[i]];
        }

        return product;
    }

    /// <summary>A permutation so many times, 0 or more.</summary>
    internal static int[] Power(int[] permutation, int exponent)
    {
        int[] power = Identity(permutation.Length), square = permutation;
        for (; exponent > 0; exponent >>= 1)
        {
            if ((exponent & 1) != 0)
            {
                power = Product(square, power);
            }

            square = exponent > 1 ? Product(square, square) : square;
        }

        return power;
    }

    /// <summary>Whether all of some permutations commute.</summary>
    internal static bool Commute(int[][] generators)
    {
        for (int i = 0; i < generators.Length; i++)
        {
            for (int j = i + 1; j < generators.Length; j++)
            {
                for (int point = 0; point < generators[i].Length; point++)
                {
                    if (generators[i][generators[j][point]] != generators[j][generators[i][point]])
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }

    /// <summary>Tells whether a permutation is a product of an even number of transpositions.</summary>
    public static bool IsEven(ReadOnlySpan<int> permutation)
    {
        bool[] seen = new bool[permutation.Length];
        bool even = true;
        for (int start = 0; start < permutation.Length; start++)
        {
            for (int point = permutation[start]; !seen[start] && point != start; point = permutation[point])
            {
                seen[point] = true;
                even = !even;
            }
        }

        return even;
    }

    /// <summary>A permutation on some of its points, which it keeps together, renumbered in order.</summary>
    internal static int[] Restrict(int[] permutation, int[] points) => [.. points.Select(point => Array.BinarySearch(points, permutation[point]))];

    /// <inheritdoc cref="IndependentOrbits.Find"/>
    internal static IReadOnlyList<int[]> IndependentParts(int[][] generators, System.Numerics.BigInteger largest) => IndependentOrbits.Find(generators, largest);

    /// <summary>Numbers the orbits of permutations on single points, by their smallest points.</summary>
    internal static int[] Orbits(int degree, IReadOnlyList<int[]> generators)
    {
        int[] labels = new int[degree];
        Array.Fill(labels, -1);
        int[] queue = new int[degree];
        int count = 0;
        for (int start = 0; start < degree; start++)
        {
            if (labels[start] >= 0)
            {
                continue;
            }

            int end = 0;
            labels[start] = count;
            queue[end++] = start;
            for (int i = 0; i < end; i++)
            {
                foreach (int[] generator in generators)
                {
                    int image = generator[queue[i]];
                    if (labels[image] < 0)
                    {
                        labels[image] = count;
                        queue[end++] = image;
                    }
                }
            }

            count++;
        }

        return labels;
    }

    /// <summary>Writes a permutation in cycle notation: <c>(0 1 2)(3 4)</c>; the identity is <c>()</c>.</summary>
    public static string Format(ReadOnlySpan<int> permutation)
    {
        StringBuilder text = new();
        bool[] seen = new bool[permutation.Length];
        for (int start = 0; start < permutation.Length; start++)
        {
            if (seen[start] || permutation[start] == start)
            {
                continue;
            }

            text.Append('(').Append(start);
            for (int point = permutation[start]; point != start; point = permutation[point])
            {
                seen[point] = true;
                text.Append(' ').Append(point);
            }

            text.Append(')');
        }

        return text.Length == 0 ? "()" : text.ToString();
    }

    /// <summary>Makes an image list from cycles: <c>FromCycles(5, [0, 1, 2], [3, 4])</c>.</summary>
    /// <param name="degree">The number of points.</param>
    /// <param name="cycles">Disjoint cycles.</param>
    /// <exception cref="EquivariantException">A point is out of range or appears twice.</exception>
    public static int[] FromCycles(int degree, params int[][] cycles)
    {
        int[] permutation = Identity(degree);
        bool[] used = new bool[degree];
        foreach (int[] cycle in cycles)
        {
            for (int i = 0; i < cycle.Length; i++)
            {
                int point = cycle[i];
                if ((uint)point >= (uint)degree)
                {
                    throw new EquivariantException($"Point {point} in a cycle is outside 0 to {degree - 1}.");
                }

                if (used[point])
                {
                    throw new EquivariantException($"Point {point} appears twice in the cycles of one permutation.");
                }

                used[point] = true;
                permutation[point] = cycle[(i + 1) % cycle.Length];
            }
        }

        return permutation;
    }

    /// <summary>Refuses a list that is not a permutation, saying which entry is wrong.</summary>
    /// <param name="permutation">The list to check.</param>
    /// <param name="degree">The number of points it must permute.</param>
    /// <param name="what">How to call the list in the message, such as "Generator 2".</param>
    /// <exception cref="EquivariantException">The list has another length, an entry out of range, or a repeated entry.</exception>
    public static void Require(ReadOnlySpan<int> permutation, int degree, string what)
    {
        if (permutation.Length != degree)
        {
            throw new EquivariantException(
                $"{what} has {permutation.Length} entries, but the degree is {degree}; all permutations of a group must have the same degree.");
        }

        int[] first = new int[degree];
        Array.Fill(first, -1);
        for (int i = 0; i < degree; i++)
        {
            int value = permutation[i];
            if ((uint)value >= (uint)degree)
            {
                throw new EquivariantException(
                    $"{what} is not a permutation: entry {i} is {value}, outside 0 to {degree - 1}.");
            }

            if (first[value] >= 0)
            {
                throw new EquivariantException(
                    $"{what} is not a permutation: entries {first[value]} and {i} are both {value}.");
            }

            first[value] = i;
        }
    }
}
