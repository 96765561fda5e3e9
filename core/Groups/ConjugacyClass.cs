using System.Numerics;

namespace Equivariant.Core.Groups;

/// <summary>The elements h g h⁻¹ for all h of a group.</summary>
/// <param name="Representative">One of them: the first in the group's order of enumeration.</param>
/// <param name="Size">How many there are.</param>
public readonly record struct ConjugacyClass(GroupElement Representative, BigInteger Size);
