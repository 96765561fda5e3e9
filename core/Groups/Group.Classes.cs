using System.Numerics;

namespace Equivariant.Core.Groups;

public abstract partial class Group
{
    private BigInteger? _classCount;
    private bool _classesCounted;

    /// <summary>
    /// Gets the number of conjugacy classes, or null when it is not feasible: it is known for commutative, symmetric and alternating groups of any size
    /// and for products of such, and is counted for other groups of a few million elements.
    /// </summary>
    public BigInteger? ConjugacyClassCount
    {
        get
        {
            if (!_classesCounted)
            {
                _classCount = CountConjugacyClasses();
                _classesCounted = true;
            }

            return _classCount;
        }
    }

    /// <summary>Lists the conjugacy classes {h g h⁻¹}, the identity's first, always in the same order.</summary>
    /// <exception cref="EquivariantException">The group has too many elements.</exception>
    public IReadOnlyList<ConjugacyClass> ConjugacyClasses() => Groups.ConjugacyClasses.List(this);

    internal virtual BigInteger? CountConjugacyClasses() => Groups.ConjugacyClasses.Count(this);
}
