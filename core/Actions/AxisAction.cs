using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>
/// A group that permutes indices acts on tensors by permuting their coordinates: <c>(g·x)[g·i] = x[i]</c>.
/// </summary>
/// <remarks>
/// The permuted index may be one axis (logits over a vocabulary, a set) or a run of adjacent axes read as one, row by
/// row (the pixels of an image). Any dtype; every other axis is left alone.
/// </remarks>
public sealed class AxisAction : TensorAction
{
    private readonly int _first;
    private readonly int _span;

    /// <summary>Lets a permutation action move the coordinates along some axes.</summary>
    /// <param name="indices">The action on the numbers <c>0 … n−1</c> of the coordinates.</param>
    /// <param name="axes">
    /// The axes, adjacent and counted from the end, such as <c>-1</c>, or <c>-2, -1</c> for the pixels of
    /// <c>[B, C, H, W]</c> with <c>H·W = n</c>.
    /// </param>
    /// <exception cref="EquivariantException">The axes are not adjacent, or not counted from the end.</exception>
    public AxisAction(PermutationAction indices, params int[] axes)
        : base(indices.Group)
    {
        int[] sorted = [.. axes.Order()];
        if (sorted.Length == 0 || sorted[^1] >= 0 || sorted[^1] - sorted[0] != sorted.Length - 1 || sorted.Distinct().Count() != sorted.Length)
        {
            throw new EquivariantException(
                $"Axes [{string.Join(", ", axes)}] can't be permuted as one index: give adjacent axes counted from the end, such as -1, or -2 and -1.");
        }

        Indices = indices;
        _first = sorted[0];
        _span = sorted.Length;
    }

    /// <summary>The action on coordinate numbers.</summary>
    public PermutationAction Indices { get; }

    /// <inheritdoc/>
    public override bool IsLinear => true;

    /// <inheritdoc/>
    public override OrbitMap Over(IReadOnlyList<GroupElement> elements) => new AxisMap(this, elements);

    /// <inheritdoc/>
    /// <remarks>The mean over each orbit of coordinates, one pass whatever the subgroup's order.</remarks>
    public override GroupAverage Average(Group subgroup) => new OrbitMean(this, Indices.Restrict(subgroup));

    /// <inheritdoc/>
    public override TensorAction Restrict(Subgroup subgroup) => new AxisAction(Indices.Restrict(subgroup), [.. Axes]);

    /// <inheritdoc/>
    public override TensorAction Pullback(GroupHomomorphism homomorphism) => new AxisAction(Indices.Pullback(homomorphism), [.. Axes]);

    /// <inheritdoc/>
    public override bool ActsAs(TensorAction other) =>
        other is AxisAction axes && axes._first == _first && axes._span == _span && axes.Indices.ActsAs(Indices);

    /// <inheritdoc/>
    public override string ToString() => $"{Group.Name} on {Indices.Degree} coordinates";

    /// <summary>The permuted axes, adjacent and in order, counted from the end.</summary>
    public IReadOnlyList<int> Axes => [.. Enumerable.Range(_first, _span)];

    /// <summary>
    /// Views <c>[R, …, a, b, …]</c> as <c>[R, P, n, Q]</c>, with the permuted axes as one of length <c>n</c>; as
    /// <c>[R, P, n]</c> where nothing follows them, which is much faster to gather from.
    /// </summary>
    internal Tensor Flatten(Tensor x)
    {
        int first = (int)x.dim() + _first;
        if (first < 1)
        {
            throw new EquivariantException(
                $"{this} moves axis {_first}, but a tensor of shape [{string.Join(", ", x.shape)}] has only {x.dim()} axes, the first of them the batch.");
        }

        long[] shape = x.shape;
        long n = Product(shape, first, first + _span);
        if (n != Indices.Degree)
        {
            throw new EquivariantException(
                $"{this} needs {Indices.Degree} coordinates along axes {_first} … {_first + _span - 1}, but a tensor of shape [{string.Join(", ", shape)}] has {n}.");
        }

        // libtorch gathers complex numbers by aligned loads, but what TorchSharp makes of a .NET array need not be aligned.
        if (x.dtype == ScalarType.ComplexFloat64 && x.device_type == DeviceType.CPU)
        {
            x = x.clone();
        }

        long before = Product(shape, 1, first);
        return first + _span == shape.Length
            ? x.reshape(shape[0], before, n)
            : x.reshape(shape[0], before, n, Product(shape, first + _span, shape.Length));
    }

    private static long Product(long[] shape, int from, int to)
    {
        long product = 1;
        for (int axis = from; axis < to; axis++)
        {
            product *= shape[axis];
        }

        return product;
    }

    private sealed class AxisMap(AxisAction action, IReadOnlyList<GroupElement> elements) : OrbitMap(elements.Count)
    {
        private readonly DeviceTensor _images = IndexTables.Images(elements, action.Indices);
        private readonly DeviceTensor _preimages = IndexTables.Preimages(elements, action.Indices);

        public override Tensor Expand(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            return Coordinates.Spread(action.Flatten(x), _preimages.On(x.device))
                .reshape([Count * x.shape[0], .. x.shape[1..]]).MoveToOuterDisposeScope();
        }

        public override Tensor PullBack(Tensor y)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor flat = action.Flatten(y).unflatten(0, Count, y.shape[0] / Count);
            return Coordinates.GatherEach(flat, _images.On(y.device)).reshape(y.shape).MoveToOuterDisposeScope();
        }

        public override Tensor Select(Tensor x, Tensor which)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor flat = action.Flatten(x).unsqueeze(1);
            return Coordinates.GatherEach(flat, _preimages.On(x.device).index_select(0, which))
                .reshape(x.shape).MoveToOuterDisposeScope();
        }
    }

    private sealed class OrbitMean(AxisAction action, PermutationAction restricted) : GroupAverage
    {
        private readonly CoordinateMeans _means = new(restricted.Orbits);
        private readonly DeviceTensor _orbitOf = new(tensor(restricted.OrbitIndex, dtype: ScalarType.Int64));

        public override Tensor Apply(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor pooled = _means.Apply(action.Flatten(x));
            return Coordinates.Gather(pooled, _orbitOf.On(x.device)).reshape(x.shape).MoveToOuterDisposeScope();
        }
    }
}
