using System.Collections.Concurrent;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// The canonical element of each coset gK of a subgroup: among gK the one whose images of K's base points come first in lexicographic order.
/// It costs one pass over K's stabiliser chain, however large K is.
/// </summary>
internal sealed class CosetForm
{
    private readonly Group _ambient;
    private readonly StabiliserChain? _chain;
    private readonly GiantChain? _giant;
    private readonly int _cyclicStep;
    private readonly ConcurrentDictionary<(int Depth, int Point), (int[] Code, int[] Permutation)> _representatives = [];

    public CosetForm(Group subgroup)
    {
        _ambient = subgroup.Ambient;
        if (_ambient is CyclicGroup cyclic)
        {
            _cyclicStep = subgroup.GeneratorCodes.Aggregate(
                cyclic.Modulus, (d, g) => (int)System.Numerics.BigInteger.GreatestCommonDivisor(d, g[0]));
        }
        else if (subgroup.Chain is GiantChain giant)
        {
            _giant = giant;
        }
        else
        {
            _chain = StabiliserChain.Of(subgroup);
        }
    }

    /// <summary>Replaces an element by the canonical one of its coset.</summary>
    public void Reduce(Span<int> element)
    {
        if (_giant is not null)
        {
            Sort(_giant, element);
            return;
        }

        if (_chain is null)
        {
            element[0] %= _cyclicStep;
            return;
        }

        if (_ambient.HasCostlyImages)
        {
            ReduceByPermutations(_chain, element);
            return;
        }

        int width = element.Length;
        using Scratch scratch = new(2 * width, stackalloc int[Scratch.StackSize(2 * width)]);
        Span<int> representative = scratch.Span[..width], product = scratch.Span[width..];
        for (int depth = 0; depth < _chain.Length; depth++)
        {
            IReadOnlyList<int> orbit = _chain.OrbitAt(depth);
            int best = orbit[0], bestImage = _ambient.Image(element, best);
            for (int i = 1; i < orbit.Count; i++)
            {
                int image = _ambient.Image(element, orbit[i]);
                if (image < bestImage)
                {
                    (best, bestImage) = (orbit[i], image);
                }
            }

            if (best != orbit[0])
            {
                _chain.TryRepresentativeTo(depth, best, representative);
                _ambient.Multiply(element, representative, product);
                product.CopyTo(element);
            }
        }
    }

    /// <summary>
    /// The same with permutations of the points: each image under the element is computed once, and representatives are kept as permutations.
    /// </summary>
    private void ReduceByPermutations(StabiliserChain chain, Span<int> element)
    {
        int points = _ambient.PointCount;
        int[] images = new int[points];
        Array.Fill(images, -1);
        int[] moved = Permutations.Identity(points);
        int[] next = new int[points];
        int[] product = new int[element.Length];
        List<int[]> factors = [];
        for (int depth = 0; depth < chain.Length; depth++)
        {
            IReadOnlyList<int> orbit = chain.OrbitAt(depth);
            int best = orbit[0], bestImage = int.MaxValue;
            foreach (int point in orbit)
            {
                int at = moved[point];
                if (images[at] < 0)
                {
                    images[at] = _ambient.Image(element, at);
                }

                if (images[at] < bestImage)
                {
                    (best, bestImage) = (point, images[at]);
                }
            }

            if (best == orbit[0])
            {
                continue;
            }

            (int[] code, int[] permutation) = RepresentativeTo(chain, depth, best);
            for (int point = 0; point < points; point++)
            {
                next[point] = moved[permutation[point]];
            }

            (moved, next) = (next, moved);
            factors.Add(code);
        }

        foreach (int[] factor in factors)
        {
            _ambient.Multiply(element, factor, product);
            product.CopyTo(element);
        }

    }

    private (int[] Code, int[] Permutation) RepresentativeTo(StabiliserChain chain, int depth, int point)
    {
        const int Kept = 4_000_000;
        if (!_representatives.TryGetValue((depth, point), out (int[] Code, int[] Permutation) known))
        {
            int[] code = new int[_ambient.Width];
            chain.TryRepresentativeTo(depth, point, code);
            known = (code, [.. Enumerable.Range(0, _ambient.PointCount).Select(p => _ambient.Image(code, p))]);
            if ((long)(_representatives.Count + 1) * _ambient.PointCount <= Kept)
            {
                _representatives[(depth, point)] = known;
            }
        }

        return known;
    }

    /// <summary>All or half of the permutations of some points are in K: sort the images of those points, up to parity.</summary>
    private static void Sort(GiantChain giant, Span<int> element)
    {
        IReadOnlyList<int> points = giant.Points;
        int[] images = new int[points.Count];
        for (int i = 0; i < images.Length; i++)
        {
            images[i] = element[points[i]];
        }

        bool even = Permutations.IsEven(element);
        Array.Sort(images);
        for (int i = 0; i < images.Length; i++)
        {
            element[points[i]] = images[i];
        }

        if (giant.IsAlternating && Permutations.IsEven(element) != even)
        {
            (element[points[^1]], element[points[^2]]) = (element[points[^2]], element[points[^1]]);
        }
    }
}
