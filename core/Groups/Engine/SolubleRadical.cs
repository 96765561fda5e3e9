using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// A soluble normal subgroup R of a group of permutations, as large as it was found, with the quotient by it as permutations of other points.
/// </summary>
/// <remarks>Elements here permute the group's own points and, after them, the points of the quotient, so that each carries its coset.</remarks>
internal sealed class SolubleRadical
{
    /// <summary>The number of random elements whose powers are tried.</summary>
    private const int Draws = 20;

    /// <summary>The largest number of points of the quotient.</summary>
    private const int MostPoints = 1000;
    private readonly StabiliserChain? _chain;

    private SolubleRadical(int degree, SolubleSeries series, PermutationGroup? quotient, StabiliserChain? chain)
    {
        (Degree, Series, Quotient, _chain) = (degree, series, quotient, chain);
    }

    /// <summary>The number of the group's own points.</summary>
    public int Degree { get; }

    /// <summary>The layers of R.</summary>
    public SolubleSeries Series { get; }

    /// <summary>The quotient by R, or null where it is trivial.</summary>
    public PermutationGroup? Quotient { get; }

    /// <summary>Finds such a subgroup; null where none but the trivial one was found, or its quotient moves too many points.</summary>
    public static SolubleRadical? Find(PermutationGroup group)
    {
        int[][] generators = group.GeneratorCodes;
        SolubleSeries series = new(group.Degree, generators);
        if (generators.All(series.TryAbsorb))
        {
            return new SolubleRadical(group.Degree, series, null, null);
        }

        AbsorbPowers(group, series);
        return series.Layers.Count == 0 || QuotientOf(group, series) is not { } maps
            ? null
            : Join(group, series, maps);
    }

    /// <summary>An element of the group, with its coset, that is in the coset that a permutation of the quotient's points stands for.</summary>
    public int[] Lift(ReadOnlySpan<int> coset)
    {
        int points = coset.Length;
        int[] rest = Permutations.Identity(Degree + points);
        for (int i = 0; i < points; i++)
        {
            rest[Degree + i] = Degree + coset[i];
        }

        // What is taken off until the points of the quotient are at rest again is the inverse of such an element.
        for (int depth = 0; depth < _chain!.Length && _chain.BaseAt(depth) >= Degree; depth++)
        {
            _chain.StripTo(depth, rest[_chain.BaseAt(depth)], rest);
        }

        int[] element = Permutations.Identity(Degree + points);
        for (int i = 0; i < Degree; i++)
        {
            element[rest[i]] = i;
        }

        for (int i = 0; i < points; i++)
        {
            element[Degree + i] = Degree + coset[i];
        }

        return element;
    }

    private static void AbsorbPowers(PermutationGroup group, SolubleSeries series)
    {
        foreach (int[] central in group.Centre().GeneratorCodes)
        {
            series.TryAbsorb(central);
        }

        ProductReplacement random = new(group, group.GeneratorCodes);
        HashSet<int[]> tried = new(CodeComparer.Instance);
        for (int draw = 0; draw < Draws; draw++)
        {
            int[] element = random.Next().ToArray();
            foreach (int prime in Conjugators.CycleLengths(element).Distinct().SelectMany(Primes.Factors).Distinct())
            {
                int[] power = PartOf(element, prime);
                if (!series.Contains(power) && tried.Add(power = series.PrimePower(power)))
                {
                    series.TryAbsorb(power);
                }
            }
        }
    }

    /// <summary>A power whose order is a power of a prime.</summary>
    private static int[] PartOf(int[] element, int prime)
    {
        foreach (int factor in Conjugators.CycleLengths(element).Distinct().SelectMany(Primes.Factors).Where(factor => factor != prime))
        {
            element = Permutations.Power(element, factor);
        }

        return element;
    }

    /// <summary>How the generators act on points on which the group modulo R is faithful: orbits of R and, where that is not enough, vectors of layers on which R is trivial.</summary>
    private static int[][]? QuotientOf(PermutationGroup group, SolubleSeries series)
    {
        int[] orbits = Permutations.Orbits(group.Degree, [.. series.Layers.SelectMany(layer => layer.Basis).Select(step => step.Element)]);
        int count = orbits.Max() + 1;
        int[][] images = [.. group.GeneratorCodes.Select(g => Blocks.Permuted(orbits, count, g))];
        BigInteger order = group.Order / series.Order;
        for (int layer = series.Layers.Count - 1; ; layer--)
        {
            if (images[0].Length <= MostPoints && ChainBuilder.Build(new PermutationGroup(images[0].Length, images), images, order).Order == order)
            {
                return images;
            }

            while (layer >= 0 && !IsTrivialOn(series, layer))
            {
                layer--;
            }

            if (layer < 0)
            {
                return null;
            }

            if (OnVectors(group, series, layer) is not { } vectors)
            {
                return null;
            }

            images = [.. images.Zip(vectors, (before, more) => before.Concat(more.Select(point => point + before.Length)).ToArray())];
        }
    }

    private static bool IsTrivialOn(SolubleSeries series, int layer)
    {
        int[] vector = new int[series.Layers[layer].Basis.Count];
        foreach (SolubleSeries.Step step in series.Layers.SelectMany(other => other.Basis))
        {
            for (int i = 0; i < vector.Length; i++)
            {
                series.WriteConjugate(layer, step.Element, step.Inverse, series.Layers[layer].Basis[i].Element, vector);
                for (int j = 0; j < vector.Length; j++)
                {
                    if (vector[j] != (i == j ? 1 : 0))
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }

    /// <summary>How the generators permute the images of a layer's basis vectors, or null where there are too many.</summary>
    private static int[][]? OnVectors(PermutationGroup group, SolubleSeries series, int layer)
    {
        int prime = series.Layers[layer].Prime;
        IReadOnlyList<SolubleSeries.Step> basis = series.Layers[layer].Basis;
        int[][][] matrices = [.. group.GeneratorCodes.Select(g =>
        {
            int[] inverse = Permutations.Inverse(g);
            return basis.Select(step =>
            {
                int[] column = new int[basis.Count];
                series.WriteConjugate(layer, g, inverse, step.Element, column);
                return column;
            }).ToArray();
        })];
        Dictionary<int[], int> numbers = new(CodeComparer.Instance);
        List<int[]> vectors = [];
        for (int i = 0; i < basis.Count; i++)
        {
            int[] unit = new int[basis.Count];
            unit[i] = 1;
            numbers.Add(unit, i);
            vectors.Add(unit);
        }

        List<int>[] images = [.. matrices.Select(_ => new List<int>())];
        for (int i = 0; i < vectors.Count; i++)
        {
            for (int g = 0; g < matrices.Length; g++)
            {
                int[] image = new int[basis.Count];
                for (int j = 0; j < image.Length; j++)
                {
                    for (int k = 0; k < image.Length; k++)
                    {
                        image[k] = (int)((image[k] + (long)vectors[i][j] * matrices[g][j][k]) % prime);
                    }
                }

                if (numbers.TryAdd(image, vectors.Count))
                {
                    if (vectors.Count >= MostPoints)
                    {
                        return null;
                    }

                    vectors.Add(image);
                }

                images[g].Add(numbers[image]);
            }
        }

        return [.. images.Select(list => list.ToArray())];
    }

    private static SolubleRadical Join(PermutationGroup group, SolubleSeries series, int[][] images)
    {
        int degree = group.Degree, points = images[0].Length;
        int[][] joined = [.. group.GeneratorCodes.Zip(images, (g, image) => g.Concat(image.Select(point => point + degree)).ToArray())];
        SolubleSeries carried = new(degree + points, joined);
        foreach (SolubleSeries.Step step in series.Layers.SelectMany(layer => layer.Basis))
        {
            carried.TryAbsorb([.. step.Element, .. Enumerable.Range(degree, points)]);
        }

        PermutationGroup quotient = new(points, images);
        int[] basePoints = quotient.Chain is StabiliserChain chain ? [.. chain.Base] : [.. Enumerable.Range(0, points - 1)];
        return new SolubleRadical(
            degree,
            carried,
            quotient,
            StabiliserChain.Build(new PermutationGroup(degree + points, joined), joined, group.Order, [.. basePoints.Select(point => point + degree)]));
    }
}
