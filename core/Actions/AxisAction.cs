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
    private readonly AdjacentAxes _axes;

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
        Indices = indices;
        _axes = new AdjacentAxes(axes);
    }

    /// <summary>The permuted axes, adjacent and in order, counted from the end.</summary>
    public IReadOnlyList<int> Axes => _axes.List;

    /// <summary>The action on coordinate numbers.</summary>
    public PermutationAction Indices { get; }

    /// <inheritdoc/>
    public override bool IsLinear => true;

    /// <inheritdoc/>
    public override bool IsPermutation => true;

    /// <inheritdoc/>
    public override OrbitMap Over(IReadOnlyList<GroupElement> elements) => new AxisMap(this, elements);

    /// <inheritdoc/>
    /// <remarks>The mean over each orbit of coordinates, one pass whatever the subgroup's order.</remarks>
    public override GroupAverage Average(Group subgroup) => new OrbitMean(this, Indices.Restrict(subgroup));

    /// <inheritdoc/>
    public override TensorAction Restrict(Subgroup subgroup) => new AxisAction(Indices.Restrict(subgroup), _axes.List);

    /// <inheritdoc/>
    public override TensorAction Pullback(GroupHomomorphism homomorphism) => new AxisAction(Indices.Pullback(homomorphism), _axes.List);

    /// <inheritdoc/>
    public override bool ActsAs(TensorAction other) =>
        other is AxisAction action && action.Axes.SequenceEqual(Axes) && action.Indices.ActsAs(Indices);

    /// <inheritdoc/>
    public override string ToString() => $"{Group.Name} on {Indices.Degree} coordinates";

    internal override void RequireShape(Tensor x) => _axes.Require(x, Indices.Degree, this);

    internal override Tensor? Mix(RelaxedElements elements, Tensor x)
    {
        if (!x.is_floating_point() && !x.is_complex())
        {
            return null;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor flat = Flatten(x);
        Tensor columns = flat.dim() == Coordinates.Axis + 1 ? flat.unsqueeze(-1) : flat;
        return Indices.Mix(elements, columns).reshape(x.shape).MoveToOuterDisposeScope();
    }

    private protected override Tensor ApplyRows(ElementBatch elements, Tensor x)
    {
        if (elements.IsListed)
        {
            return base.ApplyRows(elements, x);
        }

        using DisposeScope scope = NewDisposeScope();
        return PermuteRows(x, Indices.Images(elements)).MoveToOuterDisposeScope();
    }

    private protected override Tensor UndoRows(ElementBatch elements, Tensor y)
    {
        if (elements.IsListed)
        {
            return base.UndoRows(elements, y);
        }

        using DisposeScope scope = NewDisposeScope();
        return Coordinates.GatherEach(Flatten(y).unsqueeze(1), Indices.Images(elements)).view(y.shape).MoveToOuterDisposeScope();
    }

    /// <summary>Row <c>r</c> moved by permutation <c>images[r]</c>.</summary>
    private Tensor PermuteRows(Tensor x, Tensor images) => Coordinates.PermuteEach(Flatten(x).unsqueeze(1), images).view(x.shape);

    /// <inheritdoc cref="AdjacentAxes.Flatten"/>
    internal Tensor Flatten(Tensor x)
    {
        // libtorch gathers complex numbers by aligned loads, but what TorchSharp makes of a .NET array need not be aligned.
        bool mayBeUnaligned = x.dtype == ScalarType.ComplexFloat64 && x.device_type == DeviceType.CPU;
        return _axes.Flatten(mayBeUnaligned ? x.clone() : x, Indices.Degree, this);
    }

    private sealed class AxisMap(AxisAction action, IReadOnlyList<GroupElement> elements) : OrbitMap(elements.Count)
    {
        private readonly DeviceTensor _images = IndexTables.Images(elements, action.Indices);
        private readonly DeviceTensor _preimages = IndexTables.Preimages(elements, action.Indices);

        protected override Tensor ExpandRows(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            long[] shape = x.shape;
            return Coordinates.Permute(action.Flatten(x), _images.On(x.device)).view([Count * shape[0], .. shape[1..]]).MoveToOuterDisposeScope();
        }

        protected override Tensor PullBackRows(Tensor y)
        {
            using DisposeScope scope = NewDisposeScope();
            long[] shape = y.shape;
            Tensor flat = action.Flatten(y).unflatten(0, Count, shape[0] / Count);
            return Coordinates.PermuteEach(flat, _preimages.On(y.device)).view(shape).MoveToOuterDisposeScope();
        }

        protected override Tensor SelectRows(Tensor x, Tensor which)
        {
            using DisposeScope scope = NewDisposeScope();
            return action.PermuteRows(x, _images.On(x.device).index_select(0, which)).MoveToOuterDisposeScope();
        }
    }

    private sealed class OrbitMean : GroupAverage
    {
        private readonly AxisAction _action;
        private readonly CoordinateMeans _means;
        private readonly DeviceTensor _meanOf;

        public OrbitMean(AxisAction action, PermutationAction restricted)
        {
            _action = action;
            _means = new CoordinateMeans(restricted.Orbits);
            _meanOf = new DeviceTensor(tensor([.. restricted.OrbitIndex.Select(orbit => (long)_means.Places[orbit])]));
        }

        protected override Tensor AverageRows(Tensor x)
        {
            TensorChecks.RequireNumbers("An average over a group", x);
            using DisposeScope scope = NewDisposeScope();
            Tensor pooled = _means.Apply(_action.Flatten(x));
            return Coordinates.Gather(pooled, _meanOf.On(x.device)).view(x.shape).MoveToOuterDisposeScope();
        }
    }
}
