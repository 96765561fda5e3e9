using System.Numerics;

namespace Equivariant.Core.Groups;

public abstract partial class Group
{
    /// <summary>Boxed, so that it is seen whole.</summary>
    private System.Runtime.CompilerServices.StrongBox<BigInteger?>? _classCount;

    /// <summary>
    /// Gets the number of conjugacy classes, or null when it is not feasible: it is known for commutative, symmetric and alternating groups of any size,
    /// for PSL(2, p) and PGL(2, p) on a projective line, and for direct and wreath products of such; for other groups it is found layer by layer above a soluble normal subgroup and by going from class
    /// to class elsewhere, for some seconds, and by walking through a few million elements where that fails.
    /// </summary>
    public BigInteger? ConjugacyClassCount => Once(ref _classCount, () => new(CountConjugacyClasses())).Value;

    /// <summary>Lists the conjugacy classes {h g h⁻¹}, the identity's first, always in the same order.</summary>
    /// <exception cref="EquivariantException">The group has too many elements.</exception>
    public IReadOnlyList<ConjugacyClass> ConjugacyClasses() => Engine.ConjugacyClasses.List(this);

    internal virtual BigInteger? CountConjugacyClasses() => Engine.ConjugacyClasses.Count(this);
}
