using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <summary>
/// The kernels of a commutative group by its characters: a subgroup K is what a group A of characters is trivial on, |G/K| = |A|, and K
/// captures the characters in A that V and W have in common. Only groups that such characters generate are worth having, and there are few of
/// them where G has very many subgroups.
/// </summary>
internal sealed class CharacterKernels
{
    private const int MostCandidates = 20_000;
    private const long MostWork = 50_000_000;
    private readonly IndependentPart _part;
    private readonly int _largest;
    private readonly int _exponent;

    /// <summary>Characters by number: for each generator g the integer t with χ(g) = exp(2πi t / exponent). Number 0 is the trivial one.</summary>
    private readonly List<int[]> _characters = [];
    private readonly Dictionary<int[], int> _numbers = new(Group.CodeEquality);
    private long _work;

    private CharacterKernels(IndependentPart part, int largest, int exponent)
    {
        _part = part;
        _largest = largest;
        _exponent = exponent;
        NumberOf(new int[part.V.Count]);
    }

    /// <summary>Finds them, or returns null where the group does not act commutatively, or with an exponent that is no 32-bit integer.</summary>
    public static KernelCandidates? Find(IndependentPart part, int largestIndex) =>
        Exponent(part) is int exponent ? new CharacterKernels(part, largestIndex, exponent).Find() : null;

    private static int? Exponent(IndependentPart part)
    {
        long exponent = 1;
        foreach (IReadOnlyList<int[]> permutations in part.IsSame ? [part.V] : new[] { part.V, part.W })
        {
            PermutationGroup group = new(permutations[0].Length, [.. permutations]);
            if (!group.IsAbelian)
            {
                return null;
            }

            foreach (int[] g in permutations)
            {
                BigInteger order = group.OrderOf(g);
                BigInteger next = order / BigInteger.GreatestCommonDivisor(order, exponent) * exponent;
                if (next > int.MaxValue)
                {
                    return null;
                }

                exponent = (long)next;
            }
        }

        return (int)exponent;
    }

    private KernelCandidates Find()
    {
        Dictionary<int, long> onV = Multiplicities(_part.V), onW = _part.IsSame ? onV : Multiplicities(_part.W);
        Dictionary<int, long> common = onV
            .Where(pair => pair.Key != 0 && onW.ContainsKey(pair.Key))
            .ToDictionary(pair => pair.Key, pair => pair.Value * onW[pair.Key]);
        int[] small = [.. common.Keys.Where(character => OrderOf(character) <= _largest).Order()];

        // Characters that generate the same group come together, and one of them stands for all.
        Dictionary<int, int> spaces = [];
        List<long> dimensions = [];
        List<int> standing = [];
        foreach (int character in small)
        {
            if (spaces.ContainsKey(character))
            {
                continue;
            }

            long dimension = 0;
            int order = OrderOf(character);
            int power = 0;
            for (int k = 1; k <= order; k++)
            {
                power = Sum(power, character);
                if (BigInteger.GreatestCommonDivisor(k, order).IsOne && common.TryGetValue(power, out long times) && spaces.TryAdd(power, dimensions.Count))
                {
                    dimension += times;
                }
            }

            dimensions.Add(dimension);
            standing.Add(character);
        }

        (List<int[]> groups, bool complete) = Generated(standing, spaces, dimensions);
        KernelCandidate[] candidates = [.. groups.Select(group => new KernelCandidate(
            group.Length,
            [.. group.Where(spaces.ContainsKey).Select(character => spaces[character]).Distinct().Order()],
            () => Orbits(group)))];
        return new KernelCandidates([.. dimensions], candidates, complete, Limits([.. small.Select(character => common[character])]));
    }

    /// <summary>A group of c characters has at most the c − 1 that count most, and c divides the order.</summary>
    private IReadOnlyList<(int, long)> Limits(long[] dimensions)
    {
        Array.Sort(dimensions);
        Array.Reverse(dimensions);
        BigInteger order = _part.Group.Order;
        List<(int, long)> limits = [];
        long sum = 0;
        for (int cost = 2; cost <= _largest && cost <= order; cost++)
        {
            if (cost - 2 < dimensions.Length)
            {
                sum += dimensions[cost - 2];
            }
            else if (limits.Count > 0 && limits[^1].Item2 == sum)
            {
                break;
            }

            if ((order % cost).IsZero)
            {
                limits.Add((cost, sum));
            }
        }

        return limits;
    }

    /// <summary>Groups that the characters generate, of at most the largest order: those that capture most for their cost first, in case there are too many.</summary>
    private (List<int[]> Groups, bool IsComplete) Generated(List<int> characters, Dictionary<int, int> spaces, List<long> dimensions)
    {
        List<int[]> found = [];
        HashSet<int[]> seen = new(Group.CodeEquality) { new[] { 0 } };
        PriorityQueue<int[], (double, int)> open = new();
        open.Enqueue([0], (0, 0));
        while (open.TryDequeue(out int[]? group, out _))
        {
            if (found.Count >= MostCandidates || _work > MostWork)
            {
                return (found, false);
            }

            if (group.Length > 1)
            {
                found.Add(group);
            }

            foreach (int character in characters)
            {
                if (Array.BinarySearch(group, character) < 0 && Extended(group, character) is int[] larger && seen.Add(larger))
                {
                    long captured = larger.Where(spaces.ContainsKey).Select(member => spaces[member]).Distinct().Sum(space => dimensions[space]);
                    open.Enqueue(larger, (-(double)captured / larger.Length, seen.Count));
                }
            }
        }

        return (found, true);
    }

    private int[]? Extended(int[] group, int character)
    {
        _work += group.Length;
        List<int> members = [.. group];
        for (int multiple = character; Array.BinarySearch(group, multiple) < 0; multiple = Sum(multiple, character))
        {
            if (members.Count + group.Length > _largest)
            {
                return null;
            }

            members.AddRange(group.Select(member => Sum(member, multiple)));
            _work += group.Length;
        }

        members.Sort();
        return [.. members];
    }

    /// <summary>How often each character occurs in vectors on the points: once for each orbit whose stabiliser it is trivial on.</summary>
    private Dictionary<int, long> Multiplicities(IReadOnlyList<int[]> permutations)
    {
        Dictionary<int, long> times = [];
        foreach (Orbit orbit in OrbitsOf(permutations))
        {
            foreach (int character in orbit.Characters)
            {
                times[character] = times.GetValueOrDefault(character) + 1;
            }
        }

        return times;
    }

    /// <summary>The orbits of what some characters are trivial on: two points of an orbit of G are together where those of its characters agree.</summary>
    private (int[] OnV, int[] OnW) Orbits(int[] group)
    {
        int[] onV = OrbitsOn(_part.V, group);
        return (onV, _part.IsSame ? onV : OrbitsOn(_part.W, group));
    }

    private int[] OrbitsOn(IReadOnlyList<int[]> permutations, int[] group)
    {
        int[] labels = new int[permutations[0].Length];
        Dictionary<int[], int> blocks = new(Group.CodeEquality);
        int number = 0;
        foreach (Orbit orbit in OrbitsOf(permutations))
        {
            int[] members = [.. orbit.Characters.Where(character => Array.BinarySearch(group, character) >= 0)];
            foreach ((int point, int[] exponents) in orbit.Points)
            {
                int[] values = [number, .. members.Select(member => Value(_characters[member], exponents))];
                blocks.TryAdd(values, blocks.Count);
                labels[point] = blocks[values];
            }

            number++;
        }

        return labels;
    }

    /// <summary>
    /// Each orbit with its points written as products of powers of the generators applied to the first, and the characters that are
    /// trivial on its stabiliser, found generator by generator: where gᵢᵐ = Π gⱼ^aⱼ there, m tᵢ = Σ aⱼ tⱼ.
    /// </summary>
    private IEnumerable<Orbit> OrbitsOf(IReadOnlyList<int[]> permutations)
    {
        int[] labels = PairOrbits.PointOrbits(permutations[0].Length, permutations);
        bool[] done = new bool[labels.Length];
        for (int start = 0; start < labels.Length; start++)
        {
            if (done[labels[start]])
            {
                continue;
            }

            done[labels[start]] = true;
            List<(int Point, int[] Exponents)> points = [(start, new int[permutations.Count])];
            Dictionary<int, int> place = new() { [start] = 0 };
            List<int[]> characters = [new int[permutations.Count]];
            for (int g = 0; g < permutations.Count; g++)
            {
                int reached = points.Count;
                int m = 1;
                int point = permutations[g][start];
                while (!place.ContainsKey(point))
                {
                    for (int i = 0; i < reached; i++)
                    {
                        (int from, int[] exponents) = points[(m - 1) * reached + i];
                        int[] next = (int[])exponents.Clone();
                        next[g] = m;
                        place.Add(permutations[g][from], points.Count);
                        points.Add((permutations[g][from], next));
                    }

                    m++;
                    point = permutations[g][point];
                }

                int[] relation = points[place[point]].Exponents;
                characters = [.. characters.SelectMany(character => Enumerable.Range(0, m).Select(k =>
                {
                    int[] longer = (int[])character.Clone();
                    longer[g] = (int)(((long)Value(character, relation) + (long)k * _exponent) / m);
                    return longer;
                }))];
            }

            yield return new Orbit(points, [.. characters.Select(NumberOf)]);
        }
    }

    private int Value(int[] character, int[] exponents)
    {
        long sum = 0;
        for (int g = 0; g < character.Length; g++)
        {
            sum = (sum + (long)character[g] * exponents[g]) % _exponent;
        }

        return (int)sum;
    }

    private int Sum(int first, int second)
    {
        int[] sum = new int[_part.V.Count];
        for (int g = 0; g < sum.Length; g++)
        {
            sum[g] = (int)(((long)_characters[first][g] + _characters[second][g]) % _exponent);
        }

        return NumberOf(sum);
    }

    private int OrderOf(int character) => (int)(_exponent / _characters[character].Aggregate(
        (BigInteger)_exponent, (divisor, t) => BigInteger.GreatestCommonDivisor(divisor, t)));

    private int NumberOf(int[] character)
    {
        if (!_numbers.TryGetValue(character, out int number))
        {
            number = _characters.Count;
            _characters.Add(character);
            _numbers.Add(character, number);
        }

        return number;
    }

    private sealed record Orbit(IReadOnlyList<(int Point, int[] Exponents)> Points, int[] Characters);
}
