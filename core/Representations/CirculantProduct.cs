using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>Multiplies by matrices of circulant blocks by Fourier transforms: for each frequency a small matrix is left.</summary>
/// <remarks>Of plain operations of torch, on any device, so derivatives of any order are torch's own.</remarks>
internal sealed class CirculantProduct : IOrbitProduct
{
    private const int MostPlacesByMatrix = 32;
    private readonly int _rowCycles;
    private readonly int _columnCycles;
    private readonly int _places;
    private readonly ICyclicTransform _transform;
    private readonly RowList _columns;
    private readonly RowList _rows;
    private readonly RowList _labels;
    private readonly DeviceTensor? _shares;

    public CirculantProduct(CommutingCycles cycles, PairOrbits orbits)
    {
        (_rowCycles, _columnCycles, _places) = (cycles.RowCycles.Count, cycles.ColumnCycles.Count, cycles.Places);
        _transform = _places > MostPlacesByMatrix ? new FastTransform(cycles.Periods) : new MatrixTransform(cycles.Periods);

        // Place by place, for the transforms are along the first axis.
        int[] places = [.. Enumerable.Range(0, _places)];
        _columns = new RowList([.. places.SelectMany(place => cycles.ColumnCycles.Select(cycle => cycle[place]))]);
        _labels = new RowList([.. from place in places
                                  from row in cycles.RowCycles
                                  from column in cycles.ColumnCycles
                                  select orbits.Labels[row[place] * orbits.Columns + column[0]]]);
        int[] back = new int[orbits.Rows];
        foreach ((int at, int row) in places.SelectMany(place => cycles.RowCycles.Select(cycle => cycle[place])).Index())
        {
            back[row] = at;
        }

        _rows = new RowList(back);

        // A cycle that is read several times counts once.
        double[] shares = [.. cycles.ColumnCycles.Select(cycle => (double)cycle.Distinct().Count() / cycle.Length)];
        _shares = shares.All(share => share == 1) ? null : new DeviceTensor(tensor(shares, [_columnCycles, 1, 1], dtype: ScalarType.Float64));
    }

    public bool Serves(Tensor x) => x.dtype is ScalarType.Float32 or ScalarType.Float64 && x.shape[0] > 0;

    public double Cost(long batch, long channelsOut, long channelsIn)
    {
        double channels = (double)channelsOut * channelsIn, blocks = channels * _rowCycles * _columnCycles;
        double signals = batch * ((double)_columnCycles * channelsIn + (double)_rowCycles * channelsOut);
        return 20 * OrbitCost.Kernel
            + (signals + blocks) * _places * (OrbitCost.Moved + OrbitCost.Transformed)
            + blocks / channels * _places * OrbitCost.Listed
            + batch * blocks * _transform.Multiplications * OrbitCost.Product;
    }

    public Tensor Apply(Tensor x, Tensor coefficients)
    {
        using DisposeScope scope = NewDisposeScope();
        (long batch, long channelsOut, long channelsIn) = (x.shape[0], coefficients.shape[0], coefficients.shape[2]);
        Tensor signals = _columns.Of(x.permute(2, 0, 1)).unflatten(0, _places, _columnCycles);
        signals = _shares is null ? signals : signals * _shares.On(x.device).to(x.dtype);
        Tensor blocks = _labels.Of(coefficients.transpose(0, 1)).unflatten(0, _places, _rowCycles, _columnCycles);

        // Frequency by frequency, [B, columns·c_in] times [columns·c_in, rows·c_out].
        Tensor[] products = [.. _transform.Analyse(signals).Zip(_transform.Analyse(blocks), (left, right) =>
            left.transpose(1, 2).reshape(-1, batch, _columnCycles * channelsIn).bmm(
                right.transpose(2, 3).reshape(-1, _rowCycles * channelsOut, _columnCycles * channelsIn).transpose(1, 2)))];
        Tensor y = _transform.Synthesise(products).unflatten(2, _rowCycles, channelsOut).transpose(1, 2);
        return _rows.Of(y.flatten(0, 1)).permute(1, 2, 0).MoveToOuterDisposeScope();
    }
}
