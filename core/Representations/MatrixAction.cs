using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>A group that acts on tensors by the matrices of a representation, along one axis.</summary>
/// <remarks>
/// Floating point; every other axis is left alone. For permutation representations, <see cref="AxisAction"/> does the
/// same faster.
/// </remarks>
public sealed class MatrixAction : TensorAction
{
        /// <summary>Lets a representation act along an axis.</summary>
    /// <param name="representation">The representation, of dimension <c>n</c>.</param>
    /// <param name="axis">The axis of length <c>n</c>, counted from the end; -1 is the last.</param>
    /// <exception cref="EquivariantException">The axis is not counted from the end.</exception>
    public MatrixAction(Representation representation, int axis = -1)
        : base(representation.Group)
    {
        if (axis >= 0)
        {
            throw new EquivariantException($"Axis {axis} can't be acted on: give an axis counted from the end, such as -1.");
        }

        Representation = representation;
        Axis = axis;
    }

    /// <summary>Gets the representation.</summary>
    public Representation Representation { get; }

    /// <summary>Gets the axis along which it acts, counted from the end.</summary>
    public int Axis { get; }

    /// <inheritdoc/>
    public override bool IsLinear => true;

    /// <inheritdoc/>
    public override OrbitMap Over(IReadOnlyList<GroupElement> elements) => new MatrixMap(this, elements);

    /// <inheritdoc/>
    public override TensorAction Restrict(Subgroup subgroup) => new MatrixAction(Representation.Restrict(subgroup), Axis);

    /// <inheritdoc/>
    public override TensorAction Pullback(GroupHomomorphism homomorphism) => new MatrixAction(Representation.Pullback(homomorphism), Axis);

    /// <inheritdoc/>
    public override bool ActsAs(TensorAction other) =>
        other is MatrixAction matrices && matrices.Axis == Axis && matrices.Representation.ActsAs(Representation);

    /// <inheritdoc/>
    public override string ToString() => $"{Representation} along axis {Axis}";

    private sealed class MatrixMap : OrbitMap
    {
        private readonly MatrixAction _action;
        private readonly DeviceTensor _matrices;
        private readonly DeviceTensor _inverses;

        public MatrixMap(MatrixAction action, IReadOnlyList<GroupElement> elements)
            : base(elements.Count)
        {
            _action = action;
            long dimension = action.Representation.Dimension;
            TableLimit.Require(elements.Count, dimension * dimension, sizeof(double), action.ToString());
            _matrices = new DeviceTensor(action.Representation.Stack(elements));
            _inverses = new DeviceTensor(action.Representation.Stack([.. elements.Select(g => g.Inverse())]));
        }

        public override Tensor Expand(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor spread = Spread(x).unsqueeze(0).matmul(Transposed(_matrices, x).unsqueeze(1));
            return Gathered(spread.flatten(0, 1), [Count * x.shape[0], .. x.shape[1..]]).MoveToOuterDisposeScope();
        }

        public override Tensor PullBack(Tensor y)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor spread = Spread(y).unflatten(0, Count, y.shape[0] / Count).matmul(Transposed(_inverses, y).unsqueeze(1));
            return Gathered(spread.flatten(0, 1), y.shape).MoveToOuterDisposeScope();
        }

        public override Tensor Select(Tensor x, Tensor which)
        {
            using DisposeScope scope = NewDisposeScope();
            return Gathered(Spread(x).matmul(Transposed(_matrices, x).index_select(0, which)), x.shape).MoveToOuterDisposeScope();
        }

        private static Tensor Transposed(DeviceTensor matrices, Tensor x) => matrices.On(x.device).to(x.dtype).transpose(1, 2);

        /// <summary>Views <c>[R, …, n, …]</c> as <c>[R, P, n]</c>.</summary>
        private Tensor Spread(Tensor x)
        {
            int n = _action.Representation.Dimension;
            if (x.dim() < 1 - _action.Axis || x.shape[^-_action.Axis] != n)
            {
                throw new EquivariantException(
                    $"{_action} needs length {n} there and a batch axis before it, but a tensor of shape [{string.Join(", ", x.shape)}] was given.");
            }

            long others = x.shape[1..].Aggregate(1L, (product, length) => product * length) / n;
            return x.movedim([_action.Axis], [-1L]).reshape(x.shape[0], others, n);
        }

        private Tensor Gathered(Tensor spread, long[] shape)
        {
            List<long> moved = [.. shape];
            moved.RemoveAt(shape.Length + _action.Axis);
            return spread.reshape([.. moved, shape[^-_action.Axis]]).movedim([-1L], [_action.Axis]);
        }
    }
}
