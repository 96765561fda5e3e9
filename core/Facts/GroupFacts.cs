using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <namespacedoc><summary>What can be computed about groups and families of kernels, as the command line prints it.</summary></namespacedoc>
/// <summary>What there is to say about a permutation group. A field that was not feasible is null.</summary>
/// <param name="Order">The number of elements.</param>
/// <param name="Abelian">Whether all elements commute.</param>
/// <param name="ConjugacyClasses">The number of conjugacy classes, or null where it would take too long.</param>
/// <param name="CenterOrder">The order of the centre.</param>
/// <param name="DerivedOrder">The order of the derived subgroup.</param>
/// <param name="Transitive">Whether all points are in one orbit.</param>
/// <param name="OrbitsOnPoints">The number of orbits on points.</param>
/// <param name="OrbitsOnPairs">The number of orbits on ordered pairs of points: the dimension of the commutant.</param>
/// <param name="InvariantDim3">The number of orbits on ordered triples of points, or null when there are too many triples.</param>
public sealed record GroupFacts(
    BigInteger Order,
    bool Abelian,
    BigInteger? ConjugacyClasses,
    BigInteger CenterOrder,
    BigInteger DerivedOrder,
    bool Transitive,
    int OrbitsOnPoints,
    long OrbitsOnPairs,
    long? InvariantDim3)
{
    /// <summary>The number of pairs of points up to which triples are counted, which are pairs under the stabiliser of a point of each orbit.</summary>
    private const long MostPairs = 1L << 25;

    /// <summary>The number of pairs that may be moved for that, by each generator for each orbit: some seconds.</summary>
    private const long MostMoves = 1L << 28;

    /// <summary>Computes all of them.</summary>
    /// <exception cref="EquivariantException">The group is too large for its chain to be found.</exception>
    public static GroupFacts Of(PermutationGroup group)
    {
        int[] lengths = [.. PairOrbits.PointOrbits(group.Degree, group.GeneratorCodes).CountBy(orbit => orbit).Select(count => count.Value)];
        int orbits = lengths.Length;
        long pairs = (long)group.Degree * group.Degree, moves = pairs * lengths.Count(length => length > 1) * group.GeneratorCodes.Length;
        return new GroupFacts(
            group.Order,
            group.IsAbelian,
            group.ConjugacyClassCount,
            group.Centre().Order,
            group.DerivedSubgroup().Order,
            orbits == 1,
            orbits,
            TupleOrbits.OnPairs(group),
            pairs <= MostPairs && moves <= MostMoves ? TupleOrbits.OnTriples(group) : null);
    }
}
