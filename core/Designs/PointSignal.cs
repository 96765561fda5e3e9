using System.Runtime.CompilerServices;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>How the points that a symmetric group permutes lie in a tensor: as a set along one axis, or as the nodes of graphs.</summary>
/// <remarks>
/// A set is any tensor with an axis of points. Graphs are <c>[B, n, n + c]</c>, adjacency matrices with the nodes' features behind them,
/// on which <see cref="PermutationAction.OnGraphs"/> acts.
/// </remarks>
public sealed class PointSignal
{
    private static readonly ConditionalWeakTable<AxisAction, PointSignal> s_found = [];

    private readonly AxisAction _action;

    /// <summary>Of sets, how many coordinates each point has within the axes that the group acts on, before its own axis and after it.</summary>
    private readonly (long Before, long After) _within;

    private PointSignal(AxisAction action, int points, bool isGraph, int features, (long Before, long After) within)
    {
        _action = action;
        _within = within;
        Points = points;
        NodeFeatures = features;
        IsGraph = isGraph;
    }

    /// <summary>The number of points, <c>n</c>.</summary>
    public int Points { get; }

    /// <summary>Whether the points are the nodes of graphs.</summary>
    public bool IsGraph { get; }

    /// <summary>The number of features behind the adjacency matrix, <c>c</c>; 0 for sets, whose tensors say it.</summary>
    public int NodeFeatures { get; }

    /// <summary>Finds the points that an action permutes.</summary>
    /// <param name="action">The action.</param>
    /// <param name="what">What asks for points, in messages.</param>
    /// <exception cref="EquivariantException">The action is not of a whole symmetric group on sets or graphs.</exception>
    public static PointSignal Of(TensorAction action, string what) => TryFind(action) ?? throw new EquivariantException(
        $"{what} is for a symmetric group S_n that permutes the points of a set along one axis, or the nodes of graphs [B, n, n + c] along the last two, but here acts {action}.");

    /// <summary>Finds the points that an action permutes, or none.</summary>
    internal static PointSignal? TryFind(TensorAction action)
    {
        if (action is not AxisAction axis)
        {
            return null;
        }

        if (!s_found.TryGetValue(axis, out PointSignal? found) && Find(axis) is { } made)
        {
            found = s_found.GetValue(axis, _ => made);
        }

        return found;
    }

    /// <summary>The features of each point, <c>[B, n, c]</c>.</summary>
    /// <param name="x">The batch.</param>
    /// <exception cref="EquivariantException">The batch has another shape.</exception>
    public Tensor Features(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = _action.Flatten(x);
        Tensor features = IsGraph
            ? Entries(flat).narrow(2, Points, NodeFeatures)
            : flat.reshape(flat.shape[0], flat.shape[1] * _within.Before, Points, -1).transpose(1, 2).flatten(2);
        return features.MoveToOuterDisposeScope();
    }

    /// <summary>The adjacency matrices, <c>[B, n, n]</c>.</summary>
    /// <param name="x">The batch.</param>
    /// <exception cref="EquivariantException">The points are no nodes of graphs, or the batch has another shape.</exception>
    public Tensor Adjacency(Tensor x)
    {
        RequireGraph();
        using DisposeScope scope = NewDisposeScope();
        return Entries(_action.Flatten(x)).narrow(2, 0, Points).MoveToOuterDisposeScope();
    }

    private static PointSignal? Find(AxisAction axis)
    {
        if (axis.Group is not PermutationGroup { IsSymmetric: true } group || axis.Indices.Degree % group.Degree != 0)
        {
            return null;
        }

        int points = group.Degree;
        int others = axis.Indices.Degree / points;
        if (axis.Axes.SequenceEqual([-2, -1]) && others >= points && axis.Indices.ActsAs(PermutationAction.OnGraphs(group, others - points)))
        {
            return new PointSignal(axis, points, isGraph: true, others - points, (1, 1));
        }

        foreach (int before in Enumerable.Range(1, others).Where(before => others % before == 0))
        {
            PermutationAction rows = PermutationAction.Trivial(group, before).Times(PermutationAction.Natural(group));
            if (axis.Indices.ActsAs(rows.Times(PermutationAction.Trivial(group, others / before))))
            {
                return new PointSignal(axis, points, isGraph: false, 0, (before, others / before));
            }
        }

        return null;
    }

    /// <summary>Refuses sets.</summary>
    internal void RequireGraph()
    {
        if (!IsGraph)
        {
            throw new EquivariantException(
                $"{_action} permutes a set: there are no edges. Graphs are [B, n, n + c], with PermutationAction.OnGraphs acting along the last two axes.");
        }
    }

    /// <summary>The graphs of a batch, <c>[B, n, n + c]</c>.</summary>
    private Tensor Entries(Tensor flat) => flat.shape[1] == 1
        ? flat.view(flat.shape[0], Points, Points + NodeFeatures)
        : throw new EquivariantException(
            $"Graphs have to be [B, {Points}, {Points + NodeFeatures}], one for each input, but {flat.shape[1]} were given for each.");
}
