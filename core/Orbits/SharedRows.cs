using Equivariant.Core.Distributed;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>Which rows of a batch this rank keeps a state of, from step to step, while other ranks keep that of the others.</summary>
/// <remarks>A rank that has none keeps one row all the same, whose values it drops: it has to know what a value is.</remarks>
internal sealed class SharedRows : IDisposable
{
    /// <summary>The numbers of this rank's rows among all, in the order of its state.</summary>
    private Tensor _places;

    private long _count;

    /// <summary>Shares the rows evenly.</summary>
    public SharedRows(Ranks ranks, long count, Device device)
    {
        (long from, long length) = ranks.Share(count);
        _count = count;
        _places = arange(from, from + length, ScalarType.Int64, device).DetachFromDisposeScope();
    }

    /// <summary>This rank's part of what there is for all rows, <c>[R, …] → [n, …]</c>.</summary>
    public Tensor Own(Tensor rows) => _places.numel() == 0 ? rows.narrow(0, 0, Math.Min(1, _count)) : rows.index_select(0, _places);

    /// <summary>This rank's values among those of all rows, which are zero here, <c>[n, …] → [R, …]</c>.</summary>
    public Tensor Whole(Tensor values)
    {
        Tensor all = zeros([_count, .. values.shape[1..]], values.dtype, values.device);
        return _places.numel() == 0 ? all : all.index_copy_(0, _places, values);
    }

    /// <summary>Goes on with some of the rows.</summary>
    /// <param name="rows">The numbers of the rows to keep, in their new order.</param>
    /// <returns>Which rows of its state this rank keeps.</returns>
    public Tensor Select(Tensor rows)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor owned = full([_count], -1, ScalarType.Int64, rows.device)
            .index_copy_(0, _places, arange(_places.numel(), ScalarType.Int64, rows.device))
            .index_select(0, rows);
        Tensor places = owned.ge(0).nonzero().flatten();
        _places.Dispose();
        _places = places.DetachFromDisposeScope();
        _count = rows.shape[0];
        return (places.numel() == 0 ? zeros([1], ScalarType.Int64, rows.device) : owned.index_select(0, places)).MoveToOuterDisposeScope();
    }

    public void Dispose() => _places.Dispose();
}
