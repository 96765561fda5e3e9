using System.Numerics;
using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>
/// <see cref="Initialisation"/> for permutation representations, without dense matrices where orbits say the same.
/// </summary>
internal sealed class OrbitInitialisation
{
    private const int MostToDecompose = 1024;
    private const double MostWork = 2e9;
    private readonly PairOrbits _orbits;
    private readonly Representation _input;
    private readonly Representation _output;
    private readonly int _rows;
    private readonly int _columns;
    private readonly double[] _sizes;

    // The first pair of each orbit: its row is the first point of an orbit of the output.
    private readonly int[] _firstRow;
    private readonly int[] _firstColumn;

    public OrbitInitialisation(PairOrbits orbits, Representation input, Representation output)
    {
        _orbits = orbits;
        _input = input;
        _output = output;
        (_rows, _columns) = (orbits.Rows, orbits.Columns);
        _sizes = new double[orbits.Count];
        _firstRow = new int[orbits.Count];
        _firstColumn = new int[orbits.Count];
        for (int pair = orbits.Labels.Length - 1; pair >= 0; pair--)
        {
            int label = orbits.Labels[pair];
            _sizes[label]++;
            (_firstRow[label], _firstColumn[label]) = Math.DivRem(pair, _columns);
        }
    }

    private int[] RowOrbitStarts => [.. _output.Permutation!.Orbits.Select(orbit => orbit[0])];

    /// <summary>Scales normal coordinates, by the cheapest way that is exact, or nearly where none is cheap.</summary>
    public Tensor Scale(Tensor normal, double invariantShare)
    {
        int[] starts = RowOrbitStarts;
        Tensor coefficients;
        if ((double)starts.Length * _rows * _columns > MostWork)
        {
            coefficients = ScaleOnAverage(normal);
        }
        else
        {
            Dictionary<int, double[]> moment = starts.ToDictionary(w => w, MomentRow);
            double channels = (double)normal.shape[0] * normal.shape[2];
            coefficients = IsDiagonal(moment) ? ScaleRows(normal, moment)
                : _orbits.Count <= MostToDecompose ? ScaleCoordinates(normal, moment)
                : _rows <= MostToDecompose && channels * _rows * _rows * _columns < 100 * MostWork ? LeftMultiply(normal, Initialisation.InverseRoot(Moment()))
                : ScaleOnAverage(normal);
        }

        return ScaleInvariants(coefficients, invariantShare);
    }

    /// <summary><see cref="EquivariantBasis.Moment"/>: S[w, w′] = Σᵥ [the pairs (w, v) and (w′, v) are in one orbit] / its size.</summary>
    public Tensor Moment()
    {
        DenseMatrices.RequireEntries($"The initial weights of a layer to {_output}", (BigInteger)_rows * _rows);
        double[] values = new double[_rows * _rows];
        Parallel.For(0, _rows, w => MomentRow(w).CopyTo(values, w * _rows));
        return tensor(values, [_rows, _rows], dtype: ScalarType.Float64);
    }

    /// <summary><see cref="EquivariantBasis.Whiten"/>.</summary>
    public Tensor Whiten(Tensor normal, Tensor a, double invariantShare) => ScaleInvariants(LeftMultiply(normal, a), invariantShare);

    private static bool IsDiagonal(Dictionary<int, double[]> rows) =>
        rows.All(row => row.Value.Select((value, w) => w == row.Key || Math.Abs(value) < 1e-12).All(zero => zero));

    private double[] MomentRow(int w)
    {
        double[] row = new double[_rows];
        ReadOnlySpan<int> here = _orbits.Labels.AsSpan(w * _columns, _columns);
        for (int other = 0; other < _rows; other++)
        {
            ReadOnlySpan<int> there = _orbits.Labels.AsSpan(other * _columns, _columns);
            double sum = 0;
            for (int v = 0; v < here.Length; v++)
            {
                if (here[v] == there[v])
                {
                    sum += 1 / _sizes[here[v]];
                }
            }

            row[other] = sum;
        }

        return row;
    }

    /// <summary>Orthonormal coordinates are coefficients times the root of the orbit's size.</summary>
    private Tensor PerOrbit(Func<int, double> value) =>
        tensor(Enumerable.Range(0, _orbits.Count).Select(value).ToArray(), dtype: ScalarType.Float64).view(1, -1, 1);

    private Tensor ScaleRows(Tensor normal, Dictionary<int, double[]> moment) =>
        normal * PerOrbit(k => 1 / Math.Sqrt(_sizes[k] * moment[_firstRow[k]][_firstRow[k]]));

    /// <summary>S^(−1/2) as a matrix on coordinates of maps.</summary>
    private Tensor ScaleCoordinates(Tensor normal, Dictionary<int, double[]> moment)
    {
        int count = _orbits.Count;
        double[] action = new double[count * count];
        for (int k = 0; k < count; k++)
        {
            double[] row = moment[_firstRow[k]];
            for (int w = 0; w < _rows; w++)
            {
                int label = _orbits.Labels[w * _columns + _firstColumn[k]];
                action[k * count + label] += row[w] * Math.Sqrt(_sizes[k] / _sizes[label]);
            }
        }

        Tensor matrix = tensor(action, [count, count], dtype: ScalarType.Float64);
        return Initialisation.InverseRoot((matrix + matrix.t()) / 2).matmul(normal) * PerOrbit(k => 1 / Math.Sqrt(_sizes[k]));
    }

    /// <summary>The coefficients of A X, read off at the first pair of each orbit.</summary>
    private Tensor LeftMultiply(Tensor normal, Tensor a)
    {
        int[] starts = RowOrbitStarts;
        Tensor labels = tensor(_orbits.Labels, dtype: ScalarType.Int64);
        Tensor rows = a.index_select(0, tensor(starts, dtype: ScalarType.Int64));
        Dictionary<int, int> place = starts.Select((w, i) => (w, i)).ToDictionary(pair => pair.w, pair => pair.i);
        Tensor firsts = tensor(
            Enumerable.Range(0, _orbits.Count).Select(k => (long)place[_firstRow[k]] * _columns + _firstColumn[k]).ToArray(), dtype: ScalarType.Int64);
        Tensor coefficients = normal * PerOrbit(k => 1 / Math.Sqrt(_sizes[k]));
        Tensor result = zeros_like(coefficients);
        for (long o = 0; o < normal.shape[0]; o++)
        {
            for (long i = 0; i < normal.shape[2]; i++)
            {
                using DisposeScope scope = NewDisposeScope();
                Tensor map = coefficients[o, TensorIndex.Colon, i].index_select(0, labels).view(_rows, _columns);
                result[o, TensorIndex.Colon, i].copy_(rows.matmul(map).view(-1).index_select(0, firsts));
            }
        }

        return result;
    }

    /// <summary>
    /// For very large layers: exact on the invariants, which are what grows fastest, and the average of the other
    /// constituents for each of them.
    /// </summary>
    private Tensor ScaleOnAverage(Tensor normal)
    {
        int inputs = _input.Invariants.Count, outputs = _output.Invariants.Count;
        double rest = _orbits.Count - (double)inputs * outputs;
        double scale = rest > 0 ? Math.Sqrt((_rows - outputs) / rest) : 1;
        Tensor coefficients = normal * PerOrbit(k => scale / Math.Sqrt(_sizes[k]));
        return ScaleInvariants(coefficients, 1 / (inputs * scale * scale));
    }

    private Tensor ScaleInvariants(Tensor coefficients, double share)
    {
        if (share == 1)
        {
            return coefficients;
        }

        // X P has in row w the means of that row of X over the orbits of the input.
        Tensor result = coefficients.clone();
        int[] orbitOf = _input.Permutation!.OrbitIndex;
        foreach (IGrouping<int, int> row in Enumerable.Range(0, _orbits.Count).GroupBy(k => _firstRow[k]))
        {
            using DisposeScope scope = NewDisposeScope();
            int[] labels = _orbits.Labels.AsSpan(row.Key * _columns, _columns).ToArray();
            Tensor values = coefficients.index_select(1, tensor(labels, dtype: ScalarType.Int64)).transpose(1, 2);
            Tensor means = _input.Invariants.Pool(values.contiguous()).transpose(1, 2);
            int[] places = [.. row];
            Tensor orbits = tensor(places.Select(k => (long)orbitOf[_firstColumn[k]]).ToArray(), dtype: ScalarType.Int64);
            result.index_add_(1, tensor(places, dtype: ScalarType.Int64), means.index_select(1, orbits), Math.Sqrt(share) - 1);
        }

        return result;
    }
}
