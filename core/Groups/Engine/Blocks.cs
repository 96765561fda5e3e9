namespace Equivariant.Core.Groups.Engine;

/// <summary>Blocks of points that a group of permutations takes to each other.</summary>
internal static class Blocks
{
    /// <summary>Numbers the blocks of the finest system in which point 0 shares a block with another; null when there is none.</summary>
    public static int[]? Smallest(int degree, int[][] generators)
    {
        int[]? best = null;
        int bestCount = 1;
        for (int other = 1; other < degree; other++)
        {
            (int[] number, int count) = Joining(degree, generators, 0, other);
            if (count > bestCount)
            {
                (best, bestCount) = (number, count);
            }
        }

        return best;
    }

    /// <summary>Numbers the blocks of the finest system in which two points share a block (Atkinson, 1975), and counts them.</summary>
    public static (int[] Numbers, int Count) Joining(int degree, int[][] generators, int first, int second)
    {
        DisjointSets sets = new(degree);
        Queue<(int, int)> merged = new();
        sets.Join(first, second);
        merged.Enqueue((first, second));
        while (merged.TryDequeue(out (int A, int B) pair))
        {
            foreach (int[] generator in generators)
            {
                (int a, int b) = (sets.Root(generator[pair.A]), sets.Root(generator[pair.B]));
                if (sets.Join(a, b))
                {
                    merged.Enqueue((a, b));
                }
            }
        }

        int[] numbers = new int[degree];
        return (numbers, sets.Number(numbers));
    }

    /// <summary>How a permutation moves numbered blocks.</summary>
    public static int[] Permuted(int[] blocks, int count, int[] permutation)
    {
        int[] image = new int[count];
        for (int point = 0; point < blocks.Length; point++)
        {
            image[blocks[point]] = blocks[permutation[point]];
        }

        return image;
    }
}
