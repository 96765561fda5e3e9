using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>Means over lists of coordinates, such as orbits: <c>[B, P, n, …] → [B, P, lists, …]</c>.</summary>
/// <remarks>
/// One gather and one mean for all lists of one length, so that memory is that of the lists however their lengths differ,
/// and the order of addition is the same every time, on a GPU too.
/// </remarks>
internal sealed class CoordinateMeans
{
    private readonly (long Length, DeviceTensor Index)[] _lengths;

    // Where the mean of each list is among those of all lengths one after another; null where the lists are in that order.
    private readonly DeviceTensor? _order;

    public CoordinateMeans(IReadOnlyList<int[]> lists)
    {
        int[][] byLength = [.. Enumerable.Range(0, lists.Count).GroupBy(list => lists[list].Length).Select(group => group.ToArray())];
        _lengths = [.. byLength.Select(group =>
        {
            long[] index = [.. group.SelectMany(list => lists[list].Select(coordinate => (long)coordinate))];
            return ((long)lists[group[0]].Length, new DeviceTensor(tensor(index)));
        })];
        if (byLength.Length > 1)
        {
            var order = new long[lists.Count];
            foreach ((int place, int list) in byLength.SelectMany(group => group).Index())
            {
                order[list] = place;
            }

            _order = new DeviceTensor(tensor(order));
        }
    }

    public Tensor Apply(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] means = [.. _lengths.Select(lists => Mean(x, lists.Index.On(x.device), lists.Length))];
        return (_order is null ? means[0] : Coordinates.Gather(cat(means, Coordinates.Axis), _order.On(x.device))).MoveToOuterDisposeScope();
    }

    private static Tensor Mean(Tensor x, Tensor index, long length)
    {
        Tensor members = Coordinates.Gather(x, index);
        return length == 1 ? members : members.unflatten(Coordinates.Axis, index.shape[0] / length, length).mean([Coordinates.Axis + 1]);
    }
}
