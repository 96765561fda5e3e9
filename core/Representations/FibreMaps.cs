using Equivariant.Core.Actions;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>All equivariant maps between fibres over points, from generators: orbit by orbit of pairs of points.</summary>
/// <remarks>
/// A map is known by its blocks at one pair of each orbit: elements of the group take that block to all others. It has to commute with
/// the elements that keep the pair, which Schreier's lemma reads off the generators and the walk through the orbit. So the only
/// equations are those of single blocks. Blocks are in coordinates in which the fibres are orthogonal.
/// </remarks>
internal sealed class FibreMaps
{
    private readonly Representation _input;
    private readonly Representation _output;
    private readonly Fibres _v;
    private readonly Fibres _w;
    private readonly double[][] _generatorsV;
    private readonly double[][] _generatorsW;
    private readonly List<double[][]> _blocks = [];
    private readonly double[] _turnsV;
    private readonly double[] _turnsW;
    private double _kept = double.PositiveInfinity;
    private double _dropped;

    /// <summary>Finds the maps.</summary>
    /// <exception cref="EquivariantException">They are too large to write out, or singular values have no gap.</exception>
    public FibreMaps(Representation input, Representation output)
    {
        (_input, _output, _v, _w) = (input, output, input.Fibres, output.Fibres);
        (Rows, Columns) = (_w.Fibre.Dimension, _v.Fibre.Dimension);
        Orbits = PairOrbits.Of(_v.Points, _w.Points);
        int pairs = Orbits.Labels.Length, most = Rows * Columns;
        DenseMatrices.RequireEntries($"The maps from {input} to {output}", (System.Numerics.BigInteger)pairs * most * most);
        _generatorsV = [.. _v.Fibre.GeneratorMatrices.Select(matrix => Orthogonal(_v.Fibre, matrix))];
        _generatorsW = [.. _w.Fibre.GeneratorMatrices.Select(matrix => Orthogonal(_w.Fibre, matrix))];
        _turnsV = new double[(long)pairs * Columns * Columns];
        _turnsW = new double[(long)pairs * Rows * Rows];
        int[] walk = Walk(out int[] starts);
        for (int k = 0; k < Orbits.Count; k++)
        {
            _blocks.Add(BlocksAt(walk.AsSpan(starts[k]..starts[k + 1])));
        }

        int width = Math.Max(1, _blocks.Max(blocks => blocks.Length));
        (Width, Count) = (width, _blocks.Sum(blocks => blocks.Length));
        Coefficients = new int[pairs * width];
        Blocks = new double[(long)pairs * width * most];
        for (int k = 0, first = 0; k < Orbits.Count; first += _blocks[k].Length, k++)
        {
            foreach (int pair in walk.AsSpan(starts[k]..starts[k + 1]))
            {
                for (int j = 0; j < _blocks[k].Length; j++)
                {
                    Coefficients[pair * width + j] = first + j;
                    Moved(TurnW(pair), _blocks[k][j], TurnV(pair), Blocks.AsSpan((pair * width + j) * most, most));
                }
            }
        }

        OrbitSizes = [.. _blocks.SelectMany((blocks, k) => blocks.Select(_ => (double)(starts[k + 1] - starts[k])))];
        Certificate = new RankCertificate(Count, _kept, _dropped, CrossCheck());
    }

    /// <summary>Gets the orbits of pairs of points.</summary>
    public PairOrbits Orbits { get; }

    /// <summary>Gets the dimension of a fibre of the output.</summary>
    public int Rows { get; }

    /// <summary>Gets the dimension of a fibre of the input.</summary>
    public int Columns { get; }

    /// <summary>Gets the number of maps.</summary>
    public int Count { get; }

    /// <summary>Gets the most maps that one orbit of pairs has.</summary>
    public int Width { get; }

    /// <summary>Gets, for each pair, the numbers of the maps that have a block there; zeros fill up to <see cref="Width"/>.</summary>
    public int[] Coefficients { get; }

    /// <summary>Gets the blocks of those maps, row by row, of length one each; zeros for what fills up.</summary>
    public double[] Blocks { get; }

    /// <summary>Gets for each map the number of its blocks, the square of its length.</summary>
    public double[] OrbitSizes { get; }

    /// <summary>Gets how the number of maps was made certain.</summary>
    public RankCertificate Certificate { get; }

    /// <summary>A matrix of a fibre, row by row, in orthogonal coordinates.</summary>
    private static double[] Orthogonal(Representation fibre, double[,] matrix)
    {
        if (fibre.Orthogonaliser is not { } o)
        {
            return [.. matrix.Cast<double>()];
        }

        using TorchSharp.DisposeScope scope = NewDisposeScope();
        return o.Root.matmul(DenseMatrices.ToTensor(matrix)).matmul(o.Inverse).contiguous().data<double>().ToArray();
    }

    private Span<double> TurnV(int pair) => _turnsV.AsSpan(pair * Columns * Columns, Columns * Columns);

    private Span<double> TurnW(int pair) => _turnsW.AsSpan(pair * Rows * Rows, Rows * Rows);

    private int Image(int generator, int pair)
    {
        (int w, int v) = Math.DivRem(pair, Orbits.Columns);
        return _w.Points.GeneratorPermutations[generator][w] * Orbits.Columns + _v.Points.GeneratorPermutations[generator][v];
    }

    /// <summary>All pairs, orbit by orbit from its first, and on the way what takes the first pair's fibres to each other's.</summary>
    private int[] Walk(out int[] starts)
    {
        int[] walk = new int[Orbits.Labels.Length];
        bool[] seen = new bool[walk.Length];
        List<int> begin = [];
        int end = 0;
        for (int start = 0; start < walk.Length; start++)
        {
            if (seen[start])
            {
                continue;
            }

            begin.Add(end);
            seen[start] = true;
            for (int i = 0; i < Columns; i++)
            {
                TurnV(start)[i * Columns + i] = 1;
            }

            for (int i = 0; i < Rows; i++)
            {
                TurnW(start)[i * Rows + i] = 1;
            }

            int next = end;
            walk[end++] = start;
            for (; next < end; next++)
            {
                for (int g = 0; g < _generatorsV.Length; g++)
                {
                    int image = Image(g, walk[next]);
                    if (!seen[image])
                    {
                        seen[image] = true;
                        Multiply(_generatorsV[g], TurnV(walk[next]), TurnV(image), Columns);
                        Multiply(_generatorsW[g], TurnW(walk[next]), TurnW(image), Rows);
                        walk[end++] = image;
                    }
                }
            }
        }

        starts = [.. begin, end];
        return walk;
    }

    /// <summary>The blocks at an orbit's first pair: those that no element moves which keeps it.</summary>
    private double[][] BlocksAt(ReadOnlySpan<int> orbit)
    {
        const double Rounding = 1e-9;
        int size = Rows * Columns;
        double[][] blocks = [.. Enumerable.Range(0, size).Select(i =>
        {
            double[] unit = new double[size];
            unit[i] = 1;
            return unit;
        })];
        double[] stepV = new double[Columns * Columns], keepV = new double[Columns * Columns];
        double[] stepW = new double[Rows * Rows], keepW = new double[Rows * Rows];
        foreach (int pair in orbit)
        {
            for (int g = 0; g < _generatorsV.Length && blocks.Length > 0; g++)
            {
                // To the pair, on by the generator, and back from where that leads.
                int image = Image(g, pair);
                Multiply(_generatorsV[g], TurnV(pair), stepV, Columns);
                MultiplyTransposed(TurnV(image), stepV, keepV, Columns);
                Multiply(_generatorsW[g], TurnW(pair), stepW, Rows);
                MultiplyTransposed(TurnW(image), stepW, keepW, Rows);
                double[][] moves = [.. blocks.Select(block =>
                {
                    double[] moved = new double[size];
                    Moved(keepW, block, keepV, moved);
                    return moved.Zip(block, (after, before) => after - before).ToArray();
                })];
                if (moves.Any(move => move.Any(entry => Math.Abs(entry) > Rounding)))
                {
                    blocks = Unmoved(blocks, moves);
                }
            }
        }

        return blocks;
    }

    /// <summary>The combinations of orthonormal blocks that are not moved, orthonormal again.</summary>
    private double[][] Unmoved(double[][] blocks, double[][] moves)
    {
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        int size = Rows * Columns;
        Tensor all = tensor(blocks.SelectMany(block => block).ToArray(), [blocks.Length, size], dtype: ScalarType.Float64);
        Tensor moved = tensor(moves.SelectMany(move => move).ToArray(), [blocks.Length, size], dtype: ScalarType.Float64);
        (Tensor left, Tensor values, _) = linalg.svd(moved, fullMatrices: true);
        (int rank, double kept, double dropped) = NullSpace.Cut(values, _input, _output);
        (_kept, _dropped) = (Math.Min(_kept, kept), Math.Max(_dropped, dropped));
        if (rank == blocks.Length)
        {
            return [];
        }

        double[] found = left.narrow(1, rank, blocks.Length - rank).t().matmul(all).contiguous().data<double>().ToArray();
        return [.. found.Chunk(size)];
    }

    /// <summary>Averages random blocks over the group, where that is no long work, and looks whether they are combinations of the maps.</summary>
    /// <exception cref="EquivariantException">They are none.</exception>
    private bool CrossCheck()
    {
        const double Tolerance = 1e-7, MostWork = 3e8;
        IReadOnlyList<Groups.Transversal> transversals = _input.Group.Transversals;
        int pairs = Orbits.Labels.Length, size = Rows * Columns;
        if (transversals.Sum(u => (double)u.Count) * pairs * size * size > MostWork)
        {
            return false;
        }

        Random random = new(0);
        double[] x = [.. Enumerable.Range(0, pairs * size).Select(_ => random.NextDouble() - 0.5)];
        double[] moved = new double[size];
        foreach (Groups.Transversal transversal in transversals)
        {
            double[] sum = new double[x.Length];
            foreach (Groups.GroupElement u in transversal)
            {
                double[] v = Orthogonal(_v.Fibre, _v.Fibre.Matrix(u)), w = Orthogonal(_w.Fibre, _w.Fibre.Matrix(u));
                int[] columns = _v.Points.Permutation(u), rows = _w.Points.Permutation(u);
                for (int pair = 0; pair < pairs; pair++)
                {
                    Moved(w, x.AsSpan(pair * size, size), v, moved);
                    int image = rows[pair / Orbits.Columns] * Orbits.Columns + columns[pair % Orbits.Columns];
                    for (int i = 0; i < size; i++)
                    {
                        sum[image * size + i] += moved[i] / transversal.Count;
                    }
                }
            }

            x = sum;
        }

        double[] coefficients = new double[Math.Max(1, Count)];
        ForEachBlock((pair, k, block) => coefficients[k] += Dot(block, x.AsSpan(pair * size, size)) / OrbitSizes[k]);
        ForEachBlock((pair, k, block) =>
        {
            for (int i = 0; i < size; i++)
            {
                x[pair * size + i] -= coefficients[k] * block[i];
            }
        });
        double outside = x.Max(Math.Abs);
        return outside <= Tolerance ? true : throw new EquivariantException(
            $"The {Count} maps found from {_input} to {_output} failed their cross-check: averages over the group lie {outside:G3} outside. " +
            "The matrices represent the group too inaccurately; give them in full double precision.");
    }

    private delegate void BlockVisitor(int pair, int map, ReadOnlySpan<double> block);

    private void ForEachBlock(BlockVisitor visit)
    {
        int size = Rows * Columns;
        for (int pair = 0; pair < Orbits.Labels.Length; pair++)
        {
            for (int j = 0; j < _blocks[Orbits.Labels[pair]].Length; j++)
            {
                int at = pair * Width + j;
                visit(pair, Coefficients[at], Blocks.AsSpan(at * size, size));
            }
        }
    }

    private static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<double> right)
    {
        double sum = 0;
        for (int i = 0; i < left.Length; i++)
        {
            sum += left[i] * right[i];
        }

        return sum;
    }

    /// <summary>W X Vᵀ.</summary>
    private void Moved(ReadOnlySpan<double> w, ReadOnlySpan<double> x, ReadOnlySpan<double> v, Span<double> result)
    {
        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < Columns; j++)
            {
                double sum = 0;
                for (int k = 0; k < Rows; k++)
                {
                    for (int l = 0; l < Columns; l++)
                    {
                        sum += w[i * Rows + k] * x[k * Columns + l] * v[j * Columns + l];
                    }
                }

                result[i * Columns + j] = sum;
            }
        }
    }

    private static void Multiply(ReadOnlySpan<double> left, ReadOnlySpan<double> right, Span<double> product, int n)
    {
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int k = 0; k < n; k++)
                {
                    sum += left[i * n + k] * right[k * n + j];
                }

                product[i * n + j] = sum;
            }
        }
    }

    private static void MultiplyTransposed(ReadOnlySpan<double> left, ReadOnlySpan<double> right, Span<double> product, int n)
    {
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int k = 0; k < n; k++)
                {
                    sum += left[k * n + i] * right[k * n + j];
                }

                product[i * n + j] = sum;
            }
        }
    }
}
