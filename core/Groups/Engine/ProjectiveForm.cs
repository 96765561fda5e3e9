using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>Recognises PSL(2, p) and PGL(2, p) on the p + 1 points of the projective line over a prime field, by orbit and order alone.</summary>
/// <remarks>
/// Let a group of one of these orders be transitive on p + 1 points. The stabiliser of one has an element of order p, a cycle on the others; by
/// Burnside it is in AGL(1, p), being too small to be doubly transitive and insoluble there, so only the identity fixes three points.
/// By Zassenhaus (1936), Feit (1960) and Ito (1962) the group is PSL(2, p) or PGL(2, p), or has a regular normal subgroup: of 2ᵏ = p + 1 elements, whose
/// complement is in ΓL(1, 2ᵏ), which is large enough for p = 3 and 7 only.
/// </remarks>
internal static class ProjectiveForm
{
    private const int SmallestPrime = 11;

    /// <summary>Counts the conjugacy classes, p + 2 of PGL(2, p) and (p + 5) / 2 of PSL(2, p); null for another group.</summary>
    public static BigInteger? CountClasses(PermutationGroup group)
    {
        int p = group.Degree - 1;
        BigInteger whole = (BigInteger)p * p * p - p;
        if (p < SmallestPrime || (group.Order != whole && 2 * group.Order != whole) || !Primes.IsPrime(p)
            || Permutations.Orbits(group.Degree, group.GeneratorCodes).Max() > 0)
        {
            return null;
        }

        return group.Order == whole ? p + 2 : (p + 5) / 2;
    }
}
