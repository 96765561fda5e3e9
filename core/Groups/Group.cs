using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// A finite group: a value that knows its generators and how to multiply, and never lists its elements unless asked.
/// </summary>
/// <remarks>
/// <para>Elements are <em>packed</em>: each group writes an element in its natural form into <see cref="Width"/> integers
/// (one for an integer mod n, n for a permutation of n points, both parts for a pair), so that long loops
/// of products allocate nothing.</para>
/// <para>Everything acts from the left: <c>g * h</c> acts as g after h.</para>
/// </remarks>
public abstract partial class Group : IEquatable<Group>
{
    /// <summary>Held while something is built on first use, so that threads that share a group build it once and see it whole.</summary>
    private object? _gate;
    private GroupElement[]? _generators;
    private GroupChain? _chain;

    /// <summary>Gets the name that a mathematician would write, such as <c>S3 × (C4 ⋊ C2)</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Gets the number of integers in an element's packed form.</summary>
    public abstract int Width { get; }

    /// <summary>Gets the number of elements, exactly.</summary>
    public virtual BigInteger Order => Chain.Order;

    /// <summary>Gets the group whose arithmetic the elements use: the group itself, or what a subgroup was taken from.</summary>
    public virtual Group Ambient => this;

    /// <summary>Gets the generators; every element is a product of them and their inverses. The trivial group has none.</summary>
    public IReadOnlyList<GroupElement> Generators =>
        Once(ref _generators, () => [.. GeneratorCodes.Select(code => new GroupElement(Ambient, code))]);

    /// <summary>Gets the identity element.</summary>
    public GroupElement Identity
    {
        get
        {
            int[] code = new int[Width];
            WriteIdentity(code);
            return new GroupElement(Ambient, code);
        }
    }

    /// <summary>
    /// Gets the number of points of the faithful action with which the engine does its stabiliser chains.
    /// Few users need it; see <see cref="Image"/>.
    /// </summary>
    public abstract int PointCount { get; }

    /// <summary>
    /// Gets the factorisation U₁, …, U_k of the group: every element is a product u_k · … · u₁, with each uᵢ in Uᵢ, in exactly one way.
    /// Averages over the group factor accordingly, in Σ|Uᵢ| steps instead of Π|Uᵢ|.
    /// </summary>
    public IReadOnlyList<Transversal> Transversals
    {
        get
        {
            GroupChain chain = Chain;
            return [.. Enumerable.Range(0, chain.Length).Select(level => new Transversal(Ambient, chain, level))];
        }
    }

    /// <summary>Gets whether all elements commute.</summary>
    public virtual bool IsAbelian
    {
        get
        {
            Span<int> left = new int[Width], right = new int[Width];
            int[][] codes = GeneratorCodes;
            for (int i = 0; i < codes.Length; i++)
            {
                for (int j = i + 1; j < codes.Length; j++)
                {
                    Multiply(codes[i], codes[j], left);
                    Multiply(codes[j], codes[i], right);
                    if (!left.SequenceEqual(right))
                    {
                        return false;
                    }
                }
            }

            return true;
        }
    }

    /// <summary>Gets the elements one at a time, the identity first, always in the same order.</summary>
    public IEnumerable<GroupElement> Elements
    {
        get
        {
            GroupChain chain = Chain;
            int[] indices = new int[chain.Length];
            while (true)
            {
                int[] code = new int[Width];
                chain.Product(indices, code);
                yield return new GroupElement(Ambient, code);
                int level = 0;
                while (level < indices.Length && ++indices[level] == chain.Size(level))
                {
                    indices[level++] = 0;
                }

                if (level == indices.Length)
                {
                    yield break;
                }
            }
        }
    }

    /// <summary>Gets the packed generators.</summary>
    internal abstract int[][] GeneratorCodes { get; }

    /// <summary>Gets the factorisation machinery; built on first use and then kept.</summary>
    internal GroupChain Chain => Once(ref _chain, BuildChain);

    /// <summary>Gets whether <see cref="Image"/> does group arithmetic rather than look something up.</summary>
    internal virtual bool HasCostlyImages => false;

    /// <summary>Gets how tightly the name binds: 0 for a name that needs no parentheses inside another.</summary>
    internal virtual int NamePrecedence => 0;

    /// <summary>Tells whether two groups have the same elements in the same form with the same generators.</summary>
    public static bool operator ==(Group? left, Group? right) => left is null ? right is null : left.Equals(right);

    /// <summary>Tells whether two groups differ.</summary>
    public static bool operator !=(Group? left, Group? right) => !(left == right);

    /// <summary>Writes <paramref name="left"/> · <paramref name="right"/> into <paramref name="product"/>, which must not overlap them.</summary>
    /// <param name="left">A packed element.</param>
    /// <param name="right">A packed element.</param>
    /// <param name="product"><see cref="Width"/> integers to fill.</param>
    public abstract void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product);

    /// <summary>Replaces <paramref name="element"/> by <paramref name="left"/> · <paramref name="element"/>.</summary>
    public virtual void MultiplyLeft(ReadOnlySpan<int> left, Span<int> element)
    {
        using Scratch scratch = new(Width, stackalloc int[Scratch.StackSize(Width)]);
        element.CopyTo(scratch.Span);
        Multiply(left, scratch.Span, element);
    }

    /// <summary>Writes the inverse of <paramref name="element"/> into <paramref name="inverse"/>, which must not overlap it.</summary>
    public abstract void Invert(ReadOnlySpan<int> element, Span<int> inverse);

    /// <summary>Writes the identity into <paramref name="code"/>.</summary>
    public abstract void WriteIdentity(Span<int> code);

    /// <summary>Tells whether a packed element is the identity.</summary>
    public abstract bool IsIdentity(ReadOnlySpan<int> code);

    /// <summary>
    /// Tells where a packed element takes point <paramref name="point"/> (0 … <see cref="PointCount"/> − 1) under a fixed faithful action.
    /// </summary>
    public abstract int Image(ReadOnlySpan<int> code, int point);

    /// <summary>Tells whether these integers are the packed form of an element.</summary>
    public abstract bool Contains(ReadOnlySpan<int> code);

    /// <summary>Tells whether an element belongs to this group. Elements of other arithmetic never do.</summary>
    public bool Contains(GroupElement element) =>
        SameGroup(element.Group, Ambient) && Holds(element.Code);

    /// <summary>Writes a packed element as a person would.</summary>
    public abstract string Format(ReadOnlySpan<int> code);

    /// <summary>Makes an element from its packed form, checked.</summary>
    /// <param name="code"><see cref="Width"/> integers.</param>
    /// <exception cref="EquivariantException">The integers are not an element; the message says why.</exception>
    public GroupElement Element(params int[] code) => Element(code.AsSpan());

    /// <inheritdoc cref="Element(int[])"/>
    public GroupElement Element(ReadOnlySpan<int> code)
    {
        if (code.Length != Width)
        {
            throw new EquivariantException(
                $"An element of {Name} is written with {Width} integer{(Width == 1 ? "" : "s")}; {code.Length} were given.");
        }

        if (!Contains(code))
        {
            throw new EquivariantException(ExplainNonMember(code));
        }

        return new GroupElement(Ambient, code.ToArray());
    }

    /// <summary>
    /// Writes the element as indices into <see cref="Transversals"/>: it is the product
    /// <c>Transversals[k-1][i[k-1]] * … * Transversals[0][i[0]]</c>.
    /// </summary>
    /// <exception cref="EquivariantException">The element is not in this group.</exception>
    public int[] Factorise(GroupElement element)
    {
        GroupChain chain = Chain;
        int[] indices = new int[chain.Length];
        if (!SameGroup(element.Group, Ambient) || !chain.TryFactor(element.Code, indices))
        {
            throw new EquivariantException($"{element} is not an element of {Name}.");
        }

        return indices;
    }

    /// <summary>Writes a packed element as indices into <see cref="Transversals"/>, or returns false when it is not in the group.</summary>
    /// <param name="code">A packed element of <see cref="Ambient"/>.</param>
    /// <param name="indices">As many integers as there are transversals.</param>
    public bool TryFactorise(ReadOnlySpan<int> code, Span<int> indices) => Chain.TryFactor(code, indices);

    /// <summary>Writes into <paramref name="code"/> the product of transversal elements with these indices.</summary>
    public void Product(ReadOnlySpan<int> indices, Span<int> code) => Chain.Product(indices, code);

    /// <summary>Draws an element, each with exactly the same probability.</summary>
    public GroupElement Random(Random random)
    {
        int[] code = new int[Width];
        Random(random, code);
        return new GroupElement(Ambient, code);
    }

    /// <summary>Draws a packed element, each with exactly the same probability, without allocating.</summary>
    /// <param name="random">The generator that decides everything.</param>
    /// <param name="code"><see cref="Width"/> integers to fill.</param>
    public virtual void Random(Random random, Span<int> code) => Chain.Random(random, code);

    /// <summary>Says the group's name and order.</summary>
    public override string ToString() => $"{Name}, order {Order}";

    /// <summary>Tells whether the other group has the same elements in the same form with the same generators.</summary>
    public bool Equals(Group? other) => other is not null && (ReferenceEquals(this, other) || SameAs(other));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Group other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Width, PointCount);

    internal static bool SameGroup(Group left, Group right) => ReferenceEquals(left, right) || left.Equals(right);

    internal static int HashOf(ReadOnlySpan<int> code)
    {
        uint hash = 2166136261;
        foreach (int value in code)
        {
            hash = (hash ^ (uint)value) * 16777619;
            hash ^= hash >> 15;
        }

        return (int)hash;
    }

    internal abstract GroupChain BuildChain();

    /// <summary>What is in a place, or else what is made there: once, however many threads ask at the same time.</summary>
    internal T Once<T>([System.Diagnostics.CodeAnalysis.NotNull] ref T? place, Func<T> make)
        where T : class => LazyInitializer.EnsureInitialized(ref place, ref _gate, make);

    /// <summary>Tells whether another group object, not the same reference, is the same group.</summary>
    internal abstract bool SameAs(Group other);

    /// <summary>
    /// Checks that the generators' images satisfy everything the generators satisfy, and prepares to evaluate the homomorphism anywhere.
    /// </summary>
    /// <param name="target">Where the images live.</param>
    /// <param name="images">One packed element of <paramref name="target"/> for each generator.</param>
    /// <param name="broken">What fails, when the result is null.</param>
    internal abstract Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken);

    /// <summary>Tells whether an element of <see cref="Ambient"/>, known to be one, is in this group.</summary>
    internal virtual bool Holds(ReadOnlySpan<int> code) => true;

    internal virtual string ExplainNonMember(ReadOnlySpan<int> code) =>
        $"[{string.Join(", ", code.ToArray())}] is not an element of {Name}.";

    /// <summary>Multiplies into a new array; for work that is not in an inner loop.</summary>
    internal int[] Multiplied(ReadOnlySpan<int> left, ReadOnlySpan<int> right)
    {
        int[] product = new int[Width];
        Multiply(left, right, product);
        return product;
    }

    /// <summary>Inverts into a new array; for work that is not in an inner loop.</summary>
    internal int[] Inverted(ReadOnlySpan<int> element)
    {
        int[] inverse = new int[Width];
        Invert(element, inverse);
        return inverse;
    }

    internal GroupElement Wrap(ReadOnlySpan<int> code) => new(Ambient, code.ToArray());

    /// <summary>Names this group inside a larger name, with parentheses where they are needed.</summary>
    internal string NameInside(int precedence) => NamePrecedence >= precedence ? $"({Name})" : Name;

    internal virtual BigInteger OrderOf(ReadOnlySpan<int> code)
    {
        // The least common multiple of the cycle lengths on the points of a faithful action.
        int count = PointCount;
        bool[] seen = new bool[count];
        BigInteger order = BigInteger.One;
        for (int start = 0; start < count; start++)
        {
            if (seen[start])
            {
                continue;
            }

            int length = 0;
            for (int point = start; !seen[point]; point = Image(code, point))
            {
                seen[point] = true;
                length++;
            }

            if (length > 1 && !(order % length).IsZero)
            {
                order = order / BigInteger.GreatestCommonDivisor(order, length) * length;
            }
        }

        return order;
    }

    internal void Power(ReadOnlySpan<int> code, BigInteger exponent, Span<int> power)
    {
        int[] square = new int[Width];
        if (exponent.Sign < 0)
        {
            Invert(code, square);
            exponent = -exponent;
        }
        else
        {
            code.CopyTo(square);
        }

        int[] next = new int[Width];
        WriteIdentity(power);
        while (!exponent.IsZero)
        {
            if (!exponent.IsEven)
            {
                MultiplyLeft(square, power);
            }

            exponent >>= 1;
            if (!exponent.IsZero)
            {
                Multiply(square, square, next);
                (square, next) = (next, square);
            }
        }
    }

    internal void RequireMember(GroupElement element, string what)
    {
        if (!Contains(element))
        {
            throw new EquivariantException($"{what} {element} is not an element of {Name}.");
        }
    }
}
