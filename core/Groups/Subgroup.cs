using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// A subgroup, given by generators; its elements keep the form they have in the group it was taken from.
/// </summary>
public sealed class Subgroup : Group
{
    private const int LongestName = 60;
    private readonly string? _name;
    private readonly GroupChain? _known;

    internal Subgroup(Group parent, int[][] generators, string? name = null, GroupChain? known = null, Subgroup? complement = null)
    {
        Parent = parent;
        GeneratorCodes = [.. generators.Where(g => !parent.IsIdentity(g))];
        _name = name;
        _known = known;
        Complement = complement;
    }

    /// <summary>Gets the group that this is a subgroup of.</summary>
    public Group Parent { get; }

    /// <summary>
    /// Gets a subgroup C with Parent = C · this and C ∩ this = 1, when the structure of the parent shows one; otherwise null.
    /// </summary>
    public Subgroup? Complement { get; internal set; }

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

            string name = Width <= LongestName ? $"⟨{string.Join(", ", GeneratorCodes.Select(g => Ambient.Format(g)))}⟩" : "";
            return name.Length is > 0 and <= LongestName
                ? name
                : $"⟨{GeneratorCodes.Length} element{(GeneratorCodes.Length == 1 ? "" : "s")} of {Parent.Name}⟩";
        }
    }

    /// <inheritdoc/>
    public override Group Ambient => Parent.Ambient;

    /// <inheritdoc/>
    public override int Width => Parent.Width;

    /// <inheritdoc/>
    public override int PointCount => Ambient.PointCount;

    /// <summary>Gets |Parent| / |this|, the number of cosets.</summary>
    public BigInteger Index => Parent.Order / Order;

    internal override int[][] GeneratorCodes { get; }

    internal override int NamePrecedence => _name is null || !_name.Contains(' ', StringComparison.Ordinal) ? 0 : 2;

    /// <summary>Tells whether all elements of another subgroup of the same group are in this one.</summary>
    public bool Includes(Group other) => other.Generators.All(Contains);

    /// <summary>Tells whether another subgroup has the same elements, however it is generated.</summary>
    public bool HasSameElements(Group other) => Order == other.Order && Includes(other);

    /// <inheritdoc/>
    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product) => Ambient.Multiply(left, right, product);

    /// <inheritdoc/>
    public override void MultiplyLeft(ReadOnlySpan<int> left, Span<int> element) => Ambient.MultiplyLeft(left, element);

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse) => Ambient.Invert(element, inverse);

    /// <inheritdoc/>
    public override void WriteIdentity(Span<int> code) => Ambient.WriteIdentity(code);

    /// <inheritdoc/>
    public override bool IsIdentity(ReadOnlySpan<int> code) => Ambient.IsIdentity(code);

    /// <inheritdoc/>
    public override int Image(ReadOnlySpan<int> code, int point) => Ambient.Image(code, point);

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> code) => Ambient.Contains(code) && Holds(code);

    /// <inheritdoc/>
    public override string Format(ReadOnlySpan<int> code) => Ambient.Format(code);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(nameof(Subgroup), Ambient.GetHashCode(), GeneratorCodes.Length);

    internal override bool SameAs(Group other) =>
        other is Subgroup subgroup && SameGroup(Ambient, subgroup.Ambient) && GeneratorCodes.Length == subgroup.GeneratorCodes.Length &&
        GeneratorCodes.Zip(subgroup.GeneratorCodes).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    internal override bool Holds(ReadOnlySpan<int> code)
    {
        using Scratch scratch = new(Chain.Length, stackalloc int[Scratch.StackSize(Chain.Length)]);
        return Chain.TryFactor(code, scratch.Span);
    }

    internal override bool HasArithmeticOf(Group other) => Ambient.HasArithmeticOf(other);

    internal override BigInteger OrderOf(ReadOnlySpan<int> code) => Ambient.OrderOf(code);

    internal override string ExplainNonMember(ReadOnlySpan<int> code) =>
        Ambient.Contains(code)
            ? $"{Format(code)} is in {Parent.Name} but not in its subgroup {Name}."
            : Ambient.ExplainNonMember(code);

    /// <summary>The same elements, as a subgroup of another group that has them.</summary>
    internal Subgroup Within(Group parent) => new(parent, GeneratorCodes, null, Chain);

    internal override GroupChain BuildChain() => _known ?? ChainBuilder.Build(Ambient, GeneratorCodes, Parent.Order);

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken) =>
        GraphEvaluator.TryMake(this, target, images, out broken);
}
