using System.Numerics;
using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>The basis for fibres over points, such as vectors at the pixels of an image: <see cref="FibreMaps"/>, each kept by its blocks.</summary>
internal sealed class FibredBasis : EquivariantBasis
{
    private const double MostWork = 2e9;
    private readonly FibreMaps _maps;
    private readonly RowList _coefficients;
    private readonly DeviceTensor _blocks;
    private readonly DeviceTensor _orthonormal;
    private readonly RowList _rows;
    private readonly RowList _columns;

    public FibredBasis(Representation input, Representation output)
        : this(input, output, new FibreMaps(input, output))
    {
    }

    private FibredBasis(Representation input, Representation output, FibreMaps maps)
        : base(input, output, maps.Count, maps.Certificate)
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        _maps = maps;
        _coefficients = new RowList(maps.Coefficients);
        _rows = new RowList(Inverse(output.Fibres.Coordinates));
        _columns = new RowList(Inverse(input.Fibres.Coordinates));
        Tensor blocks = tensor(maps.Blocks, [Pairs, maps.Width, maps.Rows, maps.Columns], dtype: ScalarType.Float64);
        Tensor lengths = tensor(maps.OrbitSizes.DefaultIfEmpty(1).ToArray(), dtype: ScalarType.Float64).sqrt();
        _orthonormal = new DeviceTensor(
            (blocks / lengths.index_select(0, tensor(maps.Coefficients, dtype: ScalarType.Int64)).view(Pairs, maps.Width, 1, 1)).clone());
        if (output.Fibres.Fibre.Orthogonaliser is { } w)
        {
            blocks = w.Inverse.matmul(blocks);
        }

        if (input.Fibres.Fibre.Orthogonaliser is { } v)
        {
            blocks = blocks.matmul(v.Root);
        }

        _blocks = new DeviceTensor(blocks.clone());
    }

    private long Pairs => _maps.Orbits.Labels.Length;

    /// <summary>Whether points are permuted on a side, so that there are orbits to be used.</summary>
    public static bool Serves(Representation input, Representation output) =>
        input.Fibres.Points.Degree > 1 || output.Fibres.Points.Degree > 1;

    public override Tensor Matrices() => Written(_blocks);

    /// <summary>The maps in orthogonal coordinates, orthonormal, <c>[d, m, n]</c>.</summary>
    internal Tensor Orthonormal() => Written(_orthonormal);

    internal override Tensor Weight(Tensor coefficients)
    {
        using DisposeScope scope = NewDisposeScope();
        return Assemble(coefficients, _blocks).flatten(2).flatten(0, 1).MoveToOuterDisposeScope();
    }

    internal override Tensor Moment()
    {
        DenseMatrices.RequireEntries($"The initial weights of a layer to {Output}", (BigInteger)Output.Dimension * Output.Dimension);
        (int m, int n, int f, int width) = (_maps.Orbits.Rows, _maps.Orbits.Columns, _maps.Rows, _maps.Width);
        double[] q = _orthonormal.On(CPU).data<double>().ToArray();
        int[] labels = _maps.Orbits.Labels, coordinates = Output.Fibres.Coordinates;
        int size = width * f * _maps.Columns;
        double[] moment = new double[Output.Dimension * Output.Dimension];
        Parallel.For(0, m, w =>
        {
            for (int other = 0; other < m; other++)
            {
                for (int v = 0; v < n; v++)
                {
                    if (labels[w * n + v] == labels[other * n + v])
                    {
                        ReadOnlySpan<double> here = q.AsSpan((w * n + v) * size, size), there = q.AsSpan((other * n + v) * size, size);
                        for (int j = 0; j < width * f; j++)
                        {
                            for (int b = 0; b < f; b++)
                            {
                                double sum = 0;
                                for (int l = 0; l < _maps.Columns; l++)
                                {
                                    sum += here[j * _maps.Columns + l] * there[(j / f * f + b) * _maps.Columns + l];
                                }

                                moment[coordinates[w * f + j % f] * Output.Dimension + coordinates[other * f + b]] += sum;
                            }
                        }
                    }
                }
            }
        });
        return tensor(moment, [Output.Dimension, Output.Dimension], dtype: ScalarType.Float64);
    }

    internal override Tensor Whiten(Tensor normal, Tensor a, double invariantShare)
    {
        // A channel at a time: maps are written out.
        List<Tensor> whitened = [];
        for (long o = 0; o < normal.shape[0]; o++)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor maps = Assemble(normal.narrow(0, o, 1), _orthonormal).squeeze(1).permute(2, 0, 1);
            whitened.Add(Project(Initialisation.ScaleInvariants(a.matmul(maps), Input, invariantShare)).MoveToOuterDisposeScope());
        }

        return stack(whitened, 0) / Lengths();
    }

    private protected override Tensor Scale(Tensor normal, double invariantShare)
    {
        double points = _maps.Orbits.Rows, entries = (double)Output.Dimension * Input.Dimension;
        if (points * entries * _maps.Rows * _maps.Width <= MostWork && normal.shape[0] * normal.shape[2] * Output.Dimension * entries <= 100 * MostWork)
        {
            return base.Scale(normal, invariantShare);
        }

        // For very large layers: the average of the constituents for each of them.
        return normal * Math.Sqrt((double)Output.Dimension / Count) / Lengths();
    }

    /// <summary>Maps are kept with blocks of length one, whatever their number.</summary>
    private Tensor Lengths() => tensor(_maps.OrbitSizes, [1, Count, 1], dtype: ScalarType.Float64).sqrt();

    private static int[] Inverse(int[] coordinates)
    {
        int[] inverse = new int[coordinates.Length];
        foreach ((int place, int coordinate) in coordinates.Index())
        {
            inverse[coordinate] = place;
        }

        return inverse;
    }

    private Tensor Written(DeviceTensor blocks)
    {
        RequireMatrices();
        using DisposeScope scope = NewDisposeScope();
        return Assemble(eye(Count, dtype: ScalarType.Float64).unsqueeze(2), blocks).squeeze(3).transpose(0, 1).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>The maps with these coefficients, <c>[c_out, d, c_in]</c>, written out: <c>[m, c_out, n, c_in]</c>.</summary>
    private Tensor Assemble(Tensor coefficients, DeviceTensor blocks)
    {
        (long channelsOut, long channelsIn) = (coefficients.shape[0], coefficients.shape[2]);
        if (Count == 0)
        {
            return zeros([Output.Dimension, channelsOut, Input.Dimension, channelsIn], coefficients.dtype, coefficients.device);
        }

        long f = _maps.Rows, g = _maps.Columns;
        Tensor here = blocks.On(coefficients.device).to(coefficients.dtype).flatten(2);
        Tensor chosen = _coefficients.Of(coefficients.transpose(0, 1)).reshape(Pairs, _maps.Width, channelsOut * channelsIn);
        Tensor byPoints = here.transpose(1, 2).bmm(chosen)
            .view(_maps.Orbits.Rows, _maps.Orbits.Columns, f, g, channelsOut, channelsIn)
            .permute(0, 2, 4, 1, 3, 5).reshape(Output.Dimension, channelsOut, Input.Dimension, channelsIn);
        return _columns.Of(_rows.Of(byPoints).transpose(0, 2)).transpose(0, 2);
    }

    /// <summary>The orthonormal coordinates of equivariant maps, <c>[c, m, n] → [d, c]</c>.</summary>
    private Tensor Project(Tensor maps)
    {
        Tensor byPoints = maps.index_select(1, tensor(Output.Fibres.Coordinates, dtype: ScalarType.Int64))
            .index_select(2, tensor(Input.Fibres.Coordinates, dtype: ScalarType.Int64))
            .view(-1, _maps.Orbits.Rows, _maps.Rows, _maps.Orbits.Columns, _maps.Columns)
            .permute(1, 3, 2, 4, 0).reshape(Pairs, (long)_maps.Rows * _maps.Columns, -1);
        Tensor products = _orthonormal.On(CPU).flatten(2).bmm(byPoints).flatten(0, 1);
        return zeros([Count, maps.shape[0]], ScalarType.Float64).index_add_(0, tensor(_maps.Coefficients, dtype: ScalarType.Int64), products, 1);
    }
}
