using Equivariant.Core.Actions;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>Rows read along the first axis in a listed order: as they are where that is theirs, by one gather elsewhere.</summary>
/// <remarks>libtorch gathers whole rows, and adds up their gradients, faster than coordinates along a later axis.</remarks>
internal sealed class RowList
{
    private readonly int _start;
    private readonly int _length;
    private readonly DeviceTensor? _index;

    public RowList(int[] rows)
    {
        (_start, _length) = (rows[0], rows.Length);
        IsRange = rows.Index().All(pair => pair.Item == _start + pair.Index);
        _index = IsRange ? null : new DeviceTensor(tensor(rows, [rows.Length, 1], dtype: ScalarType.Int64));
    }

    /// <summary>Gets whether the rows follow each other.</summary>
    public bool IsRange { get; }

    /// <summary>Rows of <c>[n, …]</c>.</summary>
    public Tensor Of(Tensor x)
    {
        long[] rest = x.shape[1..];
        long width = rest.Aggregate(1L, (product, length) => product * length);
        return _index is { } index ? x.reshape(x.shape[0], width).gather(0, index.On(x.device).expand(_length, width)).view([_length, .. rest])
            : _length == x.shape[0] ? x
            : x.narrow(0, _start, _length);
    }
}
