namespace Equivariant.Core.Layers;

/// <summary>One block of a multi-input linear layer, as a row of its table.</summary>
/// <param name="Output">The names of the outputs that it reaches; several where ports are exchanged.</param>
/// <param name="Input">The names of the inputs that it reads.</param>
/// <param name="Kind">Equivariant, or invariant-symmetric.</param>
/// <param name="FreeParameters">Its parameters, counted on the tensors.</param>
/// <param name="TheoreticalDimension">The dimension of the space of all such blocks.</param>
public sealed record LinearBlock(string Output, string Input, LinearBlockKind Kind, long FreeParameters, long TheoreticalDimension);

/// <summary>The kinds of blocks of a multi-input linear layer.</summary>
public enum LinearBlockKind
{
    /// <summary>All maps that commute with the group that moves both sides.</summary>
    Equivariant,

    /// <summary>All maps that are invariant under the input's group and symmetric under the output's.</summary>
    InvariantSymmetric,

    /// <summary>The bias of an output, in its invariants.</summary>
    Bias,
}
