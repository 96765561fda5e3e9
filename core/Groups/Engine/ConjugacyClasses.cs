using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Finds conjugacy classes: by formulas for symmetric and alternating groups, projective lines and whole wreath products, otherwise layer by layer above a soluble
/// normal subgroup, from class to class where there is none, and by walking through the elements of small groups.
/// </summary>
internal static class ConjugacyClasses
{
    /// <summary>The largest group whose elements are walked through.</summary>
    private const int ListedElements = 4_000_000;

    /// <summary>The largest group of permutations for which that is the quickest way.</summary>
    private const int WalkedElements = 64;

    /// <summary>The largest number of points on which centralisers are looked for.</summary>
    private const int MostPoints = 1000;

    /// <summary>The number of orbits of which it is tried whether the group is known by how it acts there.</summary>
    private const int MostOrbits = 8;

    public static BigInteger? Count(Group group)
    {
        if (group.IsAbelian)
        {
            return group.Order;
        }

        if (group.Chain is GiantChain giant)
        {
            int n = giant.Points.Count;
            return giant.IsAlternating ? EvenClasses(n) : Partitions(n);
        }

        if (group.Chain is SmallerActionChain { Smaller: Group smaller })
        {
            return smaller.ConjugacyClassCount;
        }

        if (group is PermutationGroup line && ProjectiveForm.CountClasses(line) is { } ofLine)
        {
            return ofLine;
        }

        if (group.Order <= WalkedElements || group.PointCount > MostPoints)
        {
            return group.Order <= ListedElements ? Walk(group, null) : null;
        }

        PermutationGroup permutations = group as PermutationGroup ?? group.ToPermutationGroup();
        if (group.Order > ListedElements)
        {
            if (OnFaithfulOrbit(permutations) is { } orbit)
            {
                return Count(orbit);
            }

            if (CountByStructure(permutations) is { } known)
            {
                return known;
            }
        }

        if (SolubleRadical.Find(permutations) is { } radical)
        {
            // Where the classes of a soluble group are too many for this, they are too many for the walk.
            BigInteger? lifted = Lift(radical, null);
            if (lifted is not null || (radical.Quotient is null && group.Order > ListedElements))
            {
                return lifted;
            }
        }

        return ClassWalk.Find(permutations)?.Count ?? (group.Order <= ListedElements ? Walk(group, null) : null);
    }

    /// <summary>How a group acts on one of several orbits, where that tells all, as points do from which pairs are made; null where none does.</summary>
    private static PermutationGroup? OnFaithfulOrbit(PermutationGroup group)
    {
        int[] orbits = Permutations.Orbits(group.Degree, group.GeneratorCodes);
        return Enumerable.Range(0, group.Degree).GroupBy(point => orbits[point]).Select(orbit => orbit.ToArray())
            .Where(orbit => orbit.Length > 1 && orbit.Length < group.Degree).OrderBy(orbit => orbit.Length).Take(MostOrbits)
            .Select(orbit => On(group, orbit))
            .FirstOrDefault(on => ChainBuilder.Build(on, on.GeneratorCodes, group.Order).Order == group.Order);
    }

    /// <summary>The number of classes of a group that is a whole wreath product, or a direct product on parts of its points; null for another.</summary>
    private static BigInteger? CountByStructure(PermutationGroup group)
    {
        if (WreathForm.Find(group) is (PermutationGroup inner, PermutationGroup outer))
        {
            return inner.ConjugacyClassCount is BigInteger ofInner ? CountWreath(ofInner, outer) : null;
        }

        // On parts that do not depend on each other, classes are tuples of classes.
        IReadOnlyList<int[]> parts = IndependentOrbits.Find(group.GeneratorCodes, group.Order);
        return parts.Count == 1
            ? null
            : parts.Aggregate((BigInteger?)BigInteger.One, (count, points) => count is null ? null : count * Count(On(group, points)));
    }

    private static PermutationGroup On(PermutationGroup group, int[] points) =>
        new(points.Length, [.. group.GeneratorCodes.Select(g => Permutations.Restrict(g, points))]);

    public static IReadOnlyList<ConjugacyClass> List(Group group)
    {
        if (group.Chain is SmallerActionChain smaller)
        {
            return [.. smaller.Smaller.ConjugacyClasses().Select(one => new ConjugacyClass(
                group.Wrap(smaller.Action.Expanded(one.Representative.Code)), one.Size))];
        }

        List<ConjugacyClass> classes = [];
        if (group.Order > WalkedElements && group is PermutationGroup { Chain: not GiantChain, Degree: <= MostPoints } permutations)
        {
            if (SolubleRadical.Find(permutations) is { } radical && Lift(radical, Add) is not null)
            {
                return classes;
            }

            classes.Clear();
            if (ClassWalk.Find(permutations) is { } found)
            {
                return [.. found.Select(met => new ConjugacyClass(group.Wrap(met.Element), group.Order / met.Centraliser.Order))];
            }
        }

        if (group.Order > ListedElements)
        {
            throw new EquivariantException(
                $"{group.Name} has {group.Order} elements; its conjugacy classes are too many or too hard to list. Up to {ListedElements} elements it is always possible.");
        }

        Walk(group, classes);
        return classes;

        void Add(int[] element, BigInteger commuting) => classes.Add(new ConjugacyClass(group.Wrap(element.AsSpan(0, group.Width)), group.Order / commuting));
    }

    /// <summary>Goes from the classes of the quotient by a soluble subgroup to those of the group: their number, or null where there is too much to do.</summary>
    private static BigInteger? Lift(SolubleRadical radical, Action<int[], BigInteger>? found)
    {
        ClassLift lift = new(radical.Series, radical.Quotient, found);
        if (radical.Quotient is not { } quotient)
        {
            return lift.TryLift(Permutations.Identity(radical.Degree), [], BigInteger.One) ? lift.Count : null;
        }

        return ClassWalk.Find(quotient) is { } above && above.All(met => lift.TryLift(
            radical.Lift(met.Element), [.. met.Centraliser.GeneratorCodes.Select(code => radical.Lift(code))], met.Centraliser.Order))
            ? lift.Count
            : null;
    }

    private static int Walk(Group group, List<ConjugacyClass>? classes)
    {
        int order = (int)group.Order;
        int width = group.Width;
        GroupChain chain = group.Chain;
        int[][] generators = group.GeneratorCodes;
        int[][] inverses = [.. generators.Select(g => group.Inverted(g))];
        ulong[] seen = new ulong[(order + 63) / 64];
        int[] indices = new int[chain.Length];
        int[] element = new int[width], product = new int[width];
        int[] stack = new int[1024];
        int count = 0;
        for (int start = 0; start < order; start++)
        {
            if ((seen[start >> 6] >> start & 1) != 0)
            {
                continue;
            }

            int height = 0;
            int size = 1;
            seen[start >> 6] |= 1UL << start;
            stack[height++] = start;
            while (height > 0)
            {
                chain.Unrank(stack[--height], indices);
                chain.Product(indices, element);
                for (int g = 0; g < generators.Length; g++)
                {
                    group.Multiply(element, inverses[g], product);
                    group.MultiplyLeft(generators[g], product);
                    chain.TryFactor(product, indices);
                    int rank = (int)chain.Rank(indices);
                    ref ulong word = ref seen[rank >> 6];
                    if ((word >> rank & 1) == 0)
                    {
                        word |= 1UL << rank;
                        size++;
                        if (height == stack.Length)
                        {
                            Array.Resize(ref stack, 2 * height);
                        }

                        stack[height++] = rank;
                    }
                }
            }

            count++;
            if (classes is not null)
            {
                chain.Unrank(start, indices);
                chain.Product(indices, element);
                classes.Add(new ConjugacyClass(group.Wrap(element), size));
            }
        }

        return count;
    }

    /// <summary>The number of classes of K ≀ S, where K has <paramref name="inner"/> classes, or null where S is too large and not symmetric.</summary>
    /// <remarks>
    /// A class of (k, s) is a class of s with a class of K on each cycle of s, up to what commutes with s. By Burnside's lemma that is
    /// 1/|S| times the sum over pairs of commuting s, t of inner^(orbits of s and t together). For all permutations it is the coefficient of
    /// xᵐ in Π (1 − xⁱ)^−inner.
    /// </remarks>
    public static BigInteger? CountWreath(BigInteger inner, PermutationGroup outer)
    {
        const int MostPairs = 20_000_000;
        if (outer.IsSymmetric)
        {
            return Partitions(outer.Degree, inner);
        }

        if (outer.Order > ListedElements)
        {
            return null;
        }

        IReadOnlyList<ConjugacyClass> classes = List(outer);
        if (outer.Order * classes.Count > MostPairs)
        {
            return null;
        }

        BigInteger sum = BigInteger.Zero;
        foreach (ConjugacyClass same in classes)
        {
            int[] s = same.Representative.Code.ToArray();
            foreach (GroupElement t in outer.Elements)
            {
                int[] code = t.Code.ToArray();
                if (outer.Multiplied(s, code).AsSpan().SequenceEqual(outer.Multiplied(code, s)))
                {
                    sum += same.Size * BigInteger.Pow(inner, Permutations.Orbits(outer.Degree, [s, code]).Max() + 1);
                }
            }
        }

        return sum / outer.Order;
    }

    /// <summary>The number of partitions of n whose parts come in so many colours; with one, the cycle types of permutations.</summary>
    private static BigInteger Partitions(int n, BigInteger? colours = null)
    {
        BigInteger[] ways = new BigInteger[n + 1];
        ways[0] = 1;
        for (int part = 1; part <= n; part++)
        {
            // Multiplies by (1 − x^part)^−colours: multisets of so many colours.
            BigInteger[] next = new BigInteger[n + 1];
            BigInteger multisets = 1;
            for (int times = 0; times * part <= n; times++)
            {
                for (int sum = times * part; sum <= n; sum++)
                {
                    next[sum] += multisets * ways[sum - times * part];
                }

                multisets = multisets * ((colours ?? 1) + times) / (times + 1);
            }

            ways = next;
        }

        return ways[n];
    }

    /// <summary>Cycle types of even permutations, those with distinct odd cycles counted twice since they split.</summary>
    private static BigInteger EvenClasses(int n)
    {
        BigInteger[] signed = new BigInteger[n + 1];
        BigInteger[] distinctOdd = new BigInteger[n + 1];
        signed[0] = distinctOdd[0] = 1;
        for (int part = 1; part <= n; part++)
        {
            for (int sum = part; sum <= n; sum++)
            {
                signed[sum] += part % 2 == 0 ? -signed[sum - part] : signed[sum - part];
            }

            for (int sum = n; sum >= part && part % 2 == 1; sum--)
            {
                distinctOdd[sum] += distinctOdd[sum - part];
            }
        }

        return (Partitions(n) + signed[n]) / 2 + distinctOdd[n];
    }
}
