using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Conjugacy classes of a permutation group too large to walk through, by the Burnside process: from an element to a random one that commutes
/// with it, which meets every class equally often, however small (Jerrum, 1993). When the sizes of the classes met, |G| / |C(x)|, add up to |G|
/// there are no others.
/// </summary>
internal sealed class ClassWalk
{
    /// <summary>Entries of permutations that may be moved: some seconds.</summary>
    private const long MostWork = 6_000_000_000;

    /// <summary>How often, roughly, an element that is tried moves each point.</summary>
    private const int SearchWork = 4;

    /// <summary>How often, roughly, a class's two chains move each pair of points.</summary>
    private const int ChainWork = 500;
    /// <summary>The number of classes beyond which it would take minutes, and of draws from which it is judged.</summary>
    private const long MostClasses = 40_000;
    private const int Judged = 500;

    /// <summary>The largest number of points whose pairs are sorted into orbits.</summary>
    private const int PairedPoints = 200;
    private readonly PermutationGroup _group;
    private readonly Random _random = new(1);
    private readonly List<Met> _met = [];
    private readonly Dictionary<int[], List<int>> _bySignature = new(CodeComparer.Instance);
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
        int at = Place(Permutations.Identity(_group.Degree));
        int[] next = new int[_group.Degree];
        for (long draws = 1, repeats = 0; _left > 0; draws++)
        {
            // Among k classes met equally often, so many draws repeat draws² / 2k times.
            if (_work > MostWork || (draws > Judged && draws * draws > 2 * MostClasses * Math.Max(1, repeats)))
            {
                break;
            }

            int before = _met.Count;
            _met[at].Centraliser.Random(_random, next);
            _work += _group.Degree * (long)(_met[at].Centraliser.Chain.Length + 1);
            at = Place((int[])next.Clone());
            repeats += _met.Count == before ? 1 : 0;
        }

        return _left > 0 || _work > MostWork ? null : [.. _met.Select(met => (met.Element, met.Centraliser))];
    }

    /// <summary>The number of an element's class, which is new if it has not been met.</summary>
    private int Place(int[] element)
    {
        int[] signature = Signature(element);
        if (!_bySignature.TryGetValue(signature, out List<int>? alike))
        {
            _bySignature.Add(signature, alike = []);
        }

        foreach (int i in alike)
        {
            if (Within(_met[i].Conjugators, known => known.IsConjugate(element)))
            {
                return i;
            }
        }

        _work += ChainWork * (long)_group.Degree * _group.Degree;
        Conjugators conjugators = new(_group, element);
        Subgroup centraliser = Within(conjugators, all => all.Centraliser());
        int number = _met.Count;
        alike.Add(number);
        _met.Add(new Met(element, conjugators, centraliser));
        _left -= _group.Order / centraliser.Order;

        // Powers are cheap, and often the quickest way to small classes.
        if (_work > MostWork)
        {
            return number;
        }

        foreach (int p in Conjugators.CycleLengths(element).Distinct().SelectMany(Primes.Factors).Distinct().Append(-1))
        {
            int[] power = new int[_group.Degree];
            _group.Power(element, p, power);
            Place(power);
        }

        return number;
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

    private sealed record Met(int[] Element, Conjugators Conjugators, Subgroup Centraliser);
}
