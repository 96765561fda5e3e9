using System.Numerics;

namespace Equivariant.Core.Groups;

public abstract partial class Group
{
    /// <summary>Boxed, so that it is seen whole.</summary>
    private System.Runtime.CompilerServices.StrongBox<BigInteger?>? _classCount;

    /// <summary>
    /// Gets the number of conjugacy classes, or null when it is not feasible: it is known for commutative, symmetric and alternating groups of any size
    /// and for direct and wreath products of such, is counted for other groups of a few million elements, and is found for larger ones by going from
    /// class to class for some seconds.
    /// </summary>
    public BigInteger? ConjugacyClassCount => Once(ref _classCount, () => new(CountConjugacyClasses())).Value;

    /// <summary>Lists the conjugacy classes {h g h⁻¹}, the identity's first, always in the same order.</summary>
    /// <exception cref="EquivariantException">The group has too many elements.</exception>
    public IReadOnlyList<ConjugacyClass> ConjugacyClasses() => Engine.ConjugacyClasses.List(this);

    internal virtual BigInteger? CountConjugacyClasses() => Engine.ConjugacyClasses.Count(this);
}
