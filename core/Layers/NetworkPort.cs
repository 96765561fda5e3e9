using Equivariant.Core.Actions;

namespace Equivariant.Core.Layers;

/// <summary>One of several inputs or outputs of a network around arbitrary models.</summary>
/// <param name="Name">The name, unique among inputs (or among outputs).</param>
/// <param name="Action">How its group acts; <see cref="TrivialAction"/> of the trivial group for a plain vector.</param>
/// <param name="Factor">
/// Which factor of the whole group acts, as in <see cref="Port"/>: an equivariant block may only join ports of one
/// factor. The port's name if left out.
/// </param>
public sealed record NetworkPort(string Name, TensorAction Action, string? Factor = null)
{
    /// <summary>Gets the factor that acts on the port.</summary>
    public string ActingFactor => Factor ?? Name;
}
