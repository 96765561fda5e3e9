namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// A homomorphism out of a group known by generators and a stabiliser chain: the chain's transversals carry their images along.
/// </summary>
internal sealed class GraphEvaluator : Evaluator
{
    private readonly Group _source;
    private readonly Group _target;
    private readonly StabiliserChain _chain;

    private GraphEvaluator(Group source, Group target, StabiliserChain chain)
    {
        _source = source;
        _target = target;
        _chain = chain;
    }

    /// <summary>Checks and prepares a map from the generators of <paramref name="source"/>.</summary>
    public static Evaluator? TryMake(Group source, Group target, int[][] images, out BrokenRelation? broken) =>
        TryMake(source.Ambient, source.GeneratorCodes, target, images, out broken);

    /// <summary>Checks and prepares a map from any elements of <paramref name="source"/>, defined on the subgroup that they generate.</summary>
    public static Evaluator? TryMake(Group source, int[][] generators, Group target, int[][] images, out BrokenRelation? broken)
    {
        broken = null;
        StabiliserChain? chain = Graph(source, generators, target, images);
        if (chain is not null)
        {
            return new GraphEvaluator(source, target, chain);
        }

        broken = Blame(source, generators, target, images);
        return null;
    }

    public override void Evaluate(ReadOnlySpan<int> code, Span<int> image)
    {
        int w = _source.Width;
        using Scratch scratch = new(w + _target.Width, stackalloc int[Scratch.StackSize(w + _target.Width)]);
        Span<int> pair = scratch.Span;
        code.CopyTo(pair);
        _target.WriteIdentity(pair[w..]);

        // Stripping the representatives off (g, 1) leaves (1, image of g inverted).
        for (int depth = 0; depth < _chain.Length; depth++)
        {
            _chain.StripTo(depth, _source.Image(pair[..w], _chain.BaseAt(depth)), pair);
        }

        _target.Invert(pair[w..], image);
    }

    private static StabiliserChain? Graph(Group source, int[][] generators, Group target, int[][] images)
    {
        GraphGroup graph = new(source, target);
        int[][] pairs = [.. generators.Zip(images, (g, h) => (int[])[.. g, .. h])];

        // A generator that is trivial must have a trivial image; the chain would skip neither.
        StabiliserChain chain = StabiliserChain.Build(graph, pairs);
        return chain.IsUnfaithful ? null : chain;
    }

    /// <summary>Finds as few generators as already break the map: one, two, or all.</summary>
    private static BrokenRelation Blame(Group source, int[][] generators, Group target, int[][] images)
    {
        int count = generators.Length;
        for (int i = 0; i < count; i++)
        {
            System.Numerics.BigInteger order = source.OrderOf(generators[i]);
            int[] power = new int[target.Width];
            target.Power(images[i], order, power);
            if (!target.IsIdentity(power))
            {
                return new BrokenRelation([i], order.IsOne ? "a = 1" : $"a^{order} = 1");
            }
        }

        for (int i = 0; i < count && count > 2; i++)
        {
            for (int j = i + 1; j < count; j++)
            {
                if (Graph(source, [generators[i], generators[j]], target, [images[i], images[j]]) is null)
                {
                    return BlamePair(source, generators[i], generators[j], target, images[i], images[j], [i, j]);
                }
            }
        }

        return count == 2
            ? BlamePair(source, generators[0], generators[1], target, images[0], images[1], [0, 1])
            : new BrokenRelation([.. Enumerable.Range(0, count)], "some product of them is 1");
    }

    private static BrokenRelation BlamePair(
        Group source, int[] a, int[] b, Group target, int[] imageA, int[] imageB, int[] which)
    {
        int[] product = new int[source.Width], imageProduct = new int[target.Width], power = new int[target.Width];
        source.Multiply(a, b, product);
        target.Multiply(imageA, imageB, imageProduct);
        System.Numerics.BigInteger order = source.OrderOf(product);
        target.Power(imageProduct, order, power);
        if (!target.IsIdentity(power))
        {
            return new BrokenRelation(which, $"(a b)^{order} = 1");
        }

        int[] other = new int[source.Width], imageOther = new int[target.Width];
        source.Multiply(b, a, other);
        target.Multiply(imageB, imageA, imageOther);
        return source.Multiplied(a, b).AsSpan().SequenceEqual(other) && !imageProduct.AsSpan().SequenceEqual(imageOther)
            ? new BrokenRelation(which, "a b = b a")
            : new BrokenRelation(which, "some product of a and b is 1");
    }
}
