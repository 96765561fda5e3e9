using Equivariant.Core.Representations;

namespace Equivariant.Core.Layers;

/// <summary>One of several inputs or outputs of a network: its name, the representation on it and how it shares a group.</summary>
/// <param name="Name">The name, unique among inputs (or among outputs); an output is usually named as its input.</param>
/// <param name="Representation">How its group acts; <c>Representation.Trivial(Group.Trivial(), n)</c> for a plain vector.</param>
/// <param name="Channels">The number of channels.</param>
/// <param name="Factor">
/// Which factor of the whole group acts: ports with the same factor are moved together, by one element of one group,
/// and all equivariant maps between them are allowed; ports with different factors are moved independently, even if
/// their groups are equal, and between them there are the invariant-symmetric maps only. The port's name if left out.
/// </param>
/// <param name="Family">
/// Ports of one family may also be exchanged with each other, in any way: layers then treat them alike, as deep sets and DSS
/// do. None if left out.
/// </param>
public sealed record Port(string Name, Representation Representation, long Channels = 1, string? Factor = null, string? Family = null)
{
    /// <summary>Gets the factor that acts on the port.</summary>
    public string ActingFactor => Factor ?? Name;

    /// <summary>Says the name, the channels and the representation.</summary>
    public override string ToString() => $"'{Name}' ({Channels} × {Representation})";
}
