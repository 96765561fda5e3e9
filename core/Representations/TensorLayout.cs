using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>
/// How tensors on which a group acts linearly are laid out for linear maps: as channels, which the group leaves alone,
/// of vectors of a representation.
/// </summary>
/// <remarks>
/// The axes that the group moves become the last, read as one, and all others the channels: images
/// <c>[B, C, H, W]</c> whose pixels move are <c>[B, C, H·W]</c>. No map is lost or won by it.
/// </remarks>
public sealed class TensorLayout
{
    private readonly long[] _shape;
    private readonly long[] _order;
    private readonly long[] _inverse;

    private TensorLayout(Representation representation, IReadOnlyList<long> shape, IReadOnlyList<int> moved)
    {
        Representation = representation;
        _shape = [.. shape];
        int rank = shape.Count;
        long[] last = [.. moved.Select(axis => (long)(rank + axis))];
        long[] order = [.. Enumerable.Range(0, rank).Select(axis => (long)axis).Except(last), .. last];
        // The batch axis comes first and stays there.
        _order = [0, .. order.Select(axis => axis + 1)];
        _inverse = [.. Enumerable.Range(0, rank + 1).Select(axis => (long)Array.IndexOf(_order, axis))];
        Channels = order[..^last.Length].Aggregate(1L, (product, axis) => product * shape[(int)axis]);
    }

    /// <summary>Gets the representation, of dimension <c>n</c>.</summary>
    public Representation Representation { get; }

    /// <summary>Gets the number of channels <c>c</c>, the product of the lengths of all axes that the group leaves alone.</summary>
    public long Channels { get; }

    /// <summary>The layout of tensors of a shape.</summary>
    /// <param name="action">How the group acts on them.</param>
    /// <param name="shape">Their shape, without the batch axis.</param>
    /// <exception cref="EquivariantException">The action is not linear, or does not fit the shape.</exception>
    public static TensorLayout Of(TensorAction action, IReadOnlyList<long> shape)
    {
        TensorLayout layout = action switch
        {
            TrivialAction => new TensorLayout(Representation.Trivial(action.Group), shape, []),
            AxisAction axes => new TensorLayout(Representation.Of(axes.Indices), shape, axes.Axes),
            MatrixAction matrices => new TensorLayout(matrices.Representation, shape, matrices.Axes),
            JointAction joint => new TensorLayout(joint.Representation, shape, joint.Axes),
            _ => throw new EquivariantException($"{action} is not by matrices, so there are no linear maps that commute with it: put a network there."),
        };
        IEnumerable<long> moved = layout._order[(1 + shape.Count - MovedAxes(action))..];
        if (moved.Any(axis => axis < 1) || moved.Aggregate(1L, (product, axis) => product * shape[(int)axis - 1]) != layout.Representation.Dimension)
        {
            throw new EquivariantException(
                $"{action} does not fit tensors of shape [B, {string.Join(", ", shape)}]: it moves {layout.Representation.Dimension} coordinates along {MovedAxes(action)} of the last axes.");
        }

        return layout;
    }

    /// <summary>Lays tensors out.</summary>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <returns><c>[B, c, n]</c>; a view where nothing has to be copied.</returns>
    public Tensor Flatten(Tensor x) => x.permute(_order).reshape(x.shape[0], Channels, Representation.Dimension);

    /// <summary>Undoes <see cref="Flatten"/>.</summary>
    /// <param name="flat">The batch, <c>[B, c, n]</c>.</param>
    /// <returns><c>[B, …]</c>.</returns>
    public Tensor Unflatten(Tensor flat) =>
        flat.reshape([flat.shape[0], .. _order[1..].Select(axis => _shape[axis - 1])]).permute(_inverse);

    private static int MovedAxes(TensorAction action) => action switch
    {
        AxisAction axes => axes.Axes.Count,
        MatrixAction matrices => matrices.Axes.Count,
        JointAction joint => joint.Axes.Count,
        _ => 0,
    };
}
