namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// A faithful action of a group of permutations on fewer points than its own, of which each of its own is a set,
/// as a pair of 100 things is a set of things.
/// </summary>
/// <remarks>
/// The new points are orbits of sets of the old ones, and every old point is known by its orbit and by the sets that it belongs to.
/// So what fixes all new points fixes all old ones: the action is faithful by how it is made, and the order, the members and the facts
/// of the group are those of a group on fewer points, with nothing to prove.
/// </remarks>
internal sealed class SmallerAction
{
    private readonly int[] _orbits;
    private readonly int[][] _memberships;
    private readonly int[] _families;
    private readonly int[][] _anchors;
    private readonly ulong[] _keys;
    private readonly Dictionary<ulong, int> _points;

    private SmallerAction(int[] orbits, int[][] memberships, IReadOnlyList<SetOrbit> families)
    {
        _orbits = orbits;
        _memberships = memberships;
        _families = [.. families.SelectMany((family, number) => Enumerable.Repeat(number, family.Sets.Count))];
        _anchors = [.. families.SelectMany(family => family.Sets).Select((set, number) => Anchors(set, number))];
        int[] starts = [.. families.Select((_, number) => Array.IndexOf(_families, number))];
        Group = new PermutationGroup(_families.Length, [.. families[0].Images.Select((_, generator) =>
            families.SelectMany((family, number) => family.Images[generator].Select(image => starts[number] + image)).ToArray())]);

        // Sums of random keys tell sets apart; should two sums be the same, other keys are drawn.
        Random random = new(1);
        do
        {
            _keys = [.. Enumerable.Range(0, _families.Length + orbits.Max() + 1).Select(_ => (ulong)random.NextInt64(long.MinValue, long.MaxValue))];
            _points = [];
        }
        while (!Enumerable.Range(0, orbits.Length).All(point => _points.TryAdd(KeyOf(point, null), point)));
    }

    /// <summary>The group on the new points, with the same generators in the same order.</summary>
    public PermutationGroup Group { get; }

    /// <summary>Makes the action on orbits of sets, or returns null where they do not tell the points of an orbit apart.</summary>
    /// <param name="orbits">For each old point the number of its orbit.</param>
    /// <param name="families">The orbits of sets; a point in none is one that nothing moves.</param>
    public static SmallerAction? TryMake(int[] orbits, IReadOnlyList<SetOrbit> families)
    {
        int[][] memberships = Memberships(orbits.Length, families);
        HashSet<int[]> seen = new(CodeComparer.Instance);
        return orbits.Select((orbit, point) => seen.Add([orbit, .. memberships[point]])).All(isNew => isNew)
            ? new SmallerAction(orbits, memberships, families)
            : null;
    }

    /// <summary>Lists for each point the sets that it belongs to, by their numbers through all families.</summary>
    public static int[][] Memberships(int degree, IEnumerable<SetOrbit> families)
    {
        List<int>[] memberships = [.. Enumerable.Range(0, degree).Select(_ => new List<int>())];
        int number = 0;
        foreach (int[] set in families.SelectMany(family => family.Sets))
        {
            foreach (int point in set)
            {
                memberships[point].Add(number);
            }

            number++;
        }

        return [.. memberships.Select(sets => sets.ToArray())];
    }

    /// <summary>Writes how a permutation of the old points moves the new ones; false where it does not take sets to sets.</summary>
    public bool TryReduce(ReadOnlySpan<int> code, Span<int> reduced)
    {
        bool[] met = new bool[reduced.Length];
        for (int number = 0; number < reduced.Length; number++)
        {
            int[] anchors = _anchors[number];
            int image = -1;
            foreach (int candidate in _memberships[code[anchors[0]]])
            {
                if (_families[candidate] == _families[number] && AreAllIn(candidate, anchors, code))
                {
                    if (image >= 0)
                    {
                        return false;
                    }

                    image = candidate;
                }
            }

            if (image < 0 || met[image])
            {
                return false;
            }

            met[image] = true;
            reduced[number] = image;
        }

        return true;
    }

    /// <summary>Writes how an element of the group on the new points moves the old ones.</summary>
    public void Expand(ReadOnlySpan<int> reduced, Span<int> code)
    {
        for (int point = 0; point < code.Length; point++)
        {
            code[point] = _points[KeyOf(point, reduced)];
        }
    }

    /// <summary>The element that moves the new points like this.</summary>
    public int[] Expanded(ReadOnlySpan<int> reduced)
    {
        int[] code = new int[_orbits.Length];
        Expand(reduced, code);
        return code;
    }

    /// <summary>How an element of the group moves the new points.</summary>
    public int[] Reduced(ReadOnlySpan<int> code)
    {
        int[] reduced = new int[_families.Length];
        return TryReduce(code, reduced) ? reduced : throw new InvalidOperationException("Only elements of the group act on fewer points.");
    }

    private bool AreAllIn(int set, int[] points, ReadOnlySpan<int> code)
    {
        for (int i = 1; i < points.Length; i++)
        {
            if (Array.BinarySearch(_memberships[code[points[i]]], set) < 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Points of a set that no other set of its family has together.</summary>
    private int[] Anchors(int[] set, int number)
    {
        List<int> anchors = [];
        int[] common = [];
        foreach (int point in set)
        {
            int[] left = anchors.Count == 0
                ? [.. _memberships[point].Where(other => _families[other] == _families[number])]
                : [.. common.Where(other => Array.BinarySearch(_memberships[point], other) >= 0)];
            if (anchors.Count == 0 || left.Length < common.Length)
            {
                anchors.Add(point);
                common = left;
            }

            if (common.Length == 1)
            {
                break;
            }
        }

        return [.. anchors];
    }

    /// <summary>The key of the point in this one's orbit whose sets are the images of this one's; without images, of the point itself.</summary>
    private ulong KeyOf(int point, ReadOnlySpan<int> images)
    {
        ulong key = _keys[_families.Length + _orbits[point]];
        foreach (int set in _memberships[point])
        {
            key += _keys[images.IsEmpty ? set : images[set]];
        }

        return key;
    }
}
