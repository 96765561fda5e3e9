using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// The finest division of points into parts such that a group of permutations acts on all of them as the direct product of how it acts on each.
/// </summary>
/// <remarks>
/// Orbits are taken in turn. An orbit joins those parts that do not split off: where the order of the group on all points met so far is
/// not that on the part times that on the rest. Orbits that add nothing to the order are left out of later orders.
/// </remarks>
internal sealed class IndependentOrbits
{
    private readonly int[][] _generators;
    private readonly BigInteger _order;
    private readonly List<Piece> _pieces = [];

    private IndependentOrbits(int[][] generators, BigInteger order)
    {
        _generators = generators;
        _order = order;
    }

    /// <summary>Finds the parts, each in increasing order; points that nothing moves are with the first.</summary>
    /// <param name="generators">Permutations of the points, at least one.</param>
    /// <param name="largest">An order that the group is known not to exceed.</param>
    public static IReadOnlyList<int[]> Find(int[][] generators, BigInteger largest) => new IndependentOrbits(generators, largest).Run();

    private IReadOnlyList<int[]> Run()
    {
        int[] labels = Permutations.Orbits(_generators[0].Length, _generators);
        List<int>[] orbits = [.. Enumerable.Range(0, labels.Max() + 1).Select(_ => new List<int>())];
        for (int point = 0; point < labels.Length; point++)
        {
            orbits[labels[point]].Add(point);
        }

        if (orbits.Count(orbit => orbit.Count > 1) <= 1)
        {
            return [[.. Enumerable.Range(0, labels.Length)]];
        }

        foreach (List<int> orbit in orbits.Where(orbit => orbit.Count > 1))
        {
            Add(orbit);
        }

        // Fixed points have constant maps only, and may be anywhere.
        IEnumerable<int> still = orbits.Where(orbit => orbit.Count == 1).Select(orbit => orbit[0]);
        return _pieces.Count == 1
            ? [[.. Enumerable.Range(0, labels.Length)]]
            : [.. _pieces.Select((piece, i) => piece.Points.Concat(i == 0 ? still : []).Order().ToArray())];
    }

    private void Add(List<int> orbit)
    {
        BigInteger before = _pieces.Aggregate(BigInteger.One, (product, piece) => product * piece.Order);
        BigInteger alone = OrderOn(orbit);
        BigInteger together = _pieces.Count == 0 ? alone : OrderOn([.. orbit, .. _pieces.SelectMany(piece => piece.Base)]);
        if (together == before * alone)
        {
            _pieces.Add(new Piece([.. orbit], [.. orbit], alone));
            return;
        }

        Piece[] linked = _pieces.Count == 1
            ? [.. _pieces]
            : [.. _pieces.Where(piece => OrderOn([.. orbit, .. _pieces.Where(other => other != piece).SelectMany(other => other.Base)]) * piece.Order != together)];
        BigInteger rest = _pieces.Except(linked).Aggregate(BigInteger.One, (product, piece) => product * piece.Order);
        _pieces.RemoveAll(linked.Contains);
        bool grew = together != before;
        _pieces.Add(new Piece(
            [.. linked.SelectMany(piece => piece.Points), .. orbit],
            [.. linked.SelectMany(piece => piece.Base), .. grew ? orbit : []],
            together / rest));
    }

    private BigInteger OrderOn(IReadOnlyList<int> points)
    {
        int[] sorted = [.. points.Order()];
        int[][] restricted = [.. _generators.Select(g => Permutations.Restrict(g, sorted))];
        return ChainBuilder.Build(new PermutationGroup(sorted.Length, restricted), restricted, _order).Order;
    }

    /// <summary>Points, orbits among them on which the group is faithful where it is on all of them, and its order there.</summary>
    private sealed record Piece(IReadOnlyList<int> Points, IReadOnlyList<int> Base, BigInteger Order);
}
