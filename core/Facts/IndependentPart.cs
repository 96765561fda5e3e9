using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <summary>
/// Some of the points of V and W on which a group acts independently of the others: the group acts on all points as the direct product
/// of how it acts on each part.
/// </summary>
/// <remarks>
/// An equivariant map that is not constant on orbits lives on one part. So a kernel captures what its projections to the parts capture
/// one by one, and, since ab ≥ a + b for a, b ≥ 2, kernels that contain all parts but one do it at no higher price.
/// </remarks>
internal sealed class IndependentPart
{
    private readonly Func<GroupElement, int[]> _onV;
    private readonly Func<GroupElement, int[]> _onW;

    private IndependentPart(Group group, IReadOnlyList<int[]> v, IReadOnlyList<int[]> w, Func<GroupElement, int[]> onV, Func<GroupElement, int[]> onW)
    {
        Group = group;
        V = v;
        W = w;
        _onV = onV;
        _onW = onW;
    }

    /// <summary>The group that acts on the part: the whole group where there is one part, otherwise permutations of the part's points.</summary>
    public Group Group { get; }

    /// <summary>How the whole group's generators permute the part's points of V.</summary>
    public IReadOnlyList<int[]> V { get; }

    /// <summary>How the whole group's generators permute the part's points of W; the same list as <see cref="V"/> where V and W are the same.</summary>
    public IReadOnlyList<int[]> W { get; }

    /// <summary>Whether V and W are the same here.</summary>
    public bool IsSame => ReferenceEquals(V, W);

    /// <summary>Numbers a subgroup's orbits on the part's points of V and of W.</summary>
    public (int[] OnV, int[] OnW) Orbits(Subgroup subgroup)
    {
        int[] onV = PairOrbits.PointOrbits(V[0].Length, [.. subgroup.Generators.Select(_onV)]);
        return (onV, IsSame ? onV : PairOrbits.PointOrbits(W[0].Length, [.. subgroup.Generators.Select(_onW)]));
    }

    /// <summary>The equivariant maps from the part's V to its W that are trivial on what has these orbits.</summary>
    public long Dimension((int[] OnV, int[] OnW) orbits) => QuotientFacts.Dimension(V, orbits.OnV, W, orbits.OnW);

    /// <summary>The largest normal subgroup of the whole group that keeps each of these orbits.</summary>
    public Subgroup Kernel(Group whole, (int[] OnV, int[] OnW) orbits)
    {
        (int count, int[][] images) = QuotientFacts.OnBlocks(V, orbits.OnV);
        if (!IsSame)
        {
            (int more, int[][] others) = QuotientFacts.OnBlocks(W, orbits.OnW);
            images = [.. images.Zip(others, (x, y) => (int[])[.. x, .. y.Select(block => count + block)])];
            count += more;
        }

        return new PermutationAction(whole, count, images).Kernel();
    }

    /// <summary>The finest parts with points of both V and W; others have no maps.</summary>
    public static IReadOnlyList<IndependentPart> Split(PermutationAction v, PermutationAction w)
    {
        if (v.GeneratorPermutations.Count == 0)
        {
            return [];
        }

        bool same = ReferenceEquals(v, w) || v.GeneratorPermutations.Zip(w.GeneratorPermutations).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
        int[][] all = same
            ? [.. v.GeneratorPermutations]
            : [.. v.GeneratorPermutations.Zip(w.GeneratorPermutations, (x, y) => (int[])[.. x, .. y.Select(point => v.Degree + point)])];
        IReadOnlyList<int[]> parts = Permutations.IndependentParts(all, v.Group.Order);
        if (parts.Count == 1)
        {
            IReadOnlyList<int[]> images = v.GeneratorPermutations;
            return [new IndependentPart(v.Group, images, same ? images : w.GeneratorPermutations, v.Permutation, w.Permutation)];
        }

        List<IndependentPart> found = [];
        foreach (int[] points in parts)
        {
            int count = points.Count(point => point < v.Degree);
            if (count == 0 || (!same && count == points.Length))
            {
                continue;
            }

            int[][] both = [.. all.Select(g => Permutations.Restrict(g, points))];
            PermutationGroup group = new(points.Length, both);
            int[][] onV = [.. both.Select(g => g[..count])];
            found.Add(same
                ? new IndependentPart(group, onV, onV, g => g.Code.ToArray(), g => g.Code.ToArray())
                : new IndependentPart(
                    group,
                    onV,
                    [.. both.Select(g => g[count..].Select(point => point - count).ToArray())],
                    g => g.Code[..count].ToArray(),
                    g => [.. g.Code[count..].ToArray().Select(point => point - count)]));
        }

        return found;
    }
}
