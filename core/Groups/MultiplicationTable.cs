namespace Equivariant.Core.Groups;

/// <summary>Tables of products: entry (a, b) is the number of a · b.</summary>
internal static class MultiplicationTable
{
    /// <summary>Checks that a table is that of a group.</summary>
    /// <returns>The identity, and few elements that generate all others.</returns>
    /// <exception cref="EquivariantException">It is not; the message names the entry that shows it.</exception>
    public static (int Identity, IReadOnlyList<int> Generators) Check(int[,] table)
    {
        int n = table.GetLength(0);
        if (n == 0 || table.GetLength(1) != n)
        {
            throw new EquivariantException(
                $"A multiplication table has a row and a column for each element; this one is {n} × {table.GetLength(1)}.");
        }

        for (int a = 0; a < n; a++)
        {
            for (int b = 0; b < n; b++)
            {
                if ((uint)table[a, b] >= (uint)n)
                {
                    throw new EquivariantException(
                        $"The table is not closed: entry [{a}, {b}] is {table[a, b]}, but the elements are 0 to {n - 1}.");
                }
            }
        }

        int identity = IdentityOf(table);
        RequireInverses(table, identity);
        return (identity, GeneratorsOf(table, identity));
    }

    private static int IdentityOf(int[,] table)
    {
        int n = table.GetLength(0);
        int best = 0, matches = -1;
        for (int e = 0; e < n; e++)
        {
            int here = Enumerable.Range(0, n).Sum(x => (table[e, x] == x ? 1 : 0) + (table[x, e] == x ? 1 : 0));
            if (here > matches)
            {
                (best, matches) = (e, here);
            }
        }

        for (int x = 0; x < n; x++)
        {
            (int a, int b) = table[best, x] != x ? (best, x) : (x, best);
            if (table[a, b] != x)
            {
                throw new EquivariantException(
                    $"The table has no identity: {best} comes closest, but entry [{a}, {b}] is {table[a, b]} where it should be {x}.");
            }
        }

        return best;
    }

    /// <summary>With associativity, an inverse on the right for each element makes a group.</summary>
    private static void RequireInverses(int[,] table, int identity)
    {
        int n = table.GetLength(0);
        int[] first = new int[n];
        for (int a = 0; a < n; a++)
        {
            Array.Fill(first, -1);
            for (int b = 0; b < n; b++)
            {
                int product = table[a, b];
                if (first[product] >= 0)
                {
                    throw new EquivariantException(
                        $"{a} has no inverse: entries [{a}, {first[product]}] and [{a}, {b}] are both {product}" +
                        (Enumerable.Range(0, n).Any(x => table[a, x] == identity)
                            ? ", but what has an inverse takes no two elements to one."
                            : $", and the identity, {identity}, is missing in row {a}."));
                }

                first[product] = b;
            }
        }
    }

    /// <summary>
    /// Light's test: (x · g) · y = x · (g · y) for all x and y. The g that pass it are closed under products, so those that generate
    /// all others are enough; and they form a group, so each new one at least doubles what is generated.
    /// </summary>
    private static List<int> GeneratorsOf(int[,] table, int identity)
    {
        int n = table.GetLength(0);
        List<int> generators = [];
        bool[] reached = new bool[n];
        reached[identity] = true;
        List<int> members = [identity];
        for (int candidate = 0; candidate < n; candidate++)
        {
            if (reached[candidate])
            {
                continue;
            }

            RequireAssociative(table, candidate);
            generators.Add(candidate);

            // Anew from the identity: earlier members meet the new generator as well.
            for (int at = 0; at < members.Count; at++)
            {
                foreach (int g in generators)
                {
                    int product = table[members[at], g];
                    if (!reached[product])
                    {
                        reached[product] = true;
                        members.Add(product);
                    }
                }
            }
        }

        return generators;
    }

    private static void RequireAssociative(int[,] table, int g)
    {
        int n = table.GetLength(0);
        for (int x = 0; x < n; x++)
        {
            int left = table[x, g];
            for (int y = 0; y < n; y++)
            {
                int right = table[g, y];
                if (table[left, y] != table[x, right])
                {
                    throw new EquivariantException(
                        $"The table is not associative: ({x} · {g}) · {y} = {left} · {y} is entry [{left}, {y}], {table[left, y]}, " +
                        $"but {x} · ({g} · {y}) = {x} · {right} is entry [{x}, {right}], {table[x, right]}.");
                }
            }
        }
    }
}
