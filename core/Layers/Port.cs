using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using Equivariant.Core.Representations;

namespace Equivariant.Core.Layers;

/// <namespacedoc><summary>Layers: all equivariant and all invariant-symmetric linear maps, several inputs at once, nonlinearities, readouts.</summary></namespacedoc>
/// <summary>One of several inputs or outputs of a network: its name, its tensors, and how a group acts on them.</summary>
public sealed class Port
{
    private readonly Lazy<TensorLayout> _layout;

    /// <summary>A port for tensors of any kind.</summary>
    /// <param name="name">The name, unique among inputs (or among outputs); an output is usually named as its input.</param>
    /// <param name="action">How its group acts on batches of its tensors; linear for outputs.</param>
    /// <param name="shape">The shape of its tensors without the batch axis; linear maps, norms and readouts need it, networks do not.</param>
    /// <param name="factor">
    /// Which factor of the whole group acts: ports with the same factor are moved together, by one element of one group,
    /// and all equivariant maps between them are allowed; ports with different factors are moved independently, even if
    /// their groups are equal, and between them there are the invariant-symmetric maps only. The port's name if left out.
    /// </param>
    /// <param name="family">
    /// Ports of one family may also be exchanged with each other, in any way: layers then treat them alike, as deep sets and
    /// DSS do. None if left out.
    /// </param>
    public Port(string name, TensorAction action, IReadOnlyList<long>? shape = null, string? factor = null, string? family = null)
    {
        Name = name;
        Action = action;
        Shape = shape;
        Factor = factor ?? name;
        Family = family;
        _layout = new Lazy<TensorLayout>(() => Shape is null
            ? throw new EquivariantException($"Port '{Name}' has no shape, and what is linear there needs one: give the port the shape of its tensors.")
            : TensorLayout.Of(Action, Shape));
    }

    /// <summary>A port for channels of vectors of a representation, <c>[B, channels, n]</c>.</summary>
    /// <param name="name">The name.</param>
    /// <param name="representation">How its group acts on the last axis; <c>Representation.Trivial(Group.Trivial(), n)</c> for a plain vector.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="factor">Which factor of the whole group acts; the port's name if left out.</param>
    /// <param name="family">With which ports it may be exchanged; none if left out.</param>
    /// <exception cref="EquivariantException">The number of channels is below 1.</exception>
    public Port(string name, Representation representation, long channels = 1, string? factor = null, string? family = null)
        : this(name, representation.Action(), [channels, representation.Dimension], factor, family)
    {
        if (channels < 1)
        {
            throw new EquivariantException($"Port '{name}' needs at least one channel; {channels} were given.");
        }
    }

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Gets how the group acts on batches of tensors.</summary>
    public TensorAction Action { get; }

    /// <summary>Gets the group that acts.</summary>
    public Group Group => Action.Group;

    /// <summary>Gets the shape of the tensors without the batch axis; null where any will do.</summary>
    public IReadOnlyList<long>? Shape { get; }

    /// <summary>Gets which factor of the whole group acts.</summary>
    public string Factor { get; }

    /// <summary>Gets the name of the family whose members may be exchanged; null for none.</summary>
    public string? Family { get; }

    /// <summary>Gets how the tensors are laid out for linear maps.</summary>
    /// <exception cref="EquivariantException">The port has no shape, or its action is not linear.</exception>
    public TensorLayout Layout => _layout.Value;

    /// <summary>Gets the representation that linear maps see.</summary>
    /// <exception cref="EquivariantException">The port has no shape, or its action is not linear.</exception>
    public Representation Representation => Layout.Representation;

    /// <summary>Gets the number of channels that linear maps see.</summary>
    /// <exception cref="EquivariantException">The port has no shape, or its action is not linear.</exception>
    public long Channels => Layout.Channels;

    /// <summary>Tells whether another port has tensors of the same shape, on which its group acts in the same way.</summary>
    /// <param name="other">The other port.</param>
    public bool IsLike(Port other) =>
        (Shape is null || other.Shape is null ? Shape == other.Shape : Shape.SequenceEqual(other.Shape)) && Action.ActsAs(other.Action);

    /// <summary>Says the name, the shape and the action.</summary>
    public override string ToString() => Shape is null ? $"'{Name}' ({Action})" : $"'{Name}' ([{string.Join(", ", Shape)}], {Action})";
}
