using Equivariant.Core.Actions;

namespace Equivariant.Core.Representations;

/// <summary>Commuting permutations of rows and columns, by which matrices that are constant on orbits of pairs fall into circulant blocks.</summary>
/// <remarks>
/// Columns are read cycle by cycle, <c>g^t v</c> for t over <c>Z_p1 × … × Z_pk</c>: as often as the cycle divides the periods, where it
/// is shorter. Then the block between a cycle of columns and one of rows depends on the difference of the two places only.
/// </remarks>
internal sealed class CommutingCycles
{
    /// <summary>How often points may be read, on average, because their cycles are shorter than others.</summary>
    private const long MostRepeats = 4;

    private CommutingCycles(int[] periods, int[][] columnCycles, int[][] rowCycles)
    {
        Periods = periods;
        ColumnCycles = columnCycles;
        RowCycles = rowCycles;
    }

    /// <summary>Gets the periods <c>p1 … pk</c>.</summary>
    public IReadOnlyList<int> Periods { get; }

    /// <summary>Gets the columns of each cycle, one for each place.</summary>
    public IReadOnlyList<int[]> ColumnCycles { get; }

    /// <summary>Gets the rows of each cycle, one for each place.</summary>
    public IReadOnlyList<int[]> RowCycles { get; }

    /// <summary>Gets the number of places, the product of the periods.</summary>
    public int Places => RowCycles[0].Length;

    /// <summary>Gets the numbers that say all blocks.</summary>
    public long Entries => (long)RowCycles.Count * ColumnCycles.Count * Places;

    /// <summary>Looks among generators for those with the fewest entries; null where they are hardly fewer than those of the matrix.</summary>
    /// <param name="columns">The permutations of columns by the generators.</param>
    /// <param name="rows">The permutations of rows by the generators.</param>
    public static CommutingCycles? Find(IReadOnlyList<int[]> columns, IReadOnlyList<int[]> rows)
    {
        CommutingCycles? best = null;
        for (int first = 0; first < columns.Count; first++)
        {
            List<int> chosen = [];
            foreach (int g in Enumerable.Range(0, columns.Count).Select(i => (first + i) % columns.Count))
            {
                if (chosen.All(other => Commute(columns[g], columns[other]) && Commute(rows[g], rows[other])) &&
                    Of([.. chosen, g], columns, rows) is { } found)
                {
                    chosen.Add(g);
                    best = best is null || found.Entries < best.Entries ? found : best;
                }
            }
        }

        const int SmallestGain = 2;
        return best is not null && best.Entries * SmallestGain <= (long)columns[0].Length * rows[0].Length ? best : null;
    }

    private static CommutingCycles? Of(int[] chosen, IReadOnlyList<int[]> columns, IReadOnlyList<int[]> rows)
    {
        long places = 1;
        List<int> periods = [];
        long most = MostRepeats * Math.Min(columns[0].Length, rows[0].Length);
        foreach (int g in chosen)
        {
            long period = Lcm(CycleLengths(columns[g]).Concat(CycleLengths(rows[g])), most);
            places *= period;
            if (period > most || places > most)
            {
                return null;
            }

            periods.Add((int)period);
        }

        int[][]? columnCycles = Cycles([.. chosen.Select(g => columns[g])], periods, (int)places);
        int[][]? rowCycles = Cycles([.. chosen.Select(g => rows[g])], periods, (int)places);
        return columnCycles is null || rowCycles is null ? null : new CommutingCycles([.. periods], columnCycles, rowCycles);
    }

    /// <summary>The points of each orbit by their places, or null where short orbits would have to be repeated too often.</summary>
    private static int[][]? Cycles(int[][] permutations, List<int> periods, int places)
    {
        int degree = permutations[0].Length;
        bool[] seen = new bool[degree];
        List<int[]> cycles = [];
        for (int point = 0; point < degree; point++)
        {
            if (seen[point])
            {
                continue;
            }

            if ((cycles.Count + 1) * (long)places > MostRepeats * degree)
            {
                return null;
            }

            // The last period changes fastest.
            int[] cycle = [point];
            for (int g = 0; g < permutations.Length; g++)
            {
                int[] longer = new int[cycle.Length * periods[g]];
                for (int i = 0; i < cycle.Length; i++)
                {
                    int at = cycle[i];
                    for (int t = 0; t < periods[g]; t++)
                    {
                        longer[i * periods[g] + t] = at;
                        at = permutations[g][at];
                    }
                }

                cycle = longer;
            }

            foreach (int member in cycle)
            {
                seen[member] = true;
            }

            cycles.Add(cycle);
        }

        return [.. cycles];
    }

    private static bool Commute(int[] left, int[] right)
    {
        for (int point = 0; point < left.Length; point++)
        {
            if (left[right[point]] != right[left[point]])
            {
                return false;
            }
        }

        return true;
    }

    private static IEnumerable<int> CycleLengths(int[] permutation)
    {
        bool[] seen = new bool[permutation.Length];
        for (int start = 0; start < permutation.Length; start++)
        {
            int length = 0;
            for (int point = start; !seen[point]; point = permutation[point])
            {
                seen[point] = true;
                length++;
            }

            if (length > 0)
            {
                yield return length;
            }
        }
    }

    /// <summary>The least common multiple, or something above the bound where it is above.</summary>
    private static long Lcm(IEnumerable<int> lengths, long bound)
    {
        long multiple = 1;
        foreach (int length in lengths.Distinct())
        {
            (long a, long b) = (multiple, length);
            while (b != 0)
            {
                (a, b) = (b, a % b);
            }

            multiple *= length / a;
            if (multiple > bound)
            {
                break;
            }
        }

        return multiple;
    }
}
