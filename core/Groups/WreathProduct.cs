using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// The wreath product K ≀ S, with S a permutation group of m points: K^m ⋊ S, where s moves entry i to place s(i).
/// </summary>
public sealed class WreathProduct : SemidirectProduct
{
    private readonly int _degree;

    internal WreathProduct(Group inner, PermutationGroup outer)
        : base(new DirectProduct(Enumerable.Repeat(inner, outer.Degree)), outer, new EntryAction(inner.Width))
    {
        Inner = inner;
        Outer = outer;
        _degree = outer.Degree;
        long points = (long)_degree * Math.Max(1, inner.PointCount);
        PointCount = (int)Math.Min(int.MaxValue, points);
    }

    /// <inheritdoc/>
    public override string Name => $"{Inner.NameInside(1)} ≀ {Outer.NameInside(1)}";

    /// <summary>Gets K, of which there is a copy for each point.</summary>
    public Group Inner { get; }

    /// <summary>Gets S, which permutes the copies.</summary>
    public PermutationGroup Outer { get; }

    /// <summary>Gets the number of points: K's points, once for each point of S.</summary>
    public override int PointCount { get; }

    internal override bool HasCostlyImages => Inner.HasCostlyImages;

    /// <inheritdoc/>
    public override int Image(ReadOnlySpan<int> code, int point)
    {
        int perCopy = PointCount / _degree;
        int width = Inner.Width;
        (int copy, int inner) = Math.DivRem(point, perCopy);
        int to = code[Normal.Width + copy];
        return to * perCopy + (Inner.PointCount == 0 ? inner : Inner.Image(code.Slice(to * width, width), inner));
    }

    internal override bool HasArithmeticOf(Group other) =>
        other is WreathProduct wreath && Inner.HasArithmeticOf(wreath.Inner.Ambient) && Outer.HasArithmeticOf(wreath.Outer);

    internal override System.Numerics.BigInteger? CountConjugacyClasses() =>
        Inner.ConjugacyClassCount is System.Numerics.BigInteger inner ? Engine.ConjugacyClasses.CountWreath(inner, Outer) ?? base.CountConjugacyClasses() : null;

    /// <summary>s moves entry i to place s(i).</summary>
    private sealed class EntryAction(int width) : AutomorphismAction
    {
        public override void Act(ReadOnlySpan<int> h, ReadOnlySpan<int> n, Span<int> image)
        {
            for (int i = 0; i < h.Length; i++)
            {
                n.Slice(i * width, width).CopyTo(image[(h[i] * width)..]);
            }
        }
    }
}
