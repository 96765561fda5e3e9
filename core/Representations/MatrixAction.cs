using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>A group that acts on tensors by the matrices of a representation, along one axis or several read as one.</summary>
/// <remarks>
/// Floating point or complex; every other axis is left alone. Any representation will do, sums, products and duals too:
/// <c>V ⊗ V</c> along two axes turns a matrix <c>X</c> to <c>ρ(g) X ρ(g)ᵀ</c>. For permutation representations, <see cref="AxisAction"/>
/// does the same faster.
/// </remarks>
public sealed class MatrixAction : TensorAction
{
    private readonly AdjacentAxes _axes;

    /// <summary>Lets a representation act along some axes.</summary>
    /// <param name="representation">The representation, of dimension <c>n</c>.</param>
    /// <param name="axes">
    /// The axes, adjacent and counted from the end, of length <c>n</c> together, such as <c>-2, -1</c> for the rows and columns of matrices;
    /// the last axis if left out.
    /// </param>
    /// <exception cref="EquivariantException">The axes are not adjacent, or not counted from the end.</exception>
    public MatrixAction(Representation representation, params int[] axes)
        : base(representation.Group)
    {
        Representation = representation;
        _axes = new AdjacentAxes(axes.Length == 0 ? [-1] : axes);
    }

    /// <summary>Gets the representation.</summary>
    public Representation Representation { get; }

    /// <summary>Gets the axes along which it acts, adjacent and in order, counted from the end.</summary>
    public IReadOnlyList<int> Axes => _axes.List;

    /// <inheritdoc/>
    public override bool IsLinear => true;

    /// <inheritdoc/>
    public override bool IsPermutation => Representation.Summands.All(summand => summand.IsPermutation);

    /// <inheritdoc/>
    public override OrbitMap Over(IReadOnlyList<GroupElement> elements)
    {
        long dimension = Representation.Dimension;
        TableLimit.Require(elements.Count, dimension * dimension, sizeof(double), ToString());
        foreach (GroupElement element in elements)
        {
            Representation.RequireElement(element);
        }

        return new MatrixMap(this, elements);
    }

    /// <inheritdoc/>
    public override TensorAction Restrict(Subgroup subgroup) => new MatrixAction(Representation.Restrict(subgroup), _axes.List);

    /// <inheritdoc/>
    public override TensorAction Pullback(GroupHomomorphism homomorphism) => new MatrixAction(Representation.Pullback(homomorphism), _axes.List);

    /// <inheritdoc/>
    public override bool ActsAs(TensorAction other) =>
        other is MatrixAction action && action.Axes.SequenceEqual(Axes) && action.Representation.ActsAs(Representation);

    /// <inheritdoc/>
    public override string ToString() => $"{Representation} along {_axes}";

    internal override void RequireShape(Tensor x) => _axes.Require(x, Representation.Dimension, this);

    private sealed class MatrixMap(MatrixAction action, IReadOnlyList<GroupElement> elements) : OrbitMap(elements.Count)
    {
        private readonly DeviceTensor _matrices = new(action.Representation.Stack(elements));
        private readonly DeviceTensor _inverses = new(action.Representation.Stack([.. elements.Select(g => g.Inverse())]));

        protected override Tensor ExpandRows(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            return Multiply(Like(_matrices, x), Flatten(x).unsqueeze(0))
                .reshape([Count * x.shape[0], .. x.shape[1..]]).MoveToOuterDisposeScope();
        }

        protected override Tensor PullBackRows(Tensor y)
        {
            using DisposeScope scope = NewDisposeScope();
            return Multiply(Like(_inverses, y), Flatten(y).unflatten(0, Count, y.shape[0] / Count))
                .reshape(y.shape).MoveToOuterDisposeScope();
        }

        protected override Tensor SelectRows(Tensor x, Tensor which)
        {
            using DisposeScope scope = NewDisposeScope();
            return Multiply(Like(_matrices, x).index_select(0, which), Flatten(x).unsqueeze(1))
                .reshape(x.shape).MoveToOuterDisposeScope();
        }

        private static Tensor Like(DeviceTensor matrices, Tensor x) => matrices.On(x.device).to(x.dtype);

        /// <summary>Multiplies by matrix <c>t</c>, of <c>[T, n, n]</c>, the coordinates of slice <c>t</c> of <c>[T, B, P, n]</c> or <c>[T, B, P, n, Q]</c>.</summary>
        private static Tensor Multiply(Tensor matrices, Tensor x) => x.dim() == Coordinates.Axis + 2
            ? x.matmul(matrices.transpose(1, 2).unsqueeze(1))
            : matrices.unsqueeze(1).unsqueeze(1).matmul(x);

        private Tensor Flatten(Tensor x)
        {
            TensorChecks.RequireNumbers(action, x);
            return action._axes.Flatten(x, action.Representation.Dimension, action);
        }
    }
}
