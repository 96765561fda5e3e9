using System.Runtime.InteropServices;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Representations;

/// <summary>A term of a sum of poolings: each class of rows gets the sum over a list of columns of its own.</summary>
/// <param name="RowOrbit">The orbit of points of the output that the rows are.</param>
/// <param name="Classes">The number of classes.</param>
/// <param name="Rows">The rows, class after class, each class of one length; classes are in the order of their first rows.</param>
/// <param name="Columns">The columns that are summed for each class, all lists of one length.</param>
internal sealed record PooledTerm(int RowOrbit, int Classes, int[] Rows, int[] Columns)
{
    public int RowsPerClass => Rows.Length / Classes;

    public int ColumnsPerClass => Columns.Length / Classes;
}

/// <summary>
/// Another basis of the maps that are constant on orbits of pairs, whose members are poolings: read off the orbits, so
/// every group profits that has such orbits.
/// </summary>
/// <remarks>
/// An orbit is a graph between rows and columns. The group permutes its connected components, so the pairs inside a
/// component, the orbit's closure, are a union of orbits: pool the columns of each component, copy to its rows. For all
/// permutations of n points the closures are the diagonal (a scaling) and everything (one sum); for blocks of points the
/// pairs within a block come between. An orbit lies in the closures around it, and taking their coefficients off, from the
/// largest down, gives the coefficients of the new basis. Where several orbits have one closure, the largest of them stands
/// for it and each other is a term by itself, with a class for each row.
/// </remarks>
internal sealed class OrbitClosures
{
    /// <summary>Each orbit has a forest over all rows and columns; and many terms are no gain.</summary>
    private const int MostOrbits = 64;

    private OrbitClosures(PooledTerm[] terms, double[,] change)
    {
        Terms = terms;
        Change = change;
    }

    /// <summary>Gets the terms, those of one division of rows into classes side by side.</summary>
    public IReadOnlyList<PooledTerm> Terms { get; }

    /// <summary>Gets the change of coefficients: a row for each term, a column for each orbit; whole numbers.</summary>
    public double[,] Change { get; }

    /// <summary>Finds the terms; null where they are too many, or where much is left that is no pooling.</summary>
    /// <param name="orbits">The orbits on pairs.</param>
    /// <param name="rowOrbits">The number of each row's orbit.</param>
    /// <param name="columnOrbits">The number of each column's orbit.</param>
    public static OrbitClosures? Of(PairOrbits orbits, int[] rowOrbits, int[] columnOrbits)
    {
        if (orbits.Count > MostOrbits)
        {
            return null;
        }

        Forests forests = new(orbits);
        int[] sizes = new int[orbits.Count];
        int[] first = new int[orbits.Count];
        for (int pair = orbits.Labels.Length - 1; pair >= 0; pair--)
        {
            sizes[orbits.Labels[pair]]++;
            first[orbits.Labels[pair]] = pair;
        }

        bool Encloses(int outer, int inner)
        {
            (int row, int column) = Math.DivRem(first[inner], orbits.Columns);
            return forests.AreJoined(outer, row, column);
        }

        int[] all = [.. Enumerable.Range(0, orbits.Count)];

        // Of orbits with one closure, the largest stands for it; the first of several.
        bool IsClosure(int k) => !all.Any(other =>
            other != k && Encloses(k, other) && Encloses(other, k) && (sizes[other], -other).CompareTo((sizes[k], -k)) > 0);
        bool[] closed = [.. all.Select(IsClosure)];
        const int SmallestGain = 8;
        if (all.Where(k => !closed[k]).Sum(k => (long)sizes[k]) * SmallestGain > orbits.Labels.Length)
        {
            return null;
        }

        PooledTerm[] terms = [.. all.Select(k => closed[k]
            ? forests.Closure(k, rowOrbits, columnOrbits, first[k])
            : ByRows(orbits, k, rowOrbits[first[k] / orbits.Columns]))];
        double[][] change = ChangeOf(all, closed, Encloses, k => (long)terms[k].Rows.Length * terms[k].ColumnsPerClass);
        int[] order = [.. all.OrderBy(k => terms[k].RowOrbit).ThenBy(k => terms[k].Classes).ThenBy(k => terms[k].Rows, RowOrder.Instance)];
        double[,] matrix = new double[orbits.Count, orbits.Count];
        for (int i = 0; i < order.Length; i++)
        {
            for (int k = 0; k < orbits.Count; k++)
            {
                matrix[i, k] = change[order[i]][k];
            }
        }

        return new OrbitClosures([.. order.Select(k => terms[k])], matrix);
    }

    /// <summary>The coefficient of each term: that of its orbit, less those of the other closures that enclose the orbit.</summary>
    private static double[][] ChangeOf(int[] all, bool[] closed, Func<int, int, bool> encloses, Func<int, long> pairs)
    {
        double[][] change = [.. all.Select(_ => new double[all.Length])];
        foreach (int k in all.OrderBy(k => !closed[k]).ThenByDescending(pairs))
        {
            change[k][k] = 1;
            foreach (int outer in all.Where(outer => outer != k && closed[outer] && encloses(outer, k)))
            {
                for (int i = 0; i < all.Length; i++)
                {
                    change[k][i] -= change[outer][i];
                }
            }
        }

        return change;
    }

    /// <summary>An orbit as it is: for each row the columns that it is paired with.</summary>
    private static PooledTerm ByRows(PairOrbits orbits, int label, int rowOrbit)
    {
        List<int> rows = [], columns = [];
        for (int row = 0; row < orbits.Rows; row++)
        {
            int before = columns.Count;
            ReadOnlySpan<int> labels = orbits.Labels.AsSpan(row * orbits.Columns, orbits.Columns);
            for (int column = 0; column < labels.Length; column++)
            {
                if (labels[column] == label)
                {
                    columns.Add(column);
                }
            }

            if (columns.Count > before)
            {
                rows.Add(row);
            }
        }

        return new PooledTerm(rowOrbit, rows.Count, [.. rows], [.. columns]);
    }

    /// <summary>Brings equal lists of rows together.</summary>
    private sealed class RowOrder : IComparer<int[]>
    {
        public static readonly RowOrder Instance = new();

        public int Compare(int[]? left, int[]? right) => left.AsSpan().SequenceCompareTo(right);
    }

    /// <summary>The components of each orbit's graph: disjoint sets of rows and, after them, columns.</summary>
    private sealed class Forests
    {
        private readonly DisjointSets[] _components;
        private readonly int _rows;

        public Forests(PairOrbits orbits)
        {
            _rows = orbits.Rows;
            int nodes = orbits.Rows + orbits.Columns;
            _components = [.. Enumerable.Range(0, orbits.Count).Select(_ => new DisjointSets(nodes))];
            for (int row = 0; row < orbits.Rows; row++)
            {
                ReadOnlySpan<int> labels = orbits.Labels.AsSpan(row * orbits.Columns, orbits.Columns);
                for (int column = 0; column < labels.Length; column++)
                {
                    _components[labels[column]].Join(row, _rows + column);
                }
            }
        }

        public bool AreJoined(int label, int row, int column) => _components[label].Root(row) == _components[label].Root(_rows + column);

        public PooledTerm Closure(int label, int[] rowOrbits, int[] columnOrbits, int firstPair)
        {
            (int firstRow, int firstColumn) = Math.DivRem(firstPair, columnOrbits.Length);
            DisjointSets components = _components[label];
            Dictionary<int, (List<int> Rows, List<int> Columns)> classes = [];
            List<int> order = [];
            for (int row = 0; row < _rows; row++)
            {
                if (rowOrbits[row] == rowOrbits[firstRow])
                {
                    int root = components.Root(row);
                    ref (List<int> Rows, List<int> Columns) members = ref CollectionsMarshal.GetValueRefOrAddDefault(classes, root, out bool known);
                    if (!known)
                    {
                        members = ([], []);
                        order.Add(root);
                    }

                    members.Rows.Add(row);
                }
            }

            for (int column = 0; column < columnOrbits.Length; column++)
            {
                if (columnOrbits[column] == columnOrbits[firstColumn])
                {
                    classes[components.Root(_rows + column)].Columns.Add(column);
                }
            }

            return new PooledTerm(
                rowOrbits[firstRow], order.Count, [.. order.SelectMany(root => classes[root].Rows)], [.. order.SelectMany(root => classes[root].Columns)]);
        }
    }
}
