using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>Finds elements that generate the stabiliser of a point.</summary>
internal static class PointStabilisers
{
    /// <summary>Random elements that are taken at a time: with three a stabiliser is seldom missed.</summary>
    private const int Batch = 3;

    /// <summary>Finds generators of a point's stabiliser in the group that some elements generate.</summary>
    /// <param name="group">Does the arithmetic; its action on points has to be faithful.</param>
    /// <param name="generators">Packed elements.</param>
    /// <param name="point">The point.</param>
    /// <param name="order">The order of that group, where it is known.</param>
    public static int[][] Find(Group group, int[][] generators, int point, BigInteger? order) => Known(group, generators) switch
    {
        SmallerActionChain smaller => FindBySmallerAction(group, generators, point, smaller),
        StabiliserChain { Length: > 0 } chain when chain.BaseAt(0) == point => chain.StabiliserGenerators(1),
        _ => StabiliserChain.Build(group, generators, order, point).StabiliserGenerators(1),
    };

    /// <summary>The chain that is there already, where the elements are the group's own generators, or one that is soon found.</summary>
    private static GroupChain? Known(Group group, int[][] generators) =>
        ReferenceEquals(generators, group.GeneratorCodes) ? group.Chain
        : group is PermutationGroup permutations && SmallerActionSearch.Find(permutations.Degree, generators) is SmallerAction action ? new SmallerActionChain(action)
        : null;

    /// <summary>A few uniform elements of the stabiliser generate it; on few points it is soon seen that they do.</summary>
    private static int[][] FindBySmallerAction(Group group, int[][] generators, int point, SmallerActionChain chain)
    {
        PointTransversal transversal = new(group, generators, point);
        BigInteger wanted = chain.Order / transversal.Count;
        List<int[]> found = [], reduced = [];
        Random random = new(1);
        int[] element = new int[group.Width];
        do
        {
            // One element alone seldom does, and can be hard to know.
            for (int i = 0; i < Batch; i++)
            {
                chain.Random(random, element);
                found.Add(transversal.Fixing(element));
                reduced.Add(chain.Action.Reduced(found[^1]));
            }
        }
        while (ChainBuilder.Build(chain.Smaller.Ambient, [.. reduced], wanted).Order != wanted);

        return [.. found];
    }
}
