using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <summary>One kernel of a quotient design.</summary>
/// <param name="Order">Its order.</param>
/// <param name="Index">The number of its cosets: how often the model is evaluated for it.</param>
public sealed record KernelFacts(BigInteger Order, BigInteger Index);

/// <summary>What a quotient design with a family of normal subgroups costs and what it can express, for linear maps from V to W.</summary>
/// <param name="Order">The order of the group.</param>
/// <param name="Kernels">The kernels' orders and indices.</param>
/// <param name="Cost">The number of evaluations of the model: the sum of the indices.</param>
/// <param name="DimHom">The dimension of all equivariant linear maps from V to W.</param>
/// <param name="DimCaptured">The dimension of those that the design reaches.</param>
public sealed record QuotientFacts(
    BigInteger Order, IReadOnlyList<KernelFacts> Kernels, BigInteger Cost, long DimHom, long DimCaptured)
{
    /// <summary>The largest family whose 2^m − 1 joins are gone through.</summary>
    private const int LargestFamily = 20;

    /// <summary>Computes them for a permutation group acting on its points, as V and as W.</summary>
    /// <param name="group">The group.</param>
    /// <param name="kernels">For each kernel, generators of it as image lists; none for the trivial kernel.</param>
    /// <exception cref="EquivariantException">A list is not a permutation in the group, or a kernel is not normal.</exception>
    public static QuotientFacts Of(PermutationGroup group, IReadOnlyList<IReadOnlyList<int[]>> kernels)
    {
        PermutationAction action = PermutationAction.Natural(group);
        return Of(action, action, [.. kernels.Select((generators, k) => group.Subgroup([.. generators.Select((g, i) =>
        {
            Permutations.Require(g, group.Degree, $"Generator {i} of kernel {k}");
            return group.Element(g);
        })]))]);
    }

    /// <summary>Computes them for any group and actions on the points of V and W.</summary>
    /// <param name="v">The action on the input.</param>
    /// <param name="w">The action on the output.</param>
    /// <param name="kernels">Normal subgroups of the group that acts.</param>
    /// <exception cref="EquivariantException">A kernel is not normal, the actions are of different groups, or there are too many kernels.</exception>
    public static QuotientFacts Of(PermutationAction v, PermutationAction w, IReadOnlyList<Subgroup> kernels)
    {
        Group group = v.Group;
        if (!Group.SameGroup(group, w.Group))
        {
            throw new EquivariantException($"A design needs one group on input and output; {group.Name} acts on {v.Name} and {w.Group.Name} on {w.Name}.");
        }

        if (kernels.Count > LargestFamily)
        {
            throw new EquivariantException(
                $"A family of {kernels.Count} kernels has too many joins to go through; at most {LargestFamily} kernels are possible.");
        }

        foreach (Subgroup kernel in kernels)
        {
            group.RequireNormal(kernel);
        }

        KernelFacts[] facts = [.. kernels.Select(kernel => new KernelFacts(kernel.Order, group.Order / kernel.Order))];
        BigInteger cost = facts.Aggregate(BigInteger.Zero, (sum, kernel) => sum + kernel.Index);
        return new QuotientFacts(group.Order, facts, cost, PairOrbits.CountOf(v, w), Captured(v, w, kernels));
    }

    /// <summary>
    /// The dimension d(K) of the equivariant maps that are trivial on a normal subgroup K: the number of orbits of the group on pairs
    /// of a K-orbit of W and a K-orbit of V.
    /// </summary>
    /// <param name="v">The action on the input.</param>
    /// <param name="w">The action on the output.</param>
    /// <param name="kernelOnV">Permutations of V's points that generate K's action.</param>
    /// <param name="kernelOnW">Permutations of W's points that generate K's action.</param>
    internal static long Dimension(
        PermutationAction v, PermutationAction w, IReadOnlyList<int[]> kernelOnV, IReadOnlyList<int[]> kernelOnW)
    {
        (int countV, int[][] blocksV) = OnBlocks(v, kernelOnV);
        (int countW, int[][] blocksW) = OnBlocks(w, kernelOnW);
        return PairOrbits.CountOf(countV, blocksV, countW, blocksW);
    }

    private static long Captured(PermutationAction v, PermutationAction w, IReadOnlyList<Subgroup> kernels)
    {
        // What is trivial on Kᵢ and on Kⱼ is what is trivial on their join: inclusion and exclusion.
        int[][][] onV = [.. kernels.Select(kernel => kernel.Generators.Select(v.Permutation).ToArray())];
        int[][][] onW = [.. kernels.Select(kernel => kernel.Generators.Select(w.Permutation).ToArray())];
        long captured = 0;
        for (int set = 1; set < 1 << kernels.Count; set++)
        {
            int[] members = [.. Enumerable.Range(0, kernels.Count).Where(i => (set >> i & 1) != 0)];
            long dimension = Dimension(v, w, [.. members.SelectMany(i => onV[i])], [.. members.SelectMany(i => onW[i])]);
            captured += members.Length % 2 == 1 ? dimension : -dimension;
        }

        return captured;
    }

    /// <summary>The group's action on the orbits of a normal subgroup.</summary>
    private static (int Count, int[][] Generators) OnBlocks(PermutationAction action, IReadOnlyList<int[]> kernel)
    {
        int[] blocks = PairOrbits.PointOrbits(action.Degree, kernel);
        int count = blocks.Max() + 1;
        int[][] generators = new int[action.GeneratorPermutations.Count][];
        for (int g = 0; g < generators.Length; g++)
        {
            generators[g] = new int[count];
            for (int point = 0; point < blocks.Length; point++)
            {
                generators[g][blocks[point]] = blocks[action.GeneratorPermutations[g][point]];
            }
        }

        return (count, generators);
    }
}
