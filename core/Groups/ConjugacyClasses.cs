using System.Numerics;

namespace Equivariant.Core.Groups;

/// <summary>Finds conjugacy classes: by partitions for symmetric and alternating groups, otherwise by walking through the elements.</summary>
internal static class ConjugacyClasses
{
    /// <summary>The largest group whose elements are walked through.</summary>
    private const int ListedElements = 4_000_000;

    public static BigInteger? Count(Group group)
    {
        if (group.IsAbelian)
        {
            return group.Order;
        }

        if (group.Chain is GiantChain giant)
        {
            int n = giant.Points.Count;
            return giant.IsAlternating ? EvenClasses(n) : Partitions(n);
        }

        return group.Order > ListedElements ? null : Walk(group, null);
    }

    public static IReadOnlyList<ConjugacyClass> List(Group group)
    {
        if (group.Order > ListedElements)
        {
            throw new EquivariantException(
                $"{group.Name} has {group.Order} elements; conjugacy classes are listed for at most {ListedElements}.");
        }

        List<ConjugacyClass> classes = [];
        Walk(group, classes);
        return classes;
    }

    private static int Walk(Group group, List<ConjugacyClass>? classes)
    {
        int order = (int)group.Order;
        int width = group.Width;
        GroupChain chain = group.Chain;
        int[][] generators = group.GeneratorCodes;
        int[][] inverses = [.. generators.Select(g => group.Inverted(g))];
        ulong[] seen = new ulong[(order + 63) / 64];
        int[] indices = new int[chain.Length];
        int[] element = new int[width], product = new int[width];
        int[] stack = new int[1024];
        int count = 0;
        for (int start = 0; start < order; start++)
        {
            if ((seen[start >> 6] >> start & 1) != 0)
            {
                continue;
            }

            int height = 0;
            int size = 1;
            seen[start >> 6] |= 1UL << start;
            stack[height++] = start;
            while (height > 0)
            {
                chain.Unrank(stack[--height], indices);
                chain.Product(indices, element);
                for (int g = 0; g < generators.Length; g++)
                {
                    group.Multiply(element, inverses[g], product);
                    group.MultiplyLeft(generators[g], product);
                    chain.TryFactor(product, indices);
                    int rank = (int)chain.Rank(indices);
                    ref ulong word = ref seen[rank >> 6];
                    if ((word >> rank & 1) == 0)
                    {
                        word |= 1UL << rank;
                        size++;
                        if (height == stack.Length)
                        {
                            Array.Resize(ref stack, 2 * height);
                        }

                        stack[height++] = rank;
                    }
                }
            }

            count++;
            if (classes is not null)
            {
                chain.Unrank(start, indices);
                chain.Product(indices, element);
                classes.Add(new ConjugacyClass(group.Wrap(element), size));
            }
        }

        return count;
    }

    /// <summary>The number of partitions of n: the cycle types of permutations.</summary>
    private static BigInteger Partitions(int n)
    {
        BigInteger[] ways = new BigInteger[n + 1];
        ways[0] = 1;
        for (int part = 1; part <= n; part++)
        {
            for (int sum = part; sum <= n; sum++)
            {
                ways[sum] += ways[sum - part];
            }
        }

        return ways[n];
    }

    /// <summary>Cycle types of even permutations, those with distinct odd cycles counted twice since they split.</summary>
    private static BigInteger EvenClasses(int n)
    {
        BigInteger[] signed = new BigInteger[n + 1];
        BigInteger[] distinctOdd = new BigInteger[n + 1];
        signed[0] = distinctOdd[0] = 1;
        for (int part = 1; part <= n; part++)
        {
            for (int sum = part; sum <= n; sum++)
            {
                signed[sum] += part % 2 == 0 ? -signed[sum - part] : signed[sum - part];
            }

            for (int sum = n; sum >= part && part % 2 == 1; sum--)
            {
                distinctOdd[sum] += distinctOdd[sum - part];
            }
        }

        return (Partitions(n) + signed[n]) / 2 + distinctOdd[n];
    }
}
