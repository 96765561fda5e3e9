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
    /// <summary>The most labels, over all different joins of a family's kernels, that are kept at a time.</summary>
    private const long MostLabels = 1L << 26;

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
    /// <exception cref="EquivariantException">A kernel is not normal, the actions are of different groups, or the kernels have too many different joins.</exception>
    public static QuotientFacts Of(PermutationAction v, PermutationAction w, IReadOnlyList<Subgroup> kernels)
    {
        Group group = v.Group;
        RequireSameGroup(v, w);
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
    /// <param name="v">The permutations of V's points by which the group's generators act.</param>
    /// <param name="orbitsOnV">The number of each of V's points' K-orbit.</param>
    /// <param name="w">The permutations of W's points.</param>
    /// <param name="orbitsOnW">The number of each of W's points' K-orbit.</param>
    internal static long Dimension(IReadOnlyList<int[]> v, int[] orbitsOnV, IReadOnlyList<int[]> w, int[] orbitsOnW)
    {
        (int countV, int[][] blocksV) = OnBlocks(v, orbitsOnV);
        (int countW, int[][] blocksW) = ReferenceEquals(orbitsOnV, orbitsOnW) ? (countV, blocksV) : OnBlocks(w, orbitsOnW);
        return PairOrbits.CountOf(countV, blocksV, countW, blocksW);
    }

    /// <summary>Refuses actions of different groups.</summary>
    internal static void RequireSameGroup(PermutationAction v, PermutationAction w)
    {
        if (!Group.SameGroup(v.Group, w.Group))
        {
            throw new EquivariantException($"A design needs one group on input and output; {v.Group.Name} acts on {v.Name} and {w.Group.Name} on {w.Name}.");
        }
    }

    /// <summary>The action that permutations induce on numbered blocks of their points.</summary>
    internal static (int Count, int[][] Generators) OnBlocks(IReadOnlyList<int[]> permutations, int[] blocks)
    {
        int count = blocks.Max() + 1;
        int[][] generators = new int[permutations.Count][];
        for (int g = 0; g < generators.Length; g++)
        {
            generators[g] = new int[count];
            for (int point = 0; point < blocks.Length; point++)
            {
                generators[g][blocks[point]] = blocks[permutations[g][point]];
            }
        }

        return (count, generators);
    }

    /// <summary>
    /// What is trivial on Kᵢ and on Kⱼ is what is trivial on their join: inclusion and exclusion. A join matters only through its orbits,
    /// and few families have many different ones, so equal terms are added up as they come, not 2^m of them gone through.
    /// </summary>
    private static long Captured(PermutationAction v, PermutationAction w, IReadOnlyList<Subgroup> kernels)
    {
        Dictionary<int[], BigInteger> terms = new(Group.CodeEquality);
        foreach (Subgroup kernel in kernels)
        {
            int[] orbits =
            [
                .. PairOrbits.PointOrbits(v.Degree, [.. kernel.Generators.Select(v.Permutation)]),
                .. PairOrbits.PointOrbits(w.Degree, [.. kernel.Generators.Select(w.Permutation)]),
            ];
            List<(int[] Orbits, BigInteger Times)> added = [(orbits, BigInteger.One)];
            added.AddRange(terms.Select(term => (Joined(term.Key, orbits, v.Degree), -term.Value)));
            foreach ((int[] join, BigInteger times) in added)
            {
                BigInteger sum = terms.GetValueOrDefault(join) + times;
                if (sum.IsZero)
                {
                    terms.Remove(join);
                }
                else
                {
                    terms[join] = sum;
                }
            }

            if ((long)terms.Count * (v.Degree + w.Degree) > MostLabels)
            {
                throw new EquivariantException(
                    $"A family of {kernels.Count} kernels has too many different joins to go through: more than {terms.Count - 1} on {v.Degree + w.Degree} points. Take fewer kernels.");
            }
        }

        return (long)terms.Aggregate(BigInteger.Zero, (sum, term) => sum + term.Value * Dimension(
            v.GeneratorPermutations, term.Key[..v.Degree], w.GeneratorPermutations, term.Key[v.Degree..]));
    }

    /// <summary>Numbers the orbits of two normal subgroups together, on V's points and on W's apart, by their smallest points.</summary>
    private static int[] Joined(int[] first, int[] second, int degreeV)
    {
        int[] joined = new int[first.Length];
        JoinRange(..degreeV);
        JoinRange(degreeV..);
        return joined;

        void JoinRange(Range range)
        {
            ReadOnlySpan<int> a = first.AsSpan(range), b = second.AsSpan(range);
            DisjointSets sets = new(a.Length);
            int[] firstOfA = new int[a.Length], firstOfB = new int[a.Length];
            Array.Fill(firstOfA, -1);
            Array.Fill(firstOfB, -1);
            for (int point = 0; point < a.Length; point++)
            {
                Merge(firstOfA, a[point], point);
                Merge(firstOfB, b[point], point);
            }

            sets.Number(joined.AsSpan(range));

            void Merge(int[] firstOf, int label, int point)
            {
                if (firstOf[label] < 0)
                {
                    firstOf[label] = point;
                    return;
                }

                sets.Join(firstOf[label], point);
            }
        }
    }
}
