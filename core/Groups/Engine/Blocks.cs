namespace Equivariant.Core.Groups.Engine;

/// <summary>Blocks of points that a group of permutations takes to each other.</summary>
internal static class Blocks
{
    /// <summary>Numbers the blocks of the finest system in which point 0 shares a block with another (Atkinson, 1975); null when there is none.</summary>
    public static int[]? Smallest(int degree, int[][] generators)
    {
        int[]? best = null;
        int bestCount = 1;
        for (int other = 1; other < degree; other++)
        {
            int[] parent = Permutations.Identity(degree);
            Queue<(int, int)> merged = new();
            parent[other] = 0;
            merged.Enqueue((0, other));
            while (merged.TryDequeue(out (int A, int B) pair))
            {
                foreach (int[] generator in generators)
                {
                    int a = Root(parent, generator[pair.A]), b = Root(parent, generator[pair.B]);
                    if (a != b)
                    {
                        parent[Math.Max(a, b)] = Math.Min(a, b);
                        merged.Enqueue((a, b));
                    }
                }
            }

            int[] number = new int[degree];
            int count = 0;
            for (int point = 0; point < degree; point++)
            {
                int root = Root(parent, point);
                number[point] = root == point ? count++ : number[root];
            }

            if (count > bestCount)
            {
                (best, bestCount) = (number, count);
            }
        }

        return best;
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

    private static int Root(int[] parent, int point)
    {
        while (parent[point] != point)
        {
            parent[point] = parent[parent[point]];
            point = parent[point];
        }

        return point;
    }
}
