using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>Recognises a group of permutations as a whole wreath product K ≀ S: K on each of some blocks, S on the blocks.</summary>
/// <remarks>A transitive group is inside the wreath product of how a block's stabiliser acts on the block and how all act on blocks; the orders decide.</remarks>
internal static class WreathForm
{
    /// <summary>Finds K and S with the smallest blocks; null for another group.</summary>
    public static (PermutationGroup Inner, PermutationGroup Outer)? Find(PermutationGroup group)
    {
        int[][] generators = group.GeneratorCodes;
        if (Permutations.Orbits(group.Degree, generators).Max() > 0 || Blocks.Smallest(group.Degree, generators) is not int[] blocks)
        {
            return null;
        }

        int count = blocks.Max() + 1;
        PermutationGroup outer = new(count, [.. generators.Select(g => Blocks.Permuted(blocks, count, g))]);
        int[] first = [.. Enumerable.Range(0, group.Degree).Where(point => blocks[point] == 0)];
        PermutationGroup inner = new(first.Length, [.. OnBlock(generators, blocks, first).Distinct(CodeComparer.Instance)]);
        return BigInteger.Pow(inner.Order, count) * outer.Order == group.Order ? (inner, outer) : null;
    }

    /// <summary>How generators of the stabiliser of the first block act on it, by Schreier's lemma.</summary>
    private static IEnumerable<int[]> OnBlock(int[][] generators, int[] blocks, int[] first)
    {
        Dictionary<int, int[]> taking = new() { [0] = Permutations.Identity(blocks.Length) };
        List<int> queue = [0];
        for (int i = 0; i < queue.Count; i++)
        {
            foreach (int[] generator in generators)
            {
                int[] product = Permutations.Product(generator, taking[queue[i]]);
                int image = blocks[product[first[0]]];
                if (taking.TryGetValue(image, out int[]? known))
                {
                    yield return Permutations.Restrict(Permutations.Product(Permutations.Inverse(known), product), first);
                    continue;
                }

                taking.Add(image, product);
                queue.Add(image);
            }
        }
    }
}
