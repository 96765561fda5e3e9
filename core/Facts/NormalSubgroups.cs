using System.Numerics;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <summary>
/// Normal subgroups of a group, up to a largest index: all of them where that can be known, otherwise those that come with the structure of the group.
/// </summary>
/// <remarks>
/// They are found from above. If K is normal and L is next above it, then L/K is elementary abelian, so that K contains [L, L]Lᵖ and is what
/// some functionals on L/[L, L]Lᵖ vanish on that the group permutes (Firth, 2005, without his list of simple groups), or it is a product of
/// simple groups of order 60 or more. Those are found, where they can matter, as what the normal closures of single elements generate.
/// </remarks>
public sealed class NormalSubgroups
{
    private const int ListedElements = 200_000;
    private const int MostSubgroups = 1500;

    /// <summary>The order of the smallest simple group that is not commutative.</summary>
    private const int SmallestSimple = 60;

    private NormalSubgroups(IReadOnlyList<Subgroup> subgroups, bool isComplete)
    {
        Subgroups = subgroups;
        IsComplete = isComplete;
    }

    /// <summary>Gets the subgroups, the largest first; the whole group is among them, and the trivial subgroup if its index is small enough.</summary>
    public IReadOnlyList<Subgroup> Subgroups { get; }

    /// <summary>Gets whether these are all normal subgroups up to the largest index.</summary>
    public bool IsComplete { get; }

    /// <summary>Finds normal subgroups.</summary>
    /// <param name="group">The group.</param>
    /// <param name="largestIndex">The largest index that is of interest; null for any.</param>
    public static NormalSubgroups Of(Group group, BigInteger? largestIndex = null) =>
        new Search(group, BigInteger.Min(largestIndex ?? group.Order, group.Order)).Run();

    private sealed class Search(Group group, BigInteger largest)
    {
        private readonly List<Subgroup> _found = [];
        private bool _complete = true;

        public NormalSubgroups Run()
        {
            Add(group.WholeSubgroup);
            for (int i = 0; i < _found.Count; i++)
            {
                // By increasing index, so that joins are met before what they join.
                Subgroup next = _found.Skip(i).MaxBy(subgroup => subgroup.Order)!;
                _found.Remove(next);
                _found.Insert(i, next);
                Descend(next);
            }

            if (largest >= SmallestSimple && Residual() is { Order.IsOne: false } residual && !IsLargeAlternating(residual))
            {
                AddClosures();
            }

            if (group.Order <= largest)
            {
                Add(group.TrivialSubgroup);
            }

            if (!_complete)
            {
                AddFromStructure();
            }

            return new NormalSubgroups([.. _found.OrderByDescending(subgroup => subgroup.Order)], _complete);
        }

        private void Add(Subgroup subgroup)
        {
            if (group.Order / subgroup.Order > largest || _found.Any(known => known.HasSameElements(subgroup)))
            {
                return;
            }

            if (_found.Count < MostSubgroups)
            {
                _found.Add(subgroup);
            }
            else
            {
                _complete = false;
            }
        }

        /// <summary>Adds the subgroups K of L for which L/K is elementary abelian.</summary>
        private void Descend(Subgroup above)
        {
            BigInteger room = largest * above.Order / group.Order;
            int[] primes = [.. above.OrderPrimes.Where(p => p <= room)];
            if (primes.Length == 0 || above.GeneratorCodes.Length == 0)
            {
                return;
            }

            int[][] commutators = above.DerivedSubgroup().GeneratorCodes;
            foreach (int p in primes)
            {
                int[][] powers = [.. above.GeneratorCodes.Select(g =>
                {
                    int[] power = new int[group.Width];
                    group.Ambient.Power(g, p, power);
                    return power;
                })];
                Subgroup below = group.NormalClosure([.. commutators.Concat(powers).Select(g => group.Wrap(g))]);
                if (below.Order != above.Order)
                {
                    ElementaryQuotient quotient = new(group, above, below, p);
                    foreach (int[][] kernel in quotient.Kernels(room))
                    {
                        Add(new Subgroup(group, [.. below.GeneratorCodes, .. kernel]));
                    }

                    _complete &= quotient.IsComplete;
                }
            }
        }

        /// <summary>Where the derived series ends: the trivial subgroup for a soluble group.</summary>
        private Subgroup Residual()
        {
            Subgroup derived = group.DerivedSubgroup();
            while (true)
            {
                Subgroup next = derived.DerivedSubgroup();
                if (next.Order == derived.Order)
                {
                    return derived;
                }

                derived = next.Within(group);
            }
        }

        /// <summary>A simple residual that no subgroup of small enough index avoids: what is above it has been found.</summary>
        private bool IsLargeAlternating(Subgroup residual) => residual.IsGiant && residual.Order > largest;

        /// <summary>Every normal subgroup is generated by normal closures of single elements.</summary>
        private void AddClosures()
        {
            if (group.Order > ListedElements)
            {
                _complete = false;
                return;
            }

            List<Subgroup> all = [];
            foreach (ConjugacyClass elements in group.ConjugacyClasses().Skip(1))
            {
                AddNew(group.NormalClosure(elements.Representative));
            }

            int closures = all.Count;
            for (int i = 0; i < all.Count && all.Count <= MostSubgroups; i++)
            {
                for (int j = 0; j < closures && all.Count <= MostSubgroups; j++)
                {
                    if (!all[i].Includes(all[j]) && !all[j].Includes(all[i]))
                    {
                        AddNew(group.Join(all[i], all[j]));
                    }
                }
            }

            _complete &= all.Count <= MostSubgroups;
            all.ForEach(Add);

            void AddNew(Subgroup subgroup)
            {
                if (!all.Any(known => known.HasSameElements(subgroup)))
                {
                    all.Add(subgroup);
                }
            }
        }

        private void AddFromStructure()
        {
            foreach (Subgroup kernel in group.DefaultKernels())
            {
                Add(kernel);
            }

            Add(group.Centre());
            foreach (GroupElement generator in group.Generators)
            {
                Add(group.NormalClosure(generator));
            }
        }
    }

    /// <summary>L/[L, L]Lᵖ as a space over the integers mod p on which the group acts by conjugation.</summary>
    private sealed class ElementaryQuotient
    {
        private const int MostFunctionals = 1 << 13;
        private readonly Group _group;
        private readonly int _p;
        private readonly List<int[]> _basis = [];
        private readonly List<Subgroup> _flag = [];

        /// <summary>For each generator of the group, row i has the coordinates of the conjugate of basis element i.</summary>
        private readonly int[][][] _matrices;

        public ElementaryQuotient(Group group, Subgroup above, Subgroup below, int p)
        {
            _group = group;
            _p = p;
            _flag.Add(below);
            foreach (int[] g in above.GeneratorCodes)
            {
                if (!_flag[^1].Holds(g))
                {
                    _basis.Add(g);
                    _flag.Add(new Subgroup(group, [.. _flag[^1].GeneratorCodes, g]));
                }
            }

            _matrices = [.. group.GeneratorCodes.Select(g => _basis.Select(b => Coordinates(
                group.Multiplied(group.Multiplied(g, b), group.Inverted(g)))).ToArray())];
        }

        public bool IsComplete { get; private set; } = true;

        /// <summary>For each space of functionals of at most so many elements that one of them spans with its images, elements on which it vanishes.</summary>
        public IEnumerable<int[][]> Kernels(BigInteger largest)
        {
            int most = 0;
            for (BigInteger size = _p; size <= largest && most < _basis.Count; size *= _p)
            {
                most++;
            }

            HashSet<int[]> seen = new(Group.CodeEquality);
            foreach (int[] functional in Functionals())
            {
                if (Spanned(functional, most) is List<int[]> space && seen.Add([.. space.SelectMany(row => row)]))
                {
                    yield return Vanishing(space);
                }
            }
        }

        /// <summary>All functionals up to multiples, or some where they are too many.</summary>
        private IEnumerable<int[]> Functionals()
        {
            int m = _basis.Count;
            BigInteger count = BigInteger.Pow(_p, m);
            if (count > MostFunctionals)
            {
                IsComplete = false;
                for (int i = 0; i < m; i++)
                {
                    int[] functional = new int[m];
                    functional[i] = 1;
                    yield return functional;
                }

                yield break;
            }

            for (int number = 1; number < count; number++)
            {
                int[] functional = new int[m];
                int rest = number;
                int first = 0;
                for (int i = 0; i < m; i++)
                {
                    (rest, functional[i]) = Math.DivRem(rest, _p);
                    first = first == 0 ? functional[i] : first;
                }

                if (first == 1)
                {
                    yield return functional;
                }
            }
        }

        /// <summary>What a functional spans with its images, in reduced echelon form; null beyond a dimension.</summary>
        private List<int[]>? Spanned(int[] functional, int most)
        {
            List<int[]> rows = [];
            Queue<int[]> open = new([functional]);
            while (open.TryDequeue(out int[]? next))
            {
                if (!Echelon.TryAdd(rows, next, _p))
                {
                    continue;
                }

                if (rows.Count > most)
                {
                    return null;
                }

                foreach (int[][] matrix in _matrices)
                {
                    open.Enqueue([.. matrix.Select(row => Dot(row, next))]);
                }
            }

            return rows;
        }

        private int[][] Vanishing(List<int[]> functionals)
        {
            int m = _basis.Count;
            int[] pivots = [.. functionals.Select(row => Array.FindIndex(row, entry => entry != 0))];
            return [.. Enumerable.Range(0, m).Except(pivots).Select(free =>
            {
                // The basis vector of a free place, with what makes each functional vanish at the pivots.
                int[] element = (int[])_basis[free].Clone();
                for (int r = 0; r < pivots.Length; r++)
                {
                    int times = (_p - functionals[r][free]) % _p;
                    int[] power = new int[_group.Width];
                    _group.Ambient.Power(_basis[pivots[r]], times, power);
                    element = _group.Multiplied(element, power);
                }

                return element;
            })];
        }

        private int Dot(int[] row, int[] functional)
        {
            long sum = 0;
            for (int i = 0; i < row.Length; i++)
            {
                sum = (sum + (long)row[i] * functional[i]) % _p;
            }

            return (int)sum;
        }

        private int[] Coordinates(int[] element)
        {
            int[] coordinates = new int[_basis.Count];
            int[] rest = element;
            for (int i = coordinates.Length - 1; i >= 0; i--)
            {
                int[] inverse = _group.Inverted(_basis[i]);
                while (!_flag[i].Holds(rest))
                {
                    rest = _group.Multiplied(rest, inverse);
                    coordinates[i]++;
                }
            }

            return coordinates;
        }
    }

    /// <summary>Rows in reduced echelon form over the integers mod p.</summary>
    private static class Echelon
    {
        /// <summary>Adds a row unless the others span it.</summary>
        public static bool TryAdd(List<int[]> rows, int[] row, int p)
        {
            int[] rest = (int[])row.Clone();
            foreach (int[] known in rows)
            {
                Subtract(rest, known, rest[Pivot(known)], p);
            }

            int pivot = Pivot(rest);
            if (pivot < 0)
            {
                return false;
            }

            long inverse = (long)BigInteger.ModPow(rest[pivot], p - 2, p);
            inverse = p == 2 ? 1 : inverse;
            for (int i = 0; i < rest.Length; i++)
            {
                rest[i] = (int)(rest[i] * inverse % p);
            }

            foreach (int[] known in rows)
            {
                Subtract(known, rest, known[pivot], p);
            }

            rows.Add(rest);
            rows.Sort((x, y) => Pivot(x).CompareTo(Pivot(y)));
            return true;
        }

        private static int Pivot(int[] row) => Array.FindIndex(row, entry => entry != 0);

        private static void Subtract(int[] row, int[] other, int times, int p)
        {
            for (int i = 0; i < row.Length && times != 0; i++)
            {
                row[i] = (int)((row[i] + (long)(p - times) * other[i]) % p);
            }
        }
    }
}
