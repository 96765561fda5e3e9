namespace Equivariant.Core.Groups.Engine;

/// <summary>Looks for an action of a group of permutations on fewer points.</summary>
/// <remarks>
/// Each orbit is replaced by orbits of sets of its points that are fewer and tell the points apart: a point together with a block of an orbit of its
/// stabiliser, as the pairs {1, x} are of {1, 2}. Where there are none, a point is taken together with points of other
/// orbits that its stabiliser fixes, which are then known by it. Stabilisers come from random elements; what they
/// miss makes only orbits of sets that are too long to use.
/// </remarks>
internal sealed class SmallerActionSearch
{
    /// <summary>Of fewer points a stabiliser chain is found at once.</summary>
    private const int FewestPoints = 100;

    /// <summary>The largest number of orbits that are tried one by one.</summary>
    private const int MostOrbits = 16;

    /// <summary>The number of random elements taken for a stabiliser.</summary>
    private const int StabiliserElements = 8;

    /// <summary>How far apart they are.</summary>
    private const int StepsApart = 10;

    /// <summary>The number of the stabiliser's shortest orbits in which blocks are looked for, and the most points of one, or of what grows.</summary>
    private const int TriedOrbits = 4;
    private const int MostBlockPoints = 2048;

    /// <summary>The number of points that are tried as a second one of a block.</summary>
    private const int TriedSeconds = 32;

    /// <summary>The fewest points of a set: orbits of smaller ones are hardly shorter than that of a point.</summary>
    private const int FewestMembers = 4;

    /// <summary>The largest mean number of sets of one orbit that a point may belong to.</summary>
    private const int MostMemberships = 16;

    /// <summary>The points that are moved for all orbits of sets together: a second or two.</summary>
    private const long MostWork = 50_000_000;
    private readonly int[][] _generators;
    private readonly PermutationGroup _group;
    private readonly int[] _labels;
    private long _work = MostWork;

    private SmallerActionSearch(int degree, int[][] generators)
    {
        _generators = generators;
        _group = new PermutationGroup(degree, generators);
        _labels = Permutations.Orbits(degree, generators);
    }

    /// <summary>Finds an action on fewer points, or returns null.</summary>
    public static SmallerAction? Find(int degree, int[][] generators) =>
        degree < FewestPoints || Permutations.Commute(generators) ? null : new SmallerActionSearch(degree, generators).Run();

    private SmallerAction? Run()
    {
        int[][] orbits = [.. Enumerable.Range(0, _group.Degree).GroupBy(point => _labels[point]).Select(orbit => orbit.ToArray())
            .Where(orbit => orbit.Length > 1).OrderByDescending(orbit => orbit.Length)];
        if (orbits.Length > MostOrbits)
        {
            return null;
        }

        ProductReplacement random = new(_group, [.. _generators.Where(g => !_group.IsIdentity(g))]);
        int[][] elements = [.. Enumerable.Range(0, StabiliserElements).Select(_ => random.Next(StepsApart).ToArray())];
        List<SetOrbit> families = [];
        HashSet<int> known = [];
        foreach (int[] orbit in orbits)
        {
            if (!known.Contains(_labels[orbit[0]]))
            {
                PointTransversal transversal = new(_group, _generators, orbit[0]);
                int[][] stabiliser = [.. elements.Select(element => transversal.Fixing(element))];
                IReadOnlyList<SetOrbit> found = Lines(orbit, Candidates(orbit, stabiliser, transversal)) ?? [WithImages(orbit, stabiliser, known)];
                families.AddRange(found);
                known.UnionWith(found.SelectMany(family => family.Sets[0]).Select(point => _labels[point]));
            }
        }

        return families.Sum(family => family.Sets.Count) < _group.Degree ? SmallerAction.TryMake(_labels, families) : null;
    }

    /// <summary>Orbits of sets of the points of an orbit that tell them apart and are at most three quarters as many; null where none were found.</summary>
    private List<SetOrbit>? Lines(int[] orbit, HashSet<int[]> candidates)
    {
        List<SetOrbit> families = [];
        int left = orbit.Length * 3 / 4, told = 1;
        foreach (int[] set in candidates.OrderByDescending(set => set.Length))
        {
            long cost = (long)set.Length * _generators.Length;
            int most = (int)Math.Min(Math.Min(left, (long)MostMemberships * orbit.Length / set.Length), _work / cost);
            _work -= most * cost;
            if (SetOrbit.TryList(set, _generators, most) is not { } family)
            {
                continue;
            }

            int[][] memberships = SmallerAction.Memberships(_group.Degree, [.. families, family]);
            int apart = orbit.Select(point => memberships[point]).Distinct(CodeComparer.Instance).Count();
            if (apart > told)
            {
                families.Add(family);
                told = apart;
                left -= family.Sets.Count;
            }

            if (told == orbit.Length)
            {
                return families;
            }
        }

        return null;
    }

    /// <summary>A point together with a short orbit of its stabiliser, or with a block of one; and what these grow to.</summary>
    private HashSet<int[]> Candidates(int[] orbit, int[][] stabiliser, PointTransversal transversal)
    {
        int[] labels = Permutations.Orbits(_group.Degree, stabiliser);
        IEnumerable<int[]> shortest = orbit.Skip(1).GroupBy(point => labels[point]).Select(part => part.ToArray())
            .Where(part => part.Length >= FewestMembers - 1 && part.Length <= MostBlockPoints && part.Length < orbit.Length - 1)
            .OrderBy(part => part.Length).Take(TriedOrbits);
        HashSet<int[]> candidates = new(CodeComparer.Instance);
        foreach (int[] part in shortest)
        {
            int[] taking = transversal.Taking(part[0]), back = Permutations.Inverse(taking);
            int[][] fixing = [.. stabiliser.Select(element => Permutations.Product(taking, Permutations.Product(element, back)))];
            // Many second points give the same block.
            foreach (int[] set in PartAndBlocks(part, stabiliser).Select(points => (int[])[orbit[0], .. points]).Distinct(CodeComparer.Instance))
            {
                candidates.Add(set);
                candidates.Add(Grown(set, fixing));
            }
        }

        candidates.RemoveWhere(set => set.Length < FewestMembers || set.Length == orbit.Length);
        return candidates;
    }

    /// <summary>An orbit of a stabiliser, and the blocks of it that join the first point to others.</summary>
    private static IEnumerable<int[]> PartAndBlocks(int[] part, int[][] stabiliser)
    {
        yield return part;
        int[][] restricted = [.. stabiliser.Select(element => Permutations.Restrict(element, part))];
        int step = Math.Max(1, part.Length / TriedSeconds);
        for (int second = 1; second < part.Length; second += step)
        {
            int[] blocks = Blocks.Joining(part.Length, restricted, 0, second).Numbers;
            yield return [.. part.Where((_, i) => blocks[i] == blocks[0])];
        }
    }

    /// <summary>
    /// A set together with its images that share most of it, as far as some elements lead to them: the pairs of 1 with all but its
    /// block grow to those of 1 with all.
    /// </summary>
    private int[] Grown(int[] set, int[][] elements)
    {
        HashSet<int> grown = [.. set];
        for (int before = 0; before < grown.Count;)
        {
            before = grown.Count;
            _work -= (long)grown.Count * elements.Length;
            foreach (int[] element in elements)
            {
                int[] beyond = [.. grown.Select(point => element[point]).Where(image => !grown.Contains(image))];
                if (2 * beyond.Length < grown.Count)
                {
                    grown.UnionWith(beyond);
                }

                if (grown.Count > MostBlockPoints || _work < 0)
                {
                    return set;
                }
            }
        }

        return [.. grown.Order()];
    }

    /// <summary>The points of an orbit one by one, each together with a point of every other orbit where its stabiliser fixes one.</summary>
    private SetOrbit WithImages(int[] orbit, int[][] stabiliser, HashSet<int> known)
    {
        IEnumerable<int> images = Enumerable.Range(0, _group.Degree)
            .Where(point => _labels[point] != _labels[orbit[0]] && !known.Contains(_labels[point]) && _generators.Any(g => g[point] != point))
            .Where(point => stabiliser.All(element => element[point] == point))
            .DistinctBy(point => _labels[point]);
        return SetOrbit.TryList([orbit[0], .. images], _generators, orbit.Length)
            ?? SetOrbit.TryList([orbit[0]], _generators, orbit.Length)!;
    }
}
