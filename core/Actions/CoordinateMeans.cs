using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>Means over lists of coordinates, such as orbits: <c>[B, P, n, …] → [B, P, lists, …]</c>.</summary>
/// <remarks>
/// One gather of all lists, the short ones padded by their own first coordinate with weight zero, and one sum: the
/// same order of addition every time, on a GPU too.
/// </remarks>
internal sealed class CoordinateMeans
{
    private readonly int _lists;
    private readonly int _longest;
    private readonly DeviceTensor _index;
    private readonly DeviceTensor? _weights;

    public CoordinateMeans(IReadOnlyList<int[]> lists)
    {
        _lists = lists.Count;
        _longest = lists.Max(list => list.Length);
        bool even = lists.All(list => list.Length == _longest);
        var index = new long[_lists * (long)_longest];
        var weights = new double[even ? 0 : index.Length];
        for (int i = 0; i < _lists; i++)
        {
            for (int j = 0; j < _longest; j++)
            {
                bool inside = j < lists[i].Length;
                index[(i * _longest) + j] = lists[i][inside ? j : 0];
                if (!even)
                {
                    weights[(i * _longest) + j] = inside ? 1.0 / lists[i].Length : 0;
                }
            }
        }

        _index = new DeviceTensor(tensor(index));
        _weights = even ? null : new DeviceTensor(tensor(weights));
    }

    public Tensor Apply(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor members = Coordinates.Gather(x, _index.On(x.device)).unflatten(Coordinates.Axis, _lists, _longest);
        if (_weights is null)
        {
            return members.mean([Coordinates.Axis + 1]).MoveToOuterDisposeScope();
        }

        Tensor weights = _weights.On(x.device).to(x.dtype).view(x.dim() == Coordinates.Axis + 1 ? [_lists, _longest] : [_lists, _longest, 1]);
        return (members * weights).sum([Coordinates.Axis + 1]).MoveToOuterDisposeScope();
    }
}
