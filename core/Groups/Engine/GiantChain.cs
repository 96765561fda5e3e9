namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// The chain of the full symmetric or alternating group on some of the points, whose transversals need no storage:
/// transpositions, or 3-cycles.
/// </summary>
internal sealed class GiantChain : GroupChain
{
    private readonly int _degree;
    private readonly int[] _points;
    private readonly int[] _position;
    private readonly bool _alternating;

    public GiantChain(int degree, int[] points, bool alternating)
    {
        _degree = degree;
        _points = points;
        _alternating = alternating;
        _position = new int[degree];
        Array.Fill(_position, -1);
        for (int i = 0; i < points.Length; i++)
        {
            _position[points[i]] = i;
        }

        Length = Math.Max(0, points.Length - (alternating ? 2 : 1));
    }

    /// <inheritdoc/>
    public override int Length { get; }

    public IReadOnlyList<int> Points => _points;

    public bool IsAlternating => _alternating;

    /// <summary>
    /// Recognises a group that contains the alternating group of the points it moves: it is transitive there and some element
    /// has a cycle of prime length p with n/2 &lt; p &lt; n − 2 (Jordan, 1873). Returns null when no such element turns up.
    /// </summary>
    public static GiantChain? TryRecognise(Group permutations, int[][] generators)
    {
        const int SmallestDegree = 8;
        const int Tries = 80;
        int degree = permutations.Width;
        int[] moved = [.. Enumerable.Range(0, degree).Where(point => generators.Any(g => g[point] != point))];
        int n = moved.Length;
        if (n < SmallestDegree || Permutations.Commute(generators))
        {
            return null;
        }

        bool[] seen = new bool[degree];
        List<int> orbit = [moved[0]];
        seen[moved[0]] = true;
        for (int i = 0; i < orbit.Count; i++)
        {
            foreach (int[] generator in generators)
            {
                int image = generator[orbit[i]];
                if (!seen[image])
                {
                    seen[image] = true;
                    orbit.Add(image);
                }
            }
        }

        if (orbit.Count < n)
        {
            return null;
        }

        ProductReplacement random = new(permutations, generators);
        for (int i = 0; i < Tries; i++)
        {
            int length = PrimeCycle(random.Next(), n);
            if (length > 0)
            {
                return new GiantChain(degree, moved, generators.All(g => Permutations.IsEven(g)));
            }
        }

        return null;
    }

    public override int Size(int level) => level + (_alternating ? 3 : 2);

    public override void Representative(int level, int index, Span<int> code)
    {
        Permutations.WriteIdentity(code);
        if (index == 0)
        {
            return;
        }

        (int from, int to, int third) = Cycle(level, index);
        code[from] = to;
        if (_alternating)
        {
            code[to] = third;
            code[third] = from;
        }
        else
        {
            code[to] = from;
        }
    }

    public override bool TryFactor(ReadOnlySpan<int> code, Span<int> indices)
    {
        using Scratch scratch = new(2 * _degree, stackalloc int[Scratch.StackSize(2 * _degree)]);
        Span<int> rest = scratch.Span[.._degree], inverse = scratch.Span[_degree..];
        for (int i = 0; i < _degree; i++)
        {
            if (_position[i] < 0 && code[i] != i)
            {
                return false;
            }

            rest[i] = code[i];
            inverse[code[i]] = i;
        }

        for (int level = Length - 1; level >= 0; level--)
        {
            int depth = Length - 1 - level;
            int index = _position[rest[_points[depth]]] - depth;
            indices[level] = index;
            if (index == 0)
            {
                continue;
            }

            // Multiplying on the left renames the images: by the inverse of from → to (→ third).
            (int from, int to, int third) = Cycle(level, index);
            int atFrom = inverse[from], atTo = inverse[to];
            if (_alternating)
            {
                int atThird = inverse[third];
                Put(atTo, from, rest, inverse);
                Put(atThird, to, rest, inverse);
                Put(atFrom, third, rest, inverse);
            }
            else
            {
                Put(atTo, from, rest, inverse);
                Put(atFrom, to, rest, inverse);
            }
        }

        return Length == _points.Length - 1 || _points.Length < 2 || rest[_points[^1]] == _points[^1];
    }

    public override void Product(ReadOnlySpan<int> indices, Span<int> code)
    {
        // The inverse of the product is built by exchanging entries, since u · g renames the images of g.
        using Scratch scratch = new(_degree, stackalloc int[Scratch.StackSize(_degree)]);
        Span<int> inverse = scratch.Span;
        Permutations.WriteIdentity(inverse);
        for (int level = 0; level < indices.Length; level++)
        {
            if (indices[level] != 0)
            {
                Exchange(level, indices[level], inverse);
            }
        }

        Permutations.Invert(inverse, code);
    }

    public override void Random(Random random, Span<int> code)
    {
        using Scratch scratch = new(_degree, stackalloc int[Scratch.StackSize(_degree)]);
        Span<int> inverse = scratch.Span;
        Permutations.WriteIdentity(inverse);
        for (int level = 0; level < Length; level++)
        {
            int index = Uniform(random, Size(level));
            if (index != 0)
            {
                Exchange(level, index, inverse);
            }
        }

        Permutations.Invert(inverse, code);
    }

    private static void Put(int at, int value, Span<int> rest, Span<int> inverse)
    {
        rest[at] = value;
        inverse[value] = at;
    }

    private static int PrimeCycle(ReadOnlySpan<int> permutation, int n)
    {
        using Scratch scratch = new(permutation.Length, stackalloc int[Scratch.StackSize(permutation.Length)]);
        Span<int> seen = scratch.Span;
        seen.Clear();
        for (int start = 0; start < permutation.Length; start++)
        {
            int length = 0;
            for (int point = start; seen[point] == 0; point = permutation[point])
            {
                seen[point] = 1;
                length++;
            }

            if (2 * length > n)
            {
                return length < n - 2 && Primes.IsPrime(length) ? length : 0;
            }
        }

        return 0;
    }

    private void Exchange(int level, int index, Span<int> inverse)
    {
        (int from, int to, int third) = Cycle(level, index);
        if (_alternating)
        {
            // New inverse at to is the old one at from, at third the old one at to, at from the old one at third.
            (inverse[to], inverse[third], inverse[from]) = (inverse[from], inverse[to], inverse[third]);
        }
        else
        {
            (inverse[to], inverse[from]) = (inverse[from], inverse[to]);
        }
    }

    private (int From, int To, int Third) Cycle(int level, int index)
    {
        int depth = Length - 1 - level;
        int to = depth + index;
        int third = !_alternating ? 0 : to == _points.Length - 1 ? _points[^2] : _points[^1];
        return (_points[depth], _points[to], third);
    }
}
