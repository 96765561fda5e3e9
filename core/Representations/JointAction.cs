using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <namespacedoc><summary>Representations by permutations and matrices: sums, products, duals, and bases of what commutes.</summary></namespacedoc>
/// <summary>A group that acts along several axes at once, by an action of its own on each: pixels move while channels turn.</summary>
/// <remarks>For linear maps it is the tensor product of the parts, in the order in which they are given.</remarks>
public sealed class JointAction : TensorAction
{
    /// <summary>Joins actions.</summary>
    /// <param name="parts">Actions of one group along different axes: each an <see cref="AxisAction"/> or a <see cref="MatrixAction"/>.</param>
    /// <exception cref="EquivariantException">There is none, the groups differ, two act along one axis, or one is of another kind.</exception>
    public JointAction(params IReadOnlyList<TensorAction> parts)
        : base(GroupOf(parts))
    {
        Parts = [.. parts];
        Axes = [.. parts.SelectMany(AxesOf)];
        foreach (IGrouping<int, int> shared in Axes.GroupBy(axis => axis).Where(shared => shared.Count() > 1))
        {
            throw new EquivariantException($"Actions are joined along different axes, but {shared.Count()} of {string.Join(" and ", parts)} act along axis {shared.Key}.");
        }
    }

    /// <summary>Gets the actions.</summary>
    public IReadOnlyList<TensorAction> Parts { get; }

    /// <summary>Gets the axes along which they act, counted from the end, part after part.</summary>
    public IReadOnlyList<int> Axes { get; }

    /// <summary>Gets the representation on all those axes, read as one index in their order.</summary>
    public Representation Representation => field ??= Parts.Select(RepresentationOf).Aggregate((left, right) => left * right);

    /// <inheritdoc/>
    public override bool IsLinear => true;

    /// <inheritdoc/>
    public override OrbitMap Over(IReadOnlyList<GroupElement> elements) => new JointMap([.. Parts.Select(part => part.Over(elements))]);

    /// <inheritdoc/>
    public override TensorAction Restrict(Subgroup subgroup) => new JointAction([.. Parts.Select(part => part.Restrict(subgroup))]);

    /// <inheritdoc/>
    public override TensorAction Pullback(GroupHomomorphism homomorphism) => new JointAction([.. Parts.Select(part => part.Pullback(homomorphism))]);

    /// <inheritdoc/>
    public override bool ActsAs(TensorAction other) =>
        other is JointAction action && action.Parts.Count == Parts.Count && Parts.Zip(action.Parts).All(pair => pair.First.ActsAs(pair.Second));

    /// <inheritdoc/>
    public override string ToString() => string.Join(", and ", Parts);

    private static Group GroupOf(IReadOnlyList<TensorAction> parts)
    {
        Group group = parts.Count > 0 ? parts[0].Group : throw new EquivariantException("There are no actions to join; where nothing moves, take TrivialAction.");
        return parts.FirstOrDefault(part => part.Group != group) is { } other
            ? throw new EquivariantException($"Only actions of one group can be joined; these are of {group.Name} and {other.Group.Name}.")
            : group;
    }

    private static IReadOnlyList<int> AxesOf(TensorAction part) => part switch
    {
        AxisAction action => action.Axes,
        MatrixAction action => action.Axes,
        _ => throw new EquivariantException($"{part} acts along no axes, so it can't be joined with actions that do."),
    };

    private static Representation RepresentationOf(TensorAction part) =>
        part is AxisAction action ? Representation.Of(action.Indices) : ((MatrixAction)part).Representation;

    private sealed class JointMap(OrbitMap[] parts) : OrbitMap(parts[0].Count)
    {
        protected override Tensor ExpandRows(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor which = arange(Count, ScalarType.Int64, x.device).repeat_interleave(x.shape[0]);
            return parts[1..].Aggregate(parts[0].Expand(x), (rows, part) => part.Select(rows, which)).MoveToOuterDisposeScope();
        }

        protected override Tensor PullBackRows(Tensor y)
        {
            using DisposeScope scope = NewDisposeScope();
            return parts.Aggregate(y, (rows, part) => part.PullBack(rows)).MoveToOuterDisposeScope();
        }

        protected override Tensor SelectRows(Tensor x, Tensor which)
        {
            using DisposeScope scope = NewDisposeScope();
            return parts.Aggregate(x, (rows, part) => part.Select(rows, which)).MoveToOuterDisposeScope();
        }
    }
}
