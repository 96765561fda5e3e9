using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Compact;

/// <summary>What becomes of a quantity when space is turned by an orthogonal matrix <c>g</c>.</summary>
public enum VectorKind
{
    /// <summary><c>d</c> numbers, <c>v → g·v</c>: positions, velocities, forces.</summary>
    Vector,

    /// <summary><c>d</c> numbers, <c>v → det(g)·g·v</c>: angular momenta, magnetic fields.</summary>
    Pseudovector,

    /// <summary>One number that stays as it is: masses, charges.</summary>
    Scalar,

    /// <summary>One number, <c>s → det(g)·s</c>: a vector times a pseudovector.</summary>
    Pseudoscalar,
}

/// <summary>A compact group acts on the last axis of tensors, which holds vectors and scalars side by side.</summary>
/// <remarks>The axes before it, such as the points of a cloud <c>[B, n, D]</c>, are left alone; the first is the batch.</remarks>
public sealed class CompactAction
{
    /// <summary>Lets a group act on quantities side by side.</summary>
    /// <param name="group">The group.</param>
    /// <param name="kinds">What the last axis holds, in order.</param>
    /// <exception cref="EquivariantException">It holds nothing.</exception>
    public CompactAction(CompactGroup group, params IReadOnlyList<VectorKind> kinds)
    {
        if (kinds.Count == 0)
        {
            throw new EquivariantException($"{group} needs something to act on: say which vectors and scalars the last axis holds.");
        }

        Group = group;
        Kinds = [.. kinds];
    }

    /// <summary>The group that acts.</summary>
    public CompactGroup Group { get; }

    /// <summary>What the last axis holds, in order.</summary>
    public IReadOnlyList<VectorKind> Kinds { get; }

    /// <summary>The length of the last axis.</summary>
    public int Width => Kinds.Sum(WidthOf);

    /// <summary>Applies to each row a member of its own.</summary>
    /// <param name="members">Members of the group, <c>[R, d, d]</c>.</param>
    /// <param name="x">The batch, <c>[R, …, D]</c>.</param>
    /// <returns><c>[R, …, D]</c>: row <c>r</c> is <c>members[r]·x[r]</c>.</returns>
    /// <exception cref="EquivariantException">The tensor has another width, or there is not one member for each row.</exception>
    public Tensor ApplyEach(Tensor members, Tensor x)
    {
        RequireRows(members, x);
        using DisposeScope scope = NewDisposeScope();
        Tensor g = members.to(x.dtype).to(x.device);
        Tensor rows = x.reshape(x.shape[0], -1, Width);
        Tensor turning = g.transpose(1, 2);
        Tensor sign = g.det().view(-1, 1, 1);
        Tensor[] parts = rows.split([.. Kinds.Select(kind => (long)WidthOf(kind))], 2);
        return cat([.. Kinds.Zip(parts, (kind, part) => kind switch
        {
            VectorKind.Vector => part.matmul(turning),
            VectorKind.Pseudovector => part.matmul(turning) * sign,
            VectorKind.Scalar => part,
            _ => part * sign,
        })], 2).reshape(x.shape).MoveToOuterDisposeScope();
    }

    /// <summary>Undoes <see cref="ApplyEach"/>.</summary>
    /// <param name="members">Members of the group, <c>[R, d, d]</c>.</param>
    /// <param name="y">The batch, <c>[R, …, D]</c>.</param>
    /// <exception cref="EquivariantException">The tensor has another width, or there is not one member for each row.</exception>
    public Tensor UndoEach(Tensor members, Tensor y)
    {
        using Tensor inverses = members.transpose(1, 2);
        return ApplyEach(inverses, y);
    }

    /// <summary>The vectors of one place of the last axis, <c>[R, …, d]</c>.</summary>
    internal Tensor Part(Tensor x, int place) => x.narrow(x.dim() - 1, Kinds.Take(place).Sum(WidthOf), WidthOf(Kinds[place]));

    /// <inheritdoc/>
    public override string ToString() => $"{Group} on {string.Join(", ", Kinds.Select(kind => kind.ToString().ToLowerInvariant()))}";

    /// <summary>Refuses what it does not act on.</summary>
    internal void RequireRows(Tensor x)
    {
        TensorChecks.RequireBatch(this, x);
        TensorChecks.RequireNumbers(this, x);
        if (x.dim() < 2 || x.shape[^1] != Width)
        {
            throw new EquivariantException($"{this} takes {Width} numbers along the last axis, [B, …, {Width}], but a tensor of shape {TensorChecks.Shape(x)} was given.");
        }
    }

    private void RequireRows(Tensor members, Tensor x)
    {
        RequireRows(x);
        int d = Group.Dimension;
        if (!members.shape.AsSpan().SequenceEqual([x.shape[0], d, d]))
        {
            throw new EquivariantException(
                $"{this} needs a matrix for each of {x.shape[0]} rows, [{x.shape[0]}, {d}, {d}], but a tensor of shape {TensorChecks.Shape(members)} was given.");
        }
    }

    private int WidthOf(VectorKind kind) => kind is VectorKind.Vector or VectorKind.Pseudovector ? Group.Dimension : 1;
}
