using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// A group of permutations of 0 … n − 1, given by generators. An element is its list of images: <c>(g * h)[i] = g[h[i]]</c>.
/// </summary>
public sealed class PermutationGroup : Group
{
    /// <summary>The largest number of points that a permutation group may have.</summary>
    public const int MaximumDegree = 1 << 20;

    private const int LongestName = 60;
    private readonly Kind _kind;
    private readonly string? _name;

    internal PermutationGroup(int degree, int[][] generators, string? name = null, Kind kind = Kind.General)
    {
        Degree = degree;
        GeneratorCodes = generators;
        _name = name;
        _kind = kind;
    }

    /// <summary>What is known about a group by construction.</summary>
    internal enum Kind
    {
        General,
        Symmetric,
        Alternating,
    }

    /// <summary>Gets the number of points.</summary>
    public int Degree { get; }

    /// <inheritdoc/>
    public override string Name
    {
        get
        {
            if (_name is not null)
            {
                return _name;
            }

            if (GeneratorCodes.Length == 0)
            {
                return "1";
            }

            string name = Degree <= LongestName
                ? $"⟨{string.Join(", ", GeneratorCodes.Select(g => Permutations.Format(g)))}⟩"
                : "";
            return name.Length is > 0 and <= LongestName
                ? name
                : $"⟨{GeneratorCodes.Length} permutation{(GeneratorCodes.Length == 1 ? "" : "s")} of {Degree} points⟩";
        }
    }

    /// <inheritdoc/>
    public override int Width => Degree;

    /// <summary>Gets the number of points, the same as <see cref="Degree"/>.</summary>
    public override int PointCount => Degree;

    internal override int[][] GeneratorCodes { get; }

    /// <summary>Gets whether this is the symmetric group as it is usually generated, by a cycle and a transposition.</summary>
    internal bool IsStandardSymmetric => _kind == Kind.Symmetric;

    /// <summary>Gets whether these are all permutations of the points.</summary>
    internal bool IsSymmetric => _kind == Kind.Symmetric || (Chain is GiantChain { IsAlternating: false } giant && giant.Points.Count == Degree);

    /// <inheritdoc/>
    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product)
    {
        // One slice at the start lets the compiler drop two of the three bounds checks.
        product = product[..right.Length];
        for (int i = 0; i < right.Length; i++)
        {
            product[i] = left[right[i]];
        }
    }

    /// <inheritdoc/>
    public override void MultiplyLeft(ReadOnlySpan<int> left, Span<int> element)
    {
        for (int i = 0; i < element.Length; i++)
        {
            element[i] = left[element[i]];
        }
    }

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse) => Permutations.Invert(element, inverse);

    /// <inheritdoc/>
    public override void WriteIdentity(Span<int> code) => Permutations.WriteIdentity(code);

    /// <inheritdoc/>
    public override bool IsIdentity(ReadOnlySpan<int> code)
    {
        for (int i = 0; i < code.Length; i++)
        {
            if (code[i] != i)
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override int Image(ReadOnlySpan<int> code, int point) => code[point];

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> code)
    {
        if (code.Length != Degree)
        {
            return false;
        }

        bool[] seen = new bool[Degree];
        foreach (int value in code)
        {
            if ((uint)value >= (uint)Degree || seen[value])
            {
                return false;
            }

            seen[value] = true;
        }

        return Chain.TryFactor(code, new int[Chain.Length]);
    }

    /// <inheritdoc/>
    public override string Format(ReadOnlySpan<int> code) => Permutations.Format(code);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        GeneratorCodes.Aggregate(HashCode.Combine(nameof(PermutationGroup), Degree), (hash, g) => HashCode.Combine(hash, HashOf(g)));

    internal override bool SameAs(Group other) =>
        other is PermutationGroup group && group.Degree == Degree && group.GeneratorCodes.Length == GeneratorCodes.Length &&
        GeneratorCodes.Zip(group.GeneratorCodes).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    internal override bool HasArithmeticOf(Group other) => other is PermutationGroup group && group.Degree == Degree;

    internal override string ExplainNonMember(ReadOnlySpan<int> code)
    {
        Permutations.Require(code, Degree, $"[{string.Join(", ", code.ToArray())}]");
        return $"{Permutations.Format(code)} is not an element of {Name}: it is not a product of the generators.";
    }

    internal override IReadOnlyList<WordLetter> FindWord(ReadOnlySpan<int> code) =>
        IsStandardSymmetric && Degree >= 3 ? SymmetricWords.Find(code) : base.FindWord(code);

    internal override GroupChain BuildChain() => _kind switch
    {
        Kind.Symmetric => new GiantChain(Degree, Permutations.Identity(Degree), alternating: false),
        Kind.Alternating => new GiantChain(Degree, Permutations.Identity(Degree), alternating: true),
        _ => ChainBuilder.Build(this, GeneratorCodes),
    };

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken) =>
        IsStandardSymmetric && Degree >= 3
            ? SymmetricEvaluator.TryMake(Degree, target, images, out broken)
            : GraphEvaluator.TryMake(this, target, images, out broken);
}
