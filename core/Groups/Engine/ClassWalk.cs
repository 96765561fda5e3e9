using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Conjugacy classes of a permutation group too large to walk through, by random elements and by the Burnside process: from an element to a random
/// one that commutes with it, which meets every class equally often, however small (Jerrum, 1993). With an element's class come those of its powers.
/// When the sizes of the classes met, |G| / |C(x)|, add up to |G| there are no others.
/// </summary>
internal sealed class ClassWalk
{
    /// <summary>Entries of permutations that may be moved: some seconds.</summary>
    private const long MostWork = 6_000_000_000;

    /// <summary>How often, roughly, an element that is tried moves each point.</summary>
    private const int SearchWork = 4;

    /// <summary>How often, roughly, a class's two chains move each pair of points.</summary>
    private const int ChainWork = 500;

    /// <summary>The largest order of an element whose powers are all looked at.</summary>
    private const int MostExponents = 1000;

    /// <summary>The number of classes beyond which it would take minutes, and of draws from which it is judged.</summary>
    private const long MostClasses = 40_000;
    private const int Judged = 500;

    /// <summary>The largest number of points whose pairs are sorted into orbits.</summary>
    private const int PairedPoints = 200;
    private readonly PermutationGroup _group;
    private readonly Random _random = new(1);
    private readonly List<Family> _met = [];

    /// <summary>Families, each with the power of an element of a class that is then conjugate to the family's element.</summary>
    private readonly Dictionary<int[], List<(Family Family, int Inverse)>> _bySignature = new(CodeComparer.Instance);
    /// <summary>For each pair of points, the number of its orbit; on many points, of its first point's orbit.</summary>
    private readonly Func<int, int, int> _pairOrbit;
    private BigInteger _left;
    private long _work;

    private ClassWalk(PermutationGroup group)
    {
        _group = group;
        int n = group.Degree;
        if (n <= PairedPoints)
        {
            int[] orbits = Permutations.Orbits(n * n, [.. group.GeneratorCodes.Select(g =>
                Enumerable.Range(0, n * n).Select(pair => g[pair / n] * n + g[pair % n]).ToArray())]);
            _pairOrbit = (first, second) => orbits[first * n + second];
        }
        else
        {
            int[] orbits = Permutations.Orbits(n, group.GeneratorCodes);
            _pairOrbit = (first, _) => orbits[first];
        }

        _left = group.Order;
    }

    /// <summary>Finds one element of each class, the identity first, and what commutes with it, or null where that would take too long.</summary>
    public static IReadOnlyList<(int[] Element, Subgroup Centraliser)>? Find(PermutationGroup group) => new ClassWalk(group).Run();

    private IReadOnlyList<(int[] Element, Subgroup Centraliser)>? Run()
    {
        Family at = Place(Permutations.Identity(_group.Degree));
        int[] next = new int[_group.Degree];
        for (long draws = 1, repeats = 0; _left > 0; draws++)
        {
            // Among k families met equally often, so many draws repeat draws² / 2k times.
            if (_work > MostWork || (draws > Judged && draws * draws > 2 * MostClasses * Math.Max(1, repeats)))
            {
                break;
            }

            // A walk among elements that commute leaves a torus seldom: every other element is any of the group, which meets large classes soonest.
            int before = _met.Count;
            Group from = draws % 2 == 0 ? _group : at.Centraliser;
            from.Random(_random, next);
            _work += _group.Degree * (long)(from.Chain.Length + 1);
            at = Place((int[])next.Clone());
            repeats += _met.Count == before ? 1 : 0;
        }

        return _left > 0 || _work > MostWork
            ? null
            : [.. _met.SelectMany(met => met.Exponents.Select(exponent => (Permutations.Power(met.Element, exponent), met.Centraliser)))];
    }

    /// <summary>The family of an element's class, which is new if it has not been met.</summary>
    private Family Place(int[] element)
    {
        if (_bySignature.TryGetValue(Signature(element), out List<(Family Family, int Inverse)>? alike))
        {
            foreach ((Family family, int inverse) in alike)
            {
                int[] root = Permutations.Power(element, inverse);
                if (Within(family.Conjugators, known => known.IsConjugate(root)))
                {
                    return family;
                }
            }
        }

        _work += ChainWork * (long)_group.Degree * _group.Degree;
        Conjugators conjugators = new(_group, element);
        Subgroup centraliser = Within(conjugators, all => all.Centraliser());
        int order = (int)BigInteger.Min(_group.OrderOf(element), int.MaxValue);
        int[] exponents = order > MostExponents ? [1] : Exponents(element, order, conjugators);
        Family met = new(element, conjugators, centraliser, exponents);
        _met.Add(met);
        _left -= _group.Order / centraliser.Order * exponents.Length;
        foreach (int exponent in exponents)
        {
            int[] signature = Signature(Permutations.Power(element, exponent));
            if (!_bySignature.TryGetValue(signature, out alike))
            {
                _bySignature.Add(signature, alike = []);
            }

            // z x^k z⁻¹ = y where z x z⁻¹ is the power of y by the inverse of k.
            alike.Add((met, Enumerable.Range(1, order).First(inverse => (long)inverse * exponent % order == 1 % order)));
        }

        // Powers are cheap, and often the quickest way to small classes.
        foreach (int p in Conjugators.CycleLengths(element).Distinct().SelectMany(Primes.Factors).Distinct())
        {
            if (_work <= MostWork)
            {
                Place(Permutations.Power(element, p));
            }
        }

        return met;
    }

    /// <summary>Exponents k, coprime to the order of x, for which the x^k are one of each class that generators of the group of x are in.</summary>
    private int[] Exponents(int[] x, int order, Conjugators conjugators)
    {
        int[] units = [.. Enumerable.Range(1, Math.Max(1, order - 1)).Where(k => BigInteger.GreatestCommonDivisor(k, order).IsOne)];
        HashSet<int> inside = [1], outside = [];
        foreach (int unit in units)
        {
            if (inside.Contains(unit) || outside.Contains(unit))
            {
                continue;
            }

            int[] power = Permutations.Power(x, unit);
            if (Within(conjugators, known => known.IsConjugate(power)))
            {
                // With k, all products of its powers and those known.
                for (long more = unit; !inside.Contains((int)more); more = more * unit % order)
                {
                    inside.UnionWith([.. inside.Select(known => (int)(known * more % order))]);
                }
            }
            else
            {
                outside.UnionWith(inside.Select(known => (int)((long)known * unit % order)));
            }
        }

        List<int> exponents = [];
        HashSet<int> covered = [];
        foreach (int unit in units.Where(unit => !covered.Contains(unit)))
        {
            exponents.Add(unit);
            covered.UnionWith(inside.Select(known => (int)((long)known * unit % order)));
        }

        return [.. exponents];
    }

    /// <summary>Searches, but no longer than there is work left; then the result is of no use, and the walk ends.</summary>
    private T Within<T>(Conjugators conjugators, Func<Conjugators, T> search)
    {
        long before = conjugators.Work;
        conjugators.MostWork = before + Math.Max(0, MostWork - _work) / (SearchWork * _group.Degree) + 1;
        T found = search(conjugators);
        _work += (conjugators.Work - before + 1) * SearchWork * _group.Degree;
        return found;
    }

    /// <summary>
    /// What conjugate elements share: for each point, the length of its cycle and the orbits of the pairs that it makes with its next few images,
    /// in any order of points.
    /// </summary>
    private int[] Signature(int[] element)
    {
        const int Images = 6;
        int[] lengths = Conjugators.CycleLengths(element);
        int[] marks = new int[lengths.Length];
        Span<int> seen = stackalloc int[Images + 1];
        for (int point = 0; point < marks.Length; point++)
        {
            seen[Images] = lengths[point];
            int image = point;
            for (int k = 0; k < Images; k++)
            {
                image = element[image];
                seen[k] = _pairOrbit(point, image);
            }

            marks[point] = Group.HashOf(seen);
        }

        Array.Sort(marks);
        return marks;
    }

    /// <summary>Classes of generators of one cyclic group, which the same elements commute with.</summary>
    /// <param name="Element">A generator x.</param>
    /// <param name="Conjugators">What conjugates x.</param>
    /// <param name="Centraliser">What commutes with x.</param>
    /// <param name="Exponents">The k for which the x^k are one of each class; the first is 1.</param>
    private sealed record Family(int[] Element, Conjugators Conjugators, Subgroup Centraliser, int[] Exponents);
}
