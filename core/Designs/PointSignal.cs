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
    private readonly AxisAction _action;

    private PointSignal(AxisAction action, int points, int features, bool isGraph)
    {
        _action = action;
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
    public static PointSignal Of(TensorAction action, string what)
    {
        if (action is AxisAction axis && axis.Group is PermutationGroup { IsSymmetric: true } group)
        {
            int points = group.Degree;
            if (axis.Axes.Count == 1 && axis.Indices.ActsAs(PermutationAction.Natural(group)))
            {
                return new PointSignal(axis, points, 0, isGraph: false);
            }

            (int columns, int rest) = Math.DivRem(axis.Indices.Degree, points);
            if (axis.Axes.SequenceEqual([-2, -1]) && rest == 0 && columns >= points
                && axis.Indices.ActsAs(PermutationAction.OnGraphs(group, columns - points)))
            {
                return new PointSignal(axis, points, columns - points, isGraph: true);
            }
        }

        throw new EquivariantException(
            $"{what} is for a symmetric group S_n that permutes the points of a set along one axis, or the nodes of graphs [B, n, n + c] along the last two, but here acts {action}.");
    }

    /// <summary>The features of each point, <c>[B, n, c]</c>.</summary>
    /// <param name="x">The batch.</param>
    /// <exception cref="EquivariantException">The batch has another shape.</exception>
    public Tensor Features(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = _action.Flatten(x);
        Tensor features = IsGraph ? Entries(flat).narrow(2, Points, NodeFeatures)
            : flat.dim() == Coordinates.Axis + 1 ? flat.transpose(1, 2)
            : flat.transpose(1, 2).flatten(2);
        return features.MoveToOuterDisposeScope();
    }

    /// <summary>The adjacency matrices, <c>[B, n, n]</c>.</summary>
    /// <param name="x">The batch.</param>
    /// <exception cref="EquivariantException">The points are no nodes of graphs, or the batch has another shape.</exception>
    public Tensor Adjacency(Tensor x)
    {
        if (!IsGraph)
        {
            throw new EquivariantException($"{_action} permutes a set: there are no edges. Graphs are [B, n, n + c], with PermutationAction.OnGraphs acting along the last two axes.");
        }

        using DisposeScope scope = NewDisposeScope();
        return Entries(_action.Flatten(x)).narrow(2, 0, Points).MoveToOuterDisposeScope();
    }

    /// <summary>The graphs of a batch, <c>[B, n, n + c]</c>.</summary>
    private Tensor Entries(Tensor flat) => flat.shape[1] == 1
        ? flat.view(flat.shape[0], Points, Points + NodeFeatures)
        : throw new EquivariantException(
            $"Graphs have to be [B, {Points}, {Points + NodeFeatures}], one for each input, but {flat.shape[1]} were given for each.");
}
