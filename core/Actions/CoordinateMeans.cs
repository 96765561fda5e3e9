using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>Means over lists of coordinates, such as orbits: <c>[B, P, n, …] → [B, P, lists, …]</c>.</summary>
/// <remarks>
/// One gather for all lists, and one mean for those of each length, so that memory is that of the lists however their lengths differ, and
/// the order of addition is the same every time, on a GPU too. The first members of all lists of a length stand side by side, then the
/// second ones: a mean whose runs are short and lie along the last axis takes a CPU twenty times as long.
/// </remarks>
internal sealed class CoordinateMeans
{
    private readonly (long Length, long Lists)[] _lengths;
    private readonly DeviceTensor _index;

    /// <summary>Prepares some lists; their means come shortest lists first.</summary>
    public CoordinateMeans(IReadOnlyList<int[]> lists)
    {
        int[][] byLength = [.. Enumerable.Range(0, lists.Count).GroupBy(list => lists[list].Length).OrderBy(group => group.Key).Select(group => group.ToArray())];
        _lengths = [.. byLength.Select(group => ((long)lists[group[0]].Length, (long)group.Length))];
        Members = [.. byLength.SelectMany(group => Enumerable.Range(0, lists[group[0]].Length).SelectMany(place => group.Select(list => lists[list][place])))];
        Places = new int[lists.Count];
        foreach ((int place, int list) in byLength.SelectMany(group => group).Index())
        {
            Places[list] = place;
        }

        _index = new DeviceTensor(tensor([.. Members.Select(member => (long)member)]));
    }

    /// <summary>The members of all lists, in the order in which <see cref="OfMembers"/> takes them.</summary>
    public int[] Members { get; }

    /// <summary>Where the mean of each list is among all of them.</summary>
    public int[] Places { get; }

    /// <summary>The means, <c>[B, P, n, …] → [B, P, lists, …]</c>.</summary>
    public Tensor Apply(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return OfMembers(Coordinates.Gather(x, _index.On(x.device))).MoveToOuterDisposeScope();
    }

    /// <summary>The means, of coordinates that are gathered already, along an axis.</summary>
    public Tensor OfMembers(Tensor members, int axis = Coordinates.Axis)
    {
        if (_lengths is [(long length, long lists)])
        {
            return Mean(members, axis, length, lists);
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = members.split([.. _lengths.Select(run => run.Length * run.Lists)], axis);
        return cat([.. parts.Zip(_lengths, (part, run) => Mean(part, axis, run.Length, run.Lists))], axis).MoveToOuterDisposeScope();
    }

    private static Tensor Mean(Tensor members, int axis, long length, long lists)
    {
        if (length == 1)
        {
            return members.alias();
        }

        using Tensor runs = members.unflatten(axis, length, lists);
        return runs.mean([axis]);
    }
}
