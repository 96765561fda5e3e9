namespace Equivariant.Core.Groups.Engine;

/// <summary>The units mod n under multiplication, as the automorphisms of the cyclic group: 1 ↦ m.</summary>
internal sealed class MultiplierGroup(int n) : Group
{
    public override string Name => $"Aut(C{n})";

    public override int Width => 1;

    public override int PointCount => n;

    internal override int[][] GeneratorCodes => [];

    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product) =>
        product[0] = (int)((long)left[0] * right[0] % n);

    public override void MultiplyLeft(ReadOnlySpan<int> left, Span<int> element) => Multiply(left, element, element);

    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse)
    {
        // Extended Euclid.
        long a = element[0], b = n, x = 1, y = 0;
        while (b != 0)
        {
            (long quotient, long rest) = Math.DivRem(a, b);
            (a, b) = (b, rest);
            (x, y) = (y, x - quotient * y);
        }

        inverse[0] = (int)((x % n + n) % n);
    }

    public override void WriteIdentity(Span<int> code) => code[0] = 1 % n;

    public override bool IsIdentity(ReadOnlySpan<int> code) => code[0] == 1 % n;

    public override int Image(ReadOnlySpan<int> code, int point) => (int)((long)code[0] * point % n);

    public override bool Contains(ReadOnlySpan<int> code) => code.Length == 1 && (uint)code[0] < (uint)n;

    public override string Format(ReadOnlySpan<int> code) => $"1 ↦ {code[0]}";

    internal override bool SameAs(Group other) => false;

    internal override GroupChain BuildChain() => StabiliserChain.Build(this, []);

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken) =>
        GraphEvaluator.TryMake(this, target, images, out broken);
}
