using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <summary>Dimensions of spaces of linear maps between two permutation representations V and W of one group.</summary>
/// <param name="Order">The order of the group that acts on both.</param>
/// <param name="DimHom">The dimension of the equivariant maps from V to W.</param>
/// <param name="DimInvV">The dimension of the invariants of V: its orbits.</param>
/// <param name="DimInvW">The dimension of the invariants of W: its orbits.</param>
/// <param name="DimIS">The dimension of the invariant-symmetric maps from V to W, when different groups act on them in this way.</param>
public sealed record HomFacts(BigInteger Order, int DimHom, int DimInvV, int DimInvW, long DimIS)
{
    /// <summary>Computes them from the permutations by which generators act, in corresponding order.</summary>
    /// <param name="v">The permutations of V's points.</param>
    /// <param name="w">The permutations of W's points.</param>
    /// <exception cref="EquivariantException">A list is not a permutation, the lists are of different numbers, or one is empty.</exception>
    public static HomFacts Of(IReadOnlyList<int[]> v, IReadOnlyList<int[]> w)
    {
        if (v.Count == 0 || w.Count == 0)
        {
            throw new EquivariantException("An empty list of generators does not say how many points there are.");
        }

        return Of(v[0].Length, v, w[0].Length, w);
    }

    /// <summary>Computes them from the permutations by which generators act, in corresponding order.</summary>
    /// <param name="degreeV">The number of V's points.</param>
    /// <param name="v">The permutations of V's points.</param>
    /// <param name="degreeW">The number of W's points.</param>
    /// <param name="w">The permutations of W's points.</param>
    /// <exception cref="EquivariantException">A list is not a permutation, or the lists are of different numbers.</exception>
    public static HomFacts Of(int degreeV, IReadOnlyList<int[]> v, int degreeW, IReadOnlyList<int[]> w)
    {
        if (v.Count != w.Count)
        {
            throw new EquivariantException(
                $"V has {v.Count} generators and W has {w.Count}; each generator of the group must act on both.");
        }

        PermutationGroup onV = Group.OfPermutations(degreeV, v, "V");
        PermutationGroup onW = Group.OfPermutations(degreeW, w, "W");
        // The pairs of points come first: too many are refused before the order is looked for, which can take long.
        int dimHom = PairOrbits.CountOf(degreeV, onV.GeneratorCodes, degreeW, onW.GeneratorCodes);
        int[][] both = [.. onV.GeneratorCodes.Zip(onW.GeneratorCodes, (x, y) => (int[])[.. x, .. y.Select(point => point + degreeV)])];
        int dimV = PairOrbits.PointOrbits(degreeV, onV.GeneratorCodes).Max() + 1;
        int dimW = PairOrbits.PointOrbits(degreeW, onW.GeneratorCodes).Max() + 1;
        return new HomFacts(
            Group.OfPermutations(degreeV + degreeW, both).Order,
            dimHom,
            dimV,
            dimW,
            (long)dimV * dimW);
    }
}
