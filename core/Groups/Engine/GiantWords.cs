using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Words for all permutations, or all even ones, of some points, from any generators: some short word has a power that is a
/// transposition, or a 3-cycle; its conjugates are all of them, and every permutation is a product of at most as many as there are points.
/// </summary>
internal sealed class GiantWords : WordFinder
{
    private const int TriedWords = 5000;
    private const int MostCycles = 2_000_000;
    private readonly Group _group;
    private readonly GiantChain _giant;
    private readonly int[][] _steps;
    private readonly int _length;

    /// <summary>The word of the first cycle, and for each other one the letter and the cycle of which it is the conjugate by that letter.</summary>
    private readonly int[] _word;
    private readonly Dictionary<(int, int, int), (int Letter, (int, int, int) From)> _conjugates = [];

    private GiantWords(Group group, GiantChain giant, int[] word, int[] cycle)
    {
        _group = group.Ambient;
        _giant = giant;
        _word = word;
        _length = cycle.Length;
        _steps = [.. group.GeneratorCodes, .. group.GeneratorCodes.Select(g => _group.Inverted(g))];
        Queue<(int, int, int)> open = new();
        (int, int, int) first = Key(cycle);
        _conjugates.Add(first, (0, first));
        open.Enqueue(first);
        while (open.TryDequeue(out (int A, int B, int C) next))
        {
            for (int s = 0; s < _steps.Length; s++)
            {
                int[] step = _steps[s];
                (int, int, int) image = Key(_length == 2 ? [step[next.A], step[next.B]] : [step[next.A], step[next.B], step[next.C]]);
                if (_conjugates.TryAdd(image, (s < group.GeneratorCodes.Length ? s + 1 : group.GeneratorCodes.Length - s - 1, next)))
                {
                    open.Enqueue(image);
                }
            }
        }
    }

    /// <summary>Finds a power of a short word that is a transposition or a 3-cycle; null where there are too many of these, or none turns up.</summary>
    public static GiantWords? TryMake(Group group, GiantChain giant)
    {
        long n = giant.Points.Count;
        if ((giant.IsAlternating ? n * (n - 1) * (n - 2) / 3 : n * (n - 1) / 2) > MostCycles)
        {
            return null;
        }

        int length = giant.IsAlternating ? 3 : 2;
        (int[] Element, int[] Word, int Power)? best = null;
        BigInteger bestCost = BigInteger.Zero;
        foreach ((int[] element, int[] word) in ShortWords(group))
        {
            int[] cycles = [.. Cycles(element)];
            if (cycles.Count(cycle => cycle % length == 0) != 1 || !cycles.Contains(length))
            {
                continue;
            }

            BigInteger power = cycles.Where(cycle => cycle != length)
                .Aggregate(BigInteger.One, (multiple, cycle) => multiple * cycle / BigInteger.GreatestCommonDivisor(multiple, cycle));
            if (power * word.Length < int.MaxValue && (best is null || power * word.Length < bestCost))
            {
                best = (element, word, (int)power);
                bestCost = power * word.Length;
            }
        }

        if (best is not (int[] found, int[] letters, int times))
        {
            return null;
        }

        int[] single = new int[group.Width];
        group.Ambient.Power(found, times, single);
        int start = Enumerable.Range(0, single.Length).First(point => single[point] != point);
        int[] moved = length == 2 ? [start, single[start]] : [start, single[start], single[single[start]]];
        return new GiantWords(group, giant, [.. Enumerable.Repeat(letters, times).SelectMany(word => word)], moved);
    }

    public override IReadOnlyList<WordLetter> Find(ReadOnlySpan<int> code)
    {
        // Each cycle on the left brings one more point home: (a b) or (a b c) takes the image b of point a back to a.
        int[] rest = code.ToArray();
        List<int[]> cycles = [];
        IReadOnlyList<int> points = _giant.Points;
        for (int i = 0; i < points.Count; i++)
        {
            int a = points[i], b = rest[a];
            if (a == b)
            {
                continue;
            }

            // The third point is one that is not home yet, so that no other leaves; in an even permutation there is one.
            int[] cycle = _length == 2 ? [b, a] : [b, a, points.Skip(i + 1).First(point => point != b)];
            int[] permutation = Permutations.FromCycles(rest.Length, cycle);
            _group.MultiplyLeft(permutation, rest);
            cycles.Add(cycle);
        }

        // cycles[last] … cycles[0] g = 1, so g is the product of the inverses in order.
        List<int> letters = [];
        foreach (int[] cycle in cycles)
        {
            letters = Reduce(letters, WordOf(_length == 2 ? cycle : [cycle[2], cycle[1], cycle[0]]));
        }

        return Compress(letters);
    }

    private IEnumerable<int> WordOf(int[] cycle)
    {
        List<int> by = [];
        (int, int, int) key = Key(cycle);
        for (; _conjugates[key].Letter != 0; key = _conjugates[key].From)
        {
            by.Add(_conjugates[key].Letter);
        }

        return by.Concat(_word).Concat(Enumerable.Reverse(by).Select(letter => -letter));
    }

    /// <summary>A cycle written from its smallest point on.</summary>
    private static (int, int, int) Key(int[] cycle)
    {
        if (cycle.Length == 2)
        {
            return (Math.Min(cycle[0], cycle[1]), Math.Max(cycle[0], cycle[1]), -1);
        }

        int first = Array.IndexOf(cycle, cycle.Min());
        return (cycle[first], cycle[(first + 1) % 3], cycle[(first + 2) % 3]);
    }

    private static IEnumerable<int> Cycles(int[] permutation) =>
        Enumerable.Range(0, permutation.Length).Zip(Conjugators.CycleLengths(permutation), (point, length) => length)
            .GroupBy(length => length).SelectMany(group => Enumerable.Repeat(group.Key, group.Count() / group.Key));

    /// <summary>Products of few generators, breadth first.</summary>
    private static IEnumerable<(int[] Element, int[] Word)> ShortWords(Group group)
    {
        Group ambient = group.Ambient;
        int[][] steps = [.. group.GeneratorCodes, .. group.GeneratorCodes.Select(g => ambient.Inverted(g))];
        int half = group.GeneratorCodes.Length;
        HashSet<int[]> seen = new(CodeComparer.Instance);
        Queue<(int[] Element, int[] Word)> open = new([(group.Identity.Code.ToArray(), [])]);
        while (open.TryDequeue(out (int[] Element, int[] Word) next))
        {
            for (int s = 0; s < steps.Length && seen.Count < TriedWords; s++)
            {
                int[] product = ambient.Multiplied(next.Element, steps[s]);
                if (seen.Add(product))
                {
                    (int[], int[]) word = (product, [.. next.Word, s < half ? s + 1 : half - s - 1]);
                    yield return word;
                    open.Enqueue(word);
                }
            }
        }
    }
}
