using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// What conjugates one permutation x to others within a group, and what commutes with it: a search over the images of base points
/// that follow x's cycles. If z x z⁻¹ = y then z takes cycles to cycles, so its image of one point decides its images of the whole cycle.
/// </summary>
internal sealed class Conjugators
{
    private readonly PermutationGroup _group;
    private readonly int[] _x;
    private readonly int[] _lengths;
    private readonly StabiliserChain _chain;

    /// <summary>The level of the first base point that x moves.</summary>
    private readonly int _firstMoved;
    private readonly int[] _representative;

    /// <summary>For each level, the element that is tried up to it.</summary>
    private readonly int[][] _partial;

    public Conjugators(PermutationGroup group, int[] x)
    {
        _group = group;
        _x = x;
        _lengths = CycleLengths(x);

        // Cycles with few rivals of their length first, then long ones: little to choose, and each choice decides much.
        ILookup<int, int> starts = Enumerable.Range(0, x.Length).Where(point => IsFirst(point)).ToLookup(point => _lengths[point]);
        int[] points = [.. starts.OrderBy(cycles => cycles.Count()).ThenByDescending(cycles => cycles.Key).SelectMany(cycles => cycles).SelectMany(Cycle)];
        _chain = StabiliserChain.Build(group, group.GeneratorCodes, group.Order, points);
        _firstMoved = Enumerable.Range(0, _chain.Length).TakeWhile(depth => x[_chain.BaseAt(depth)] == _chain.BaseAt(depth)).Count();
        _representative = new int[x.Length];
        _partial = [.. Enumerable.Range(0, _chain.Length + 1).Select(_ => new int[x.Length])];
    }

    /// <summary>The number of elements tried so far.</summary>
    public long Work { get; private set; }

    /// <summary>The number of elements that may be tried; what is not found by then is not known.</summary>
    public long MostWork { get; set; } = long.MaxValue;

    /// <summary>For each point, the length of its cycle.</summary>
    public static int[] CycleLengths(int[] permutation)
    {
        int[] lengths = new int[permutation.Length];
        for (int start = 0; start < lengths.Length; start++)
        {
            if (lengths[start] > 0)
            {
                continue;
            }

            int length = 1;
            for (int point = permutation[start]; point != start; point = permutation[point])
            {
                length++;
            }

            lengths[start] = length;
            for (int point = permutation[start]; point != start; point = permutation[point])
            {
                lengths[point] = length;
            }
        }

        return lengths;
    }

    /// <summary>Whether some element of the group conjugates x to another element of it.</summary>
    public bool IsConjugate(int[] y) => Extend(0, Permutations.Identity(_x.Length), y, CycleLengths(y)) is not null;

    /// <summary>The subgroup of elements that commute with x.</summary>
    public Subgroup Centraliser()
    {
        List<int[]> found = [];
        BigInteger order = BigInteger.One;
        int[] identity = Permutations.Identity(_x.Length);

        // From the deepest level up: elements that fix the base points above a level and move that level's point.
        for (int depth = _chain.Length - 1; depth >= 0; depth--)
        {
            int point = _chain.BaseAt(depth);
            if (depth == _firstMoved)
            {
                found.Add(_x);
            }

            HashSet<int> failed = [];
            HashSet<int> reached = Orbit(found, point);
            foreach (int candidate in _chain.OrbitAt(depth))
            {
                if (reached.Contains(candidate) || failed.Contains(candidate))
                {
                    continue;
                }

                if (Choose(depth, identity, candidate, _x, _lengths) is int[] element)
                {
                    found.Add(element);
                    reached = Orbit(found, point);
                }
                else
                {
                    // What is found fixes the points above, so it takes an image that fails to others that fail.
                    failed.UnionWith(Orbit(found, candidate));
                }
            }

            order *= reached.Count;
        }

        return new Subgroup(_group, [.. found], null, StabiliserChain.Build(_group, [.. found], order));
    }

    private static HashSet<int> Orbit(List<int[]> generators, int start)
    {
        HashSet<int> seen = [start];
        List<int> queue = [start];
        for (int i = 0; i < queue.Count; i++)
        {
            foreach (int[] generator in generators)
            {
                if (seen.Add(generator[queue[i]]))
                {
                    queue.Add(generator[queue[i]]);
                }
            }
        }

        return seen;
    }

    /// <summary>Looks for an element z with z x = y z that agrees with a partial one on the base points above a level.</summary>
    private int[]? Extend(int depth, int[] partial, int[] y, int[] lengths)
    {
        if (depth == _chain.Length)
        {
            for (int point = 0; point < y.Length; point++)
            {
                if (partial[_x[point]] != y[partial[point]])
                {
                    return null;
                }
            }

            return (int[])partial.Clone();
        }

        int next = _chain.BaseAt(depth);
        if (depth > _firstMoved && _chain.BaseAt(depth - 1) is int before && _x[before] == next)
        {
            int determined = y[partial[before]];
            return Choose(depth, partial, Array.IndexOf(partial, determined), y, lengths);
        }

        // With z also each yⁱ z takes x to y: for the first point that is moved, one image in each cycle of y is enough.
        HashSet<int>? tried = depth == _firstMoved ? [] : null;
        foreach (int candidate in _chain.OrbitAt(depth))
        {
            int image = partial[candidate];
            if (tried?.Add(image) == false)
            {
                continue;
            }

            for (int other = y[image]; tried is not null && other != image; other = y[other])
            {
                tried.Add(other);
            }

            if (Choose(depth, partial, candidate, y, lengths) is int[] found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>The same, with the point of the level's orbit chosen that the partial element takes to the image of the level's base point.</summary>
    private int[]? Choose(int depth, int[] partial, int candidate, int[] y, int[] lengths)
    {
        if (lengths[partial[candidate]] != _lengths[_chain.BaseAt(depth)] || Work >= MostWork)
        {
            return null;
        }

        Work++;
        if (!_chain.TryRepresentativeTo(depth, candidate, _representative))
        {
            return null;
        }

        int[] next = _partial[depth];
        _group.Multiply(partial, _representative, next);
        return Extend(depth + 1, next, y, lengths);
    }

    private bool IsFirst(int start) => Cycle(start).All(point => point >= start);

    private IEnumerable<int> Cycle(int start)
    {
        int point = start;
        do
        {
            yield return point;
            point = _x[point];
        }
        while (point != start);
    }
}
