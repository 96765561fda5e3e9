namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// A soluble normal subgroup R of a group of permutations, and subgroups 1 = N₀ &lt; N₁ &lt; … &lt; R of it, each normal in the whole group and each
/// elementary abelian above the one before (Sims, 1990).
/// </summary>
/// <remarks>
/// <para>Nothing is drawn and nothing needs a proof. An element that normalises what there is, and has prime order p modulo it, makes exactly one
/// basic orbit p times as long; so one stabiliser chain grows step by step from the bottom, and the chain of each Nᵢ is its beginning.</para>
/// <para>A point of a basic orbit keeps the layer in which it was reached, and what its representative is in Nᵢ/Nᵢ₋₁ as a vector mod p: the vector
/// of an element of Nᵢ is the sum of those that it meets when it is sifted.</para>
/// <para>On many points representatives are not kept, only the steps of which they are products, and there are no vectors.</para>
/// </remarks>
internal sealed class SolubleSeries
{
    /// <summary>The largest number of points for which representatives are kept.</summary>
    private const int MostKept = 2048;

    /// <summary>Integers that may be kept otherwise.</summary>
    private const long MemoryLimit = 1L << 28;
    private readonly int _degree;
    private readonly int[][] _generators;
    private readonly int[][] _inverses;
    private readonly List<Level> _levels = [];
    private readonly List<Layer> _layers = [];

    /// <summary>No soluble group of permutations of so many points has a longer derived series (Dixon, 1968).</summary>
    private readonly int _longest;
    private ProductReplacement? _random;
    private long _stored;
    private bool _isTooLarge;

    /// <summary>Begins with the trivial subgroup.</summary>
    /// <param name="degree">The number of points.</param>
    /// <param name="generators">Permutations that generate the whole group.</param>
    public SolubleSeries(int degree, int[][] generators)
    {
        _degree = degree;
        _generators = [.. generators.Where(g => !IsIdentity(g))];
        _inverses = [.. _generators.Select(Permutations.Inverse)];
        _longest = (int)(2.5 * Math.Log(Math.Max(3, degree), 3)) + 1;
    }

    /// <summary>The layers, the lowest first.</summary>
    public IReadOnlyList<Layer> Layers => _layers;

    /// <summary>The order of R.</summary>
    public System.Numerics.BigInteger Order =>
        _layers.Aggregate(System.Numerics.BigInteger.One, (order, layer) => order * System.Numerics.BigInteger.Pow(layer.Prime, layer.Basis.Count));

    /// <summary>The series of a soluble group, whose last subgroup is the group itself; null for another group, or one that takes too much room.</summary>
    public static SolubleSeries? Of(int degree, int[][] generators)
    {
        SolubleSeries series = new(degree, generators);
        return series._generators.All(series.TryAbsorb) ? series : null;
    }

    /// <summary>Whether an element is in R.</summary>
    public bool Contains(ReadOnlySpan<int> element) => IsBelow(element, _layers.Count);

    /// <summary>A power of an element outside R that has prime order modulo R.</summary>
    public int[] PrimePower(int[] element)
    {
        int[] power = element;
        foreach (int factor in Conjugators.CycleLengths(element).Distinct().SelectMany(Primes.Factors).Order())
        {
            int[] next = Permutations.Power(power, factor);
            if (!Contains(next))
            {
                power = next;
            }
        }

        return power;
    }

    /// <summary>Makes R larger until it contains an element of the group, or returns false where the element's normal closure is not soluble or takes too much room.</summary>
    public bool TryAbsorb(int[] element)
    {
        if (_degree <= MostKept && !Contains(element) && IsClearlyInsoluble(element))
        {
            return false;
        }

        while (!Contains(element))
        {
            int[] next = element;
            for (int depth = 0; !TryAddLayer(PrimePower(next), out next); depth++)
            {
                if (depth > _longest || _isTooLarge)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Writes the vector of an element of N<sub>layer+1</sub> modulo N<sub>layer</sub>.</summary>
    /// <param name="layer">The number of the layer, from 0.</param>
    /// <param name="images">The images of the base points; overwritten.</param>
    /// <param name="vector">As many integers as the layer has dimensions, to fill.</param>
    public void WriteVector(int layer, Span<int> images, Span<int> vector)
    {
        vector.Clear();
        int prime = _layers[layer].Prime;
        int count = _layers[layer].Levels;
        for (int i = 0; i < count; i++)
        {
            Level level = _levels[i];
            int point = images[i];
            if (point == level.Base)
            {
                continue;
            }

            int index = level.Index[point];
            if (level.Layers[index] == layer)
            {
                Add(vector, level.Vectors[index], prime);
            }

            int[] inverse = level.Inverses[index];
            for (int j = i + 1; j < count; j++)
            {
                images[j] = inverse[images[j]];
            }
        }
    }

    /// <summary>Writes the vector of c x c⁻¹, for x in N<sub>layer+1</sub>.</summary>
    public void WriteConjugate(int layer, int[] c, int[] inverse, int[] x, Span<int> vector)
    {
        int count = _layers[layer].Levels;
        using Scratch scratch = new(count, stackalloc int[Scratch.StackSize(count)]);
        for (int i = 0; i < count; i++)
        {
            scratch.Span[i] = c[x[inverse[_levels[i].Base]]];
        }

        WriteVector(layer, scratch.Span, vector);
    }

    /// <summary>The base point of a level.</summary>
    public int BaseAt(int level) => _levels[level].Base;

    /// <summary>
    /// Whether some commutators of conjugates of an element, commutators of conjugates of those, and so on, do not come down to R soon enough.
    /// </summary>
    private bool IsClearlyInsoluble(int[] element)
    {
        const int Tries = 2;
        _random ??= new ProductReplacement(new PermutationGroup(_degree, _generators), _generators);
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            int[] next = element;
            for (int depth = 0; !Contains(next); depth++)
            {
                if (depth > _longest)
                {
                    return true;
                }

                int[] by = _random.Next().ToArray();
                int[] conjugate = Permutations.Product(Permutations.Product(by, next), Permutations.Inverse(by));
                next = Permutations.Product(Permutations.Product(next, conjugate), Permutations.Product(Permutations.Inverse(next), Permutations.Inverse(conjugate)));
            }
        }

        return false;
    }

    private static void Add(Span<int> vector, int[] term, int prime)
    {
        for (int i = 0; i < term.Length; i++)
        {
            int sum = vector[i] + term[i];
            vector[i] = sum >= prime ? sum - prime : sum;
        }
    }

    private static bool IsIdentity(ReadOnlySpan<int> permutation)
    {
        for (int i = 0; i < permutation.Length; i++)
        {
            if (permutation[i] != i)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether an element is in the subgroup with so many layers.</summary>
    private bool IsBelow(ReadOnlySpan<int> element, int layers)
    {
        using Scratch scratch = new(_degree, stackalloc int[Scratch.StackSize(_degree)]);
        Span<int> rest = scratch.Span;
        element.CopyTo(rest);
        foreach (Level level in _levels)
        {
            int point = rest[level.Base];
            if (point == level.Base)
            {
                continue;
            }

            int index = level.Index[point];
            if (index < 0 || level.Layers[index] >= layers)
            {
                return false;
            }

            level.Strip(index, rest);
        }

        return IsIdentity(rest);
    }

    /// <summary>Adds as a layer the normal closure of an element of prime order modulo R, unless it is not commutative modulo R.</summary>
    /// <param name="element">The element.</param>
    /// <param name="commutator">A commutator outside R of two of its conjugates, where the result is false; otherwise the element.</param>
    private bool TryAddLayer(int[] element, out int[] commutator)
    {
        int[] counts = [.. _levels.Select(level => level.Orbit.Count)];
        int prime = PrimeOf(element);
        List<int[]> basis = [];
        int layers = _layers.Count;
        Extend(element, prime, basis);
        for (int i = 0; i < basis.Count; i++)
        {
            for (int g = 0; g < _generators.Length; g++)
            {
                int[] conjugate = Permutations.Product(Permutations.Product(_generators[g], basis[i]), _inverses[g]);
                if (IsBelow(conjugate, layers + 1))
                {
                    continue;
                }

                int[] inverse = Permutations.Inverse(conjugate);
                foreach (int[] other in basis)
                {
                    int[] commuted = Permutations.Product(Permutations.Product(conjugate, other), Permutations.Product(inverse, Permutations.Inverse(other)));
                    if (!IsBelow(commuted, layers))
                    {
                        Shrink(counts);
                        commutator = commuted;
                        return false;
                    }
                }

                _isTooLarge = _degree > MostKept && (_stored += 4L * _degree) > MemoryLimit;
                if (_isTooLarge)
                {
                    Shrink(counts);
                    commutator = conjugate;
                    return false;
                }

                Extend(conjugate, prime, basis);
            }
        }

        _layers.Add(new Layer(prime, [.. basis.Select(b => new Step(b, prime))], _levels.Count));
        commutator = element;
        return true;
    }

    /// <summary>The prime p for which the p-th power of an element, and not the element, is in R.</summary>
    private int PrimeOf(int[] element) =>
        Conjugators.CycleLengths(element).Distinct().SelectMany(Primes.Factors).Distinct().First(p => Contains(Permutations.Power(element, p)));

    /// <summary>Adds one more dimension to the layer that is being made.</summary>
    private void Extend(int[] element, int prime, List<int[]> basis)
    {
        int layer = _layers.Count;
        int[] rest = (int[])element.Clone();
        int[] vector = new int[basis.Count + 1];
        vector[^1] = 1;
        basis.Add(element);
        int depth = 0;
        for (; depth < _levels.Count; depth++)
        {
            Level passed = _levels[depth];
            int index = passed.Index[rest[passed.Base]];
            if (index < 0)
            {
                break;
            }

            if (passed.Layers[index] == layer && passed.IsKept)
            {
                int[] vectors = passed.Vectors[index];
                for (int i = 0; i < vectors.Length; i++)
                {
                    vector[i] = (vector[i] + prime - vectors[i]) % prime;
                }
            }

            passed.Strip(index, rest);
        }

        if (depth == _levels.Count)
        {
            int point = 0;
            while (rest[point] == point)
            {
                point++;
            }

            _levels.Add(new Level(point, _degree, _degree <= MostKept));
        }

        _levels[depth].Grow(rest, prime, layer, vector);
    }

    private void Shrink(int[] counts)
    {
        _levels.RemoveRange(counts.Length, _levels.Count - counts.Length);
        for (int i = 0; i < counts.Length; i++)
        {
            _levels[i].Shrink(counts[i]);
        }
    }

    /// <summary>An elementary abelian factor Nᵢ/Nᵢ₋₁.</summary>
    /// <param name="Prime">The order of its elements.</param>
    /// <param name="Basis">Elements of Nᵢ that are a basis of it, as vectors mod p.</param>
    /// <param name="Levels">The number of levels of the chain of Nᵢ.</param>
    public sealed record Layer(int Prime, IReadOnlyList<Step> Basis, int Levels);

    /// <summary>A step of a polycyclic sequence: an element that normalises what the steps before it generate, and has a prime order modulo that.</summary>
    public sealed record Step(int[] Element, int Prime)
    {
        public int[] Inverse { get; } = Permutations.Inverse(Element);
    }

    private sealed class Level
    {
        /// <summary>The steps that made the orbit longer, and how long it was before.</summary>
        private readonly List<(Step Step, int Before)> _grown = [];

        public Level(int point, int degree, bool isKept)
        {
            (Base, IsKept) = (point, isKept);
            Index = new int[degree];
            Array.Fill(Index, -1);
            Add(point, -1);
            if (isKept)
            {
                int[] identity = Permutations.Identity(degree);
                Representatives.Add(identity);
                Inverses.Add(identity);
                Vectors.Add([]);
            }
        }

        public int Base { get; }

        /// <summary>Whether representatives, their inverses and their vectors are kept.</summary>
        public bool IsKept { get; }

        /// <summary>The place of each point in the orbit, or −1.</summary>
        public int[] Index { get; }

        public List<int> Orbit { get; } = [];

        /// <summary>The layer in which each point of the orbit was reached.</summary>
        public List<int> Layers { get; } = [];

        public List<int[]> Inverses { get; } = [];

        public List<int[]> Vectors { get; } = [];

        private List<int[]> Representatives { get; } = [];

        /// <summary>Makes the orbit longer by a step: the images of what there is under its powers come one after another.</summary>
        public void Grow(int[] element, int prime, int layer, int[] vector)
        {
            int count = Orbit.Count;
            _grown.Add((new Step(element, prime), count));
            for (int i = 0; i < count * (prime - 1); i++)
            {
                Add(element[Orbit[i]], layer);
                if (IsKept)
                {
                    int[] representative = Permutations.Product(element, Representatives[i]);
                    Representatives.Add(representative);
                    Inverses.Add(Permutations.Inverse(representative));
                    int[] sum = (int[])vector.Clone();
                    if (Layers[i] == layer)
                    {
                        SolubleSeries.Add(sum, Vectors[i], prime);
                    }

                    Vectors.Add(sum);
                }
            }
        }

        /// <summary>Multiplies on the left by the inverse of a representative.</summary>
        public void Strip(int index, Span<int> rest)
        {
            if (IsKept)
            {
                Move(Inverses[index], rest);
                return;
            }

            for (int i = _grown.Count - 1; i >= 0; i--)
            {
                (int times, index) = Math.DivRem(index, _grown[i].Before);
                if (times > 0)
                {
                    Move(times == 1 ? _grown[i].Step.Inverse : Permutations.Power(_grown[i].Step.Inverse, times), rest);
                }
            }
        }

        public void Shrink(int count)
        {
            for (int i = count; i < Orbit.Count; i++)
            {
                Index[Orbit[i]] = -1;
            }

            _grown.RemoveAll(step => step.Before >= count);
            int more = Orbit.Count - count;
            Orbit.RemoveRange(count, more);
            Layers.RemoveRange(count, more);
            if (IsKept)
            {
                Representatives.RemoveRange(count, more);
                Inverses.RemoveRange(count, more);
                Vectors.RemoveRange(count, more);
            }
        }

        private static void Move(int[] by, Span<int> rest)
        {
            for (int i = 0; i < rest.Length; i++)
            {
                rest[i] = by[rest[i]];
            }
        }

        private void Add(int point, int layer)
        {
            if (Index[point] >= 0)
            {
                throw new InvalidOperationException("A basic orbit does not grow by a prime: the element does not normalise what there is.");
            }

            Index[point] = Orbit.Count;
            Orbit.Add(point);
            Layers.Add(layer);
        }
    }
}
