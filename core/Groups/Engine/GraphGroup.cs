namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Pairs (g, image of g), with points only for the first entry: the arithmetic in which a map given on generators is checked.
/// </summary>
/// <remarks>
/// The map extends to a homomorphism exactly when the pairs of generators generate no (1, h) with h ≠ 1. A stabiliser chain
/// of the pairs meets such an element as one that fixes every point without being the identity.
/// </remarks>
internal sealed class GraphGroup(Group source, Group target) : Group
{
    public override string Name => $"{source.Name} → {target.Name}";

    public override int Width => source.Width + target.Width;

    public override int PointCount => source.PointCount;

    internal override int[][] GeneratorCodes => [];

    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product)
    {
        int w = source.Width;
        source.Multiply(left[..w], right[..w], product[..w]);
        target.Multiply(left[w..], right[w..], product[w..]);
    }

    public override void MultiplyLeft(ReadOnlySpan<int> left, Span<int> element)
    {
        int w = source.Width;
        source.MultiplyLeft(left[..w], element[..w]);
        target.MultiplyLeft(left[w..], element[w..]);
    }

    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse)
    {
        int w = source.Width;
        source.Invert(element[..w], inverse[..w]);
        target.Invert(element[w..], inverse[w..]);
    }

    public override void WriteIdentity(Span<int> code)
    {
        source.WriteIdentity(code[..source.Width]);
        target.WriteIdentity(code[source.Width..]);
    }

    public override bool IsIdentity(ReadOnlySpan<int> code) =>
        source.IsIdentity(code[..source.Width]) && target.IsIdentity(code[source.Width..]);

    public override int Image(ReadOnlySpan<int> code, int point) => source.Image(code[..source.Width], point);

    public override bool Contains(ReadOnlySpan<int> code) => code.Length == Width;

    public override string Format(ReadOnlySpan<int> code) =>
        $"{source.Format(code[..source.Width])} ↦ {target.Format(code[source.Width..])}";

    internal override bool SameAs(Group other) => false;

    internal override GroupChain BuildChain() => StabiliserChain.Build(this, []);

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken) =>
        GraphEvaluator.TryMake(this, target, images, out broken);
}
