using System.Numerics;

namespace Equivariant.Core.Groups;

/// <summary>
/// Conjugacy classes of a permutation group too large to walk through, by the Burnside process: from an element to a random one that commutes
/// with it, which meets every class equally often, however small (Jerrum, 1993). When the sizes of the classes met, |G| / |C(x)|, add up to |G|
/// there are no others.
/// </summary>
internal sealed class ClassWalk
{
    /// <summary>Entries of permutations that may be moved: some seconds.</summary>
    private const long MostWork = 4_000_000_000;
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

    /// <summary>Finds one element of each class and the classes' sizes, or null where that would take too long.</summary>
    public static IReadOnlyList<ConjugacyClass>? Find(PermutationGroup group) => new ClassWalk(group).Run();

    private IReadOnlyList<ConjugacyClass>? Run()
    {
        int at = Place(Permutations.Identity(_group.Degree));
        int[] next = new int[_group.Degree];
        while (_left > 0)
        {
            if (_work > MostWork)
            {
                return null;
            }

            _met[at].Centraliser.Random(_random, next);
            _work += _group.Degree * (long)(_met[at].Centraliser.Chain.Length + 1);
            at = Place((int[])next.Clone());
        }

        return [.. _met.Select(met => new ConjugacyClass(_group.Wrap(met.Element), _group.Order / met.Centraliser.Order))];
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
            long before = _met[i].Conjugators.Work;
            bool same = _met[i].Conjugators.IsConjugate(element);
            _work += (_met[i].Conjugators.Work - before + 1) * _group.Degree;
            if (same)
            {
                return i;
            }
        }

        Conjugators conjugators = new(_group, element);
        Subgroup centraliser = conjugators.Centraliser();
        _work += (conjugators.Work + _group.Degree) * (long)_group.Degree;
        int number = _met.Count;
        alike.Add(number);
        _met.Add(new Met(element, conjugators, centraliser));
        _left -= _group.Order / centraliser.Order;

        // Powers are cheap, and often the quickest way to small classes.
        foreach (int p in Conjugators.CycleLengths(element).Distinct().SelectMany(Primes.Factors).Distinct().Append(-1))
        {
            int[] power = new int[_group.Degree];
            _group.Power(element, p, power);
            Place(power);
        }

        return number;
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
