using Equivariant.Core.Actions;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>Coordinates read along the last axis of <c>[B, c, n]</c> in a listed order: a view where they are adjacent, a gather elsewhere.</summary>
internal sealed class CoordinateList
{
    private readonly int _start;
    private readonly int _length;
    private readonly DeviceTensor? _index;

    public CoordinateList(int[] coordinates)
    {
        (_start, _length) = (coordinates[0], coordinates.Length);
        IsRange = coordinates.Index().All(pair => pair.Item == _start + pair.Index);
        _index = IsRange ? null : new DeviceTensor(tensor(coordinates, dtype: ScalarType.Int64));
    }

    /// <summary>Gets whether the coordinates follow each other.</summary>
    public bool IsRange { get; }

    public Tensor Of(Tensor x) => _index is { } index ? Coordinates.Gather(x, index.On(x.device))
        : _length == x.shape[Coordinates.Axis] ? x
        : x.narrow(Coordinates.Axis, _start, _length);
}
