using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>What actions and facts need of the engine, which they do not see.</summary>
public abstract partial class Group
{
    /// <summary>Compares packed elements, so that they can be keys.</summary>
    internal static IEqualityComparer<int[]> CodeEquality => CodeComparer.Instance;

    /// <summary>The primes that divide the order, in increasing order.</summary>
    internal int[] OrderPrimes => [.. Enumerable.Range(0, Chain.Length).SelectMany(level => Primes.Factors(Chain.Size(level))).Distinct().Order()];

    /// <summary>Whether it was recognised as all permutations, or all even ones, of the points that it moves.</summary>
    internal bool IsGiant => Chain is GiantChain;

    /// <summary>Elements that generate the stabiliser of a point in the group that some elements generate.</summary>
    /// <param name="group">Does the arithmetic; its action on points has to be faithful.</param>
    /// <param name="generators">Packed elements.</param>
    /// <param name="point">The point.</param>
    /// <param name="order">The order of that group, where it is known.</param>
    internal static int[][] StabiliserGenerators(Group group, int[][] generators, int point, System.Numerics.BigInteger? order = null) =>
        PointStabilisers.Find(group, generators, point, order);

    /// <summary>Extends images of the generators to a homomorphism, after checking that they satisfy everything that the generators satisfy.</summary>
    /// <param name="target">Where the images live.</param>
    /// <param name="images">One packed element of <paramref name="target"/> for each generator.</param>
    /// <param name="refusal">Makes a sentence of the relation between generators that the images break.</param>
    /// <exception cref="EquivariantException">They break one.</exception>
    internal CodeMap Extend(Group target, int[][] images, Func<string, string> refusal)
    {
        Evaluator? evaluator = TryExtend(target, images, out BrokenRelation? broken);
        return evaluator is null ? throw new EquivariantException(refusal(broken!.Describe(this))) : evaluator.Evaluate;
    }

    /// <summary>How elements permute the elements by multiplication from the left, numbered in the order of enumeration; the group is small.</summary>
    internal CodeMap OnElements()
    {
        RankTable table = new(this);
        return (code, image) =>
        {
            using Scratch scratch = new(Width, stackalloc int[Scratch.StackSize(Width)]);
            for (int rank = 0; rank < image.Length; rank++)
            {
                Multiply(code, table.Code(rank), scratch.Span);
                image[rank] = table.Rank(scratch.Span);
            }
        };
    }

    /// <summary>How elements permute the cosets of a subgroup by multiplication from the left, and how many there are; number 0 is the subgroup.</summary>
    /// <exception cref="EquivariantException">There are too many to list.</exception>
    internal (int Count, CodeMap Map) OnCosets(Subgroup subgroup)
    {
        CosetTable table = new(this, subgroup);
        return (table.Count, (code, image) =>
        {
            for (int coset = 0; coset < image.Length; coset++)
            {
                image[coset] = table.Image(code, coset);
            }
        });
    }
}
