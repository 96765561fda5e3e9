using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>How a group acts on batches of tensors, from the left: <c>(gh)·x = g·(h·x)</c>.</summary>
/// <remarks>The first axis of every tensor is the batch; the group never acts on it.</remarks>
public abstract class TensorAction
{
    /// <summary>Fixes the acting group.</summary>
    /// <param name="group">The group that acts.</param>
    protected TensorAction(Group group) => Group = group;

    /// <summary>The group that acts.</summary>
    public Group Group { get; }

    /// <summary>Whether the action is by linear maps: it can be averaged. False for tokens.</summary>
    public abstract bool IsLinear { get; }

    /// <summary>
    /// Whether every element only moves numbers from place to place, or none at all: such actions commute with whatever
    /// is done to each number alike. False where that is not known.
    /// </summary>
    public virtual bool IsPermutation => false;

    /// <summary>Prepares some elements, in the given order, to act on batches.</summary>
    /// <param name="elements">Elements of <see cref="Group"/> (or of a subgroup of it).</param>
    public abstract OrbitMap Over(IReadOnlyList<GroupElement> elements);

    /// <summary>
    /// Prepares the exact average <c>1/|K| Σ k·x</c> over a subgroup, which is also its invariant projection.
    /// </summary>
    /// <param name="subgroup">The subgroup <c>K</c>.</param>
    /// <remarks>
    /// By the subgroup's transversals, <c>Π (1/|Uᵢ| Σ u)</c>: <c>Σ|Uᵢ|</c> steps, not <c>|K|</c>. Actions that
    /// permute coordinates have a faster one.
    /// </remarks>
    /// <exception cref="EquivariantException">The action is not linear.</exception>
    public virtual GroupAverage Average(Group subgroup)
    {
        RequireLinear();
        return new TransversalAverage([.. subgroup.Transversals.Select(u => Over(u))]);
    }

    /// <summary>Applies one element to a batch.</summary>
    /// <param name="element">The element <c>g</c>.</param>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <returns><c>g·x</c>, <c>[B, …]</c>.</returns>
    public Tensor Apply(GroupElement element, Tensor x) => Over([element]).Expand(x);

    /// <summary>Applies to each row an element of its own.</summary>
    /// <param name="elements">An element of <see cref="Group"/> for each row.</param>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <returns><c>[B, …]</c>: row <c>b</c> is <c>elements[b]·x[b]</c>.</returns>
    /// <exception cref="EquivariantException">The tensor is not one that the group acts on, or there is not one element for each row.</exception>
    public Tensor ApplyEach(ElementBatch elements, Tensor x)
    {
        RequireEach(elements, x);
        return ApplyRows(elements, x);
    }

    /// <summary>Undoes <see cref="ApplyEach"/>, on rows that may be of another shape.</summary>
    /// <param name="elements">An element of <see cref="Group"/> for each row.</param>
    /// <param name="y">The batch, <c>[B, …]</c>.</param>
    /// <returns><c>[B, …]</c>: row <c>b</c> is <c>elements[b]⁻¹·y[b]</c>.</returns>
    /// <exception cref="EquivariantException">The tensor is not one that the group acts on, or there is not one element for each row.</exception>
    public Tensor UndoEach(ElementBatch elements, Tensor y)
    {
        RequireEach(elements, y);
        return UndoRows(elements, y);
    }

    /// <summary>The same action, of the elements of a subgroup only.</summary>
    /// <param name="subgroup">A subgroup of <see cref="Group"/>.</param>
    public virtual TensorAction Restrict(Subgroup subgroup) => new InducedAction(subgroup, this, element => element);

    /// <summary>Lets another group act through a homomorphism into <see cref="Group"/>: <c>g·x = h(g)·x</c>.</summary>
    /// <param name="homomorphism">The homomorphism <c>h</c>.</param>
    /// <exception cref="EquivariantException">Its target is not the group that acts here.</exception>
    public virtual TensorAction Pullback(GroupHomomorphism homomorphism)
    {
        if (homomorphism.Target != Group)
        {
            throw new EquivariantException(
                $"A homomorphism into {homomorphism.Target.Name} can't bring back an action of {Group.Name}: its target has to be the group that acts.");
        }

        return new InducedAction(homomorphism.Source, this, homomorphism.Apply);
    }

    /// <summary>Tells whether another action is of the same group and moves tensors in the same way, as far as can be seen.</summary>
    /// <param name="other">The other action.</param>
    public virtual bool ActsAs(TensorAction other) => ReferenceEquals(this, other);

    /// <summary>Refuses a batch whose shape shows that the group does not act on it.</summary>
    internal virtual void RequireShape(Tensor x)
    {
    }

    /// <summary>Applies elements that are not quite decided, for their gradient; null where it has none to pass on.</summary>
    internal virtual Tensor? Mix(RelaxedElements elements, Tensor x) =>
        throw new EquivariantException($"{this} can't pass a gradient on to what chooses its elements; let the group permute the coordinates of an axis.");

    /// <inheritdoc cref="ApplyEach"/>
    /// <remarks>There is one element for each row. By a table of the different elements; actions that permute have a faster way.</remarks>
    private protected virtual Tensor ApplyRows(ElementBatch elements, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        (ElementList list, Tensor positions) = elements.Listed();
        return list.Of(this).Select(x, positions).MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="UndoEach"/>
    /// <remarks>There is one element for each row. By a table of the different elements; actions that permute have a faster way.</remarks>
    private protected virtual Tensor UndoRows(ElementBatch elements, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();
        (ElementList list, Tensor positions) = elements.Listed();
        return list.InversesOf(this).Select(y, positions).MoveToOuterDisposeScope();
    }

    private void RequireEach(ElementBatch elements, Tensor x)
    {
        TensorChecks.RequireBatch(this, x);
        if (!Group.SameGroup(elements.Group.Ambient, Group.Ambient) || elements.Count != x.shape[0])
        {
            throw new EquivariantException(
                $"{this} needs an element of {Group.Name} for each of {x.shape[0]} rows, but {elements} were given.");
        }
    }

    /// <summary>Refuses averages of what is not a vector space.</summary>
    protected void RequireLinear()
    {
        if (!IsLinear)
        {
            throw new EquivariantException($"{this} is not linear, so it has no averages; use representatives of orbits instead.");
        }
    }

    private sealed class TransversalAverage(OrbitMap[] steps) : GroupAverage
    {
        protected override Tensor AverageRows(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            TensorChecks.RequireNumbers("An average over a group", x);
            Tensor average = x.alias();
            foreach (OrbitMap step in steps)
            {
                average = step.Expand(average).unflatten(0, step.Count, x.shape[0]).mean([0L]);
            }

            return average.MoveToOuterDisposeScope();
        }
    }
}

/// <summary>Some group elements, prepared to act on batches: their index tensors are built once for each device.</summary>
public abstract class OrbitMap
{
    /// <summary>Fixes the number of elements.</summary>
    /// <param name="count">The number of elements.</param>
    protected OrbitMap(int count) => Count = count;

    /// <summary>The number of elements, <c>T</c>.</summary>
    public int Count { get; }

    /// <summary>Applies every element to every row.</summary>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <returns><c>[T·B, …]</c>: row <c>t·B + b</c> is <c>elements[t]·x[b]</c>.</returns>
    /// <exception cref="EquivariantException">The tensor is not one that the group acts on.</exception>
    public Tensor Expand(Tensor x)
    {
        TensorChecks.RequireBatch(this, x);
        return ExpandRows(x);
    }

    /// <summary>Undoes <see cref="Expand"/> on values at those rows.</summary>
    /// <param name="y">The values, <c>[T·B, …]</c>.</param>
    /// <returns><c>[T·B, …]</c>: row <c>t·B + b</c> is <c>elements[t]⁻¹·y[t·B + b]</c>.</returns>
    /// <exception cref="EquivariantException">The tensor is not one that the group acts on, or its rows are not as many for each element.</exception>
    public Tensor PullBack(Tensor y)
    {
        TensorChecks.RequireBatch(this, y);
        if (Count == 0 ? y.shape[0] != 0 : y.shape[0] % Count != 0)
        {
            throw new EquivariantException(
                $"{this} needs as many rows for each of its {Count} elements to pull back, but a tensor of shape {TensorChecks.Shape(y)} was given.");
        }

        return PullBackRows(y);
    }

    /// <summary>Applies to each row an element of its own.</summary>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <param name="which">Positions in the list of elements, <c>[B]</c>, <c>int64</c>.</param>
    /// <returns><c>[B, …]</c>: row <c>b</c> is <c>elements[which[b]]·x[b]</c>.</returns>
    /// <exception cref="EquivariantException">The tensor is not one that the group acts on, or there is not one position for each row.</exception>
    public Tensor Select(Tensor x, Tensor which)
    {
        TensorChecks.RequireBatch(this, x);
        if (which.dtype != ScalarType.Int64 || which.dim() != 1 || which.shape[0] != x.shape[0])
        {
            throw new EquivariantException(
                $"{this} needs a position of type Int64 for each of {x.shape[0]} rows, but {which.dtype} {TensorChecks.Shape(which)} was given.");
        }

        return SelectRows(x, which);
    }

    /// <summary>Says how many elements act.</summary>
    public override string ToString() => $"An action of {Count} element{(Count == 1 ? "" : "s")}";

    /// <inheritdoc cref="Expand"/>
    /// <remarks>The batch axis is there.</remarks>
    protected abstract Tensor ExpandRows(Tensor x);

    /// <inheritdoc cref="PullBack"/>
    /// <remarks>There are as many rows for each element.</remarks>
    protected abstract Tensor PullBackRows(Tensor y);

    /// <inheritdoc cref="Select"/>
    /// <remarks>There is one position for each row.</remarks>
    protected abstract Tensor SelectRows(Tensor x, Tensor which);
}

/// <summary>The exact average over a group: a projection onto what the group fixes.</summary>
public abstract class GroupAverage
{
    /// <summary>Averages every row over the group.</summary>
    /// <param name="x">The batch, <c>[B, …]</c>, floating point.</param>
    /// <returns><c>1/|K| Σ k·x</c>, <c>[B, …]</c>.</returns>
    /// <exception cref="EquivariantException">The tensor is not one that the group acts on.</exception>
    public Tensor Apply(Tensor x)
    {
        TensorChecks.RequireBatch("An average over a group", x);
        return AverageRows(x);
    }

    /// <inheritdoc cref="Apply"/>
    /// <remarks>The batch axis is there.</remarks>
    protected abstract Tensor AverageRows(Tensor x);
}
