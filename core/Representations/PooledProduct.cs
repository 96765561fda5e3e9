using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>Multiplies by a sum of poolings: reductions, small matrices between channels, and copies.</summary>
/// <remarks>
/// Of plain operations of torch, on any device, so derivatives of any order are torch's own. For all permutations of n points:
/// a sum, a scaling and an addition, O(n) whatever the number of pairs.
/// </remarks>
internal sealed class PooledProduct : IOrbitProduct
{
    private readonly Pooling[] _poolings;
    private readonly RowOrbit[] _rowOrbits;
    private readonly CoordinateList? _order;
    private readonly DeviceTensor _change;

    // The sizes behind the estimate, for one row of one channel.
    private readonly double _read;
    private readonly double _mixed;
    private readonly double _written;
    private readonly int _kernels;

    public PooledProduct(OrbitClosures closures)
    {
        List<Pooling> poolings = [];
        int PoolingOf(PooledTerm term)
        {
            int known = poolings.FindIndex(pooling => pooling.Does(term));
            if (known < 0)
            {
                known = poolings.Count;
                poolings.Add(new Pooling(term));
            }

            return known;
        }

        int first = 0;
        List<RowOrbit> rowOrbits = [];
        foreach (IGrouping<int, PooledTerm> orbit in closures.Terms.GroupBy(term => term.RowOrbit))
        {
            List<Division> divisions = [];
            int[] rows = [.. orbit.First().Rows.Order()];
            foreach (PooledTerm term in orbit)
            {
                int pooling = PoolingOf(term);
                if (divisions.LastOrDefault() is not { } last || !last.Has(term))
                {
                    divisions.Add(new Division(term, rows, first));
                }

                divisions[^1].Poolings.Add(pooling);
                first++;
            }

            rowOrbits.Add(new RowOrbit(rows, [.. divisions]));
        }

        _poolings = [.. poolings];
        _rowOrbits = [.. rowOrbits];
        _order = OrderOf(rowOrbits);
        _change = new DeviceTensor(tensor(closures.Change, dtype: ScalarType.Float64));
        Division[] allDivisions = [.. rowOrbits.SelectMany(orbit => orbit.Divisions)];
        _read = poolings.Sum(pooling => pooling.Work);
        _mixed = closures.Terms.Sum(term => (double)term.Classes);
        _written = allDivisions.Sum(division => division.Work) + (_order is null ? 0 : OrbitCost.Gathered * rowOrbits.Sum(orbit => orbit.Rows.Length));
        _kernels = 4 + poolings.Sum(pooling => pooling.Kernels) + 4 * allDivisions.Length + (rowOrbits.Count > 1 ? 2 : 0);
    }

    public bool Serves(Tensor x) => x.is_floating_point();

    public double Cost(long batch, long channelsOut, long channelsIn) =>
        _kernels * OrbitCost.Kernel
        + batch * (channelsIn * _read + channelsOut * _written + channelsIn * channelsOut * _mixed * OrbitCost.ChannelProduct);

    public Tensor Apply(Tensor x, Tensor coefficients)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor terms = _change.On(coefficients.device).to(coefficients.dtype).matmul(coefficients);
        Tensor[] pooled = [.. _poolings.Select(pooling => pooling.Of(x))];
        Tensor[] parts = [.. _rowOrbits.Select(orbit => orbit.Of(pooled, terms))];
        Tensor y = parts.Length == 1 ? parts[0] : cat(parts, Coordinates.Axis);
        return (_order is null ? y : _order.Of(y)).MoveToOuterDisposeScope();
    }

    /// <summary>Where the rows of all orbits side by side come from; null where they are in order.</summary>
    private static CoordinateList? OrderOf(List<RowOrbit> rowOrbits)
    {
        int[] rows = [.. rowOrbits.SelectMany(orbit => orbit.Rows)];
        int[] places = new int[rows.Length];
        foreach ((int place, int row) in rows.Index())
        {
            places[row] = place;
        }

        CoordinateList list = new(places);
        return list.IsRange ? null : list;
    }

    /// <summary>Sums over lists of columns, <c>[B, c, n] → [B, c, classes]</c>.</summary>
    private sealed class Pooling
    {
        private readonly int[] _listed;
        private readonly int _classes;
        private readonly int _length;
        private readonly bool _across;
        private readonly CoordinateList _columns;

        public Pooling(PooledTerm term)
        {
            (_listed, _classes, _length) = (term.Columns, term.Classes, term.ColumnsPerClass);

            // Classes may lie across the order of coordinates: one column of each after the other.
            int[] across = [.. Enumerable.Range(0, _listed.Length).Select(i => _listed[i % _classes * _length + i / _classes])];
            CoordinateList columns = new(_listed), turned = new(across);
            _across = !columns.IsRange && turned.IsRange;
            _columns = _across ? turned : columns;
        }

        public double Work => _listed.Length * ((_columns.IsRange ? 0 : OrbitCost.Gathered) + (_length == 1 ? 0 : OrbitCost.Summed));

        public int Kernels => (_columns.IsRange ? 0 : 1) + (_length == 1 ? 0 : 1);

        public bool Does(PooledTerm term) => term.Classes == _classes && term.Columns.AsSpan().SequenceEqual(_listed);

        public Tensor Of(Tensor x)
        {
            Tensor listed = _columns.Of(x);
            return _length == 1 ? listed
                : _classes == 1 ? listed.sum([Coordinates.Axis], keepdim: true)
                : _across ? listed.unflatten(Coordinates.Axis, _length, _classes).sum([Coordinates.Axis])
                : listed.unflatten(Coordinates.Axis, _classes, _length).sum([Coordinates.Axis + 1]);
        }
    }

    /// <summary>The terms that give one number to each class of one division of an orbit's rows.</summary>
    private sealed class Division
    {
        private readonly int[] _listed;
        private readonly int _classes;
        private readonly int _first;

        /// <summary>The class of each row; null where one class has all rows, or each row is one.</summary>
        private readonly CoordinateList? _classOf;

        public Division(PooledTerm term, int[] rows, int first)
        {
            (_listed, _classes, _first) = (term.Rows, term.Classes, first);
            if (term.Classes > 1 && !term.Rows.AsSpan().SequenceEqual(rows))
            {
                Dictionary<int, int> classOf = term.Rows.Index().ToDictionary(pair => pair.Item, pair => pair.Index / term.RowsPerClass);
                _classOf = new CoordinateList([.. rows.Select(row => classOf[row])]);
            }
            else if (term.Classes > 1 && term.RowsPerClass > 1)
            {
                _classOf = new CoordinateList([.. rows.Select((_, place) => place / term.RowsPerClass)]);
            }
        }

        public List<int> Poolings { get; } = [];

        public double Work => _listed.Length * (_classOf is null ? OrbitCost.Summed : OrbitCost.Gathered);

        public bool Has(PooledTerm term) => term.Classes == _classes && term.Rows.AsSpan().SequenceEqual(_listed);

        /// <summary>The sum of the terms on the orbit's rows, or one number for all of them.</summary>
        public Tensor Of(Tensor[] pooled, Tensor terms)
        {
            Tensor[] parts = [.. Poolings.Select(pooling => pooled[pooling])];
            Tensor together = parts.Length == 1 ? parts[0] : cat(parts, 1);
            Tensor weights = terms.narrow(1, _first, parts.Length).flatten(1);
            Tensor mixed = weights.numel() == 1 ? together * weights
                : _classes == 1 ? together.flatten(1).matmul(weights.t()).unsqueeze(Coordinates.Axis)
                : weights.unsqueeze(0).expand(together.shape[0], -1, -1).bmm(together);
            return _classOf is null ? mixed : _classOf.Of(mixed);
        }
    }

    private sealed record RowOrbit(int[] Rows, Division[] Divisions)
    {
        public Tensor Of(Tensor[] pooled, Tensor terms)
        {
            Tensor sum = Divisions.Select(division => division.Of(pooled, terms)).Aggregate((left, right) => left + right);
            return sum.shape[Coordinates.Axis] == Rows.Length ? sum : sum.expand(-1, -1, Rows.Length).contiguous();
        }
    }
}
