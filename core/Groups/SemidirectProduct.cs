using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// The semidirect product N ⋊ H: pairs (n, h) with (n, h)(n′, h′) = (n · φ_h(n′), h h′), where H acts on N by automorphisms φ.
/// </summary>
public class SemidirectProduct : Group
{
    private const long ManyPoints = 1L << 24;
    private readonly AutomorphismAction _action;
    private readonly Lazy<(int Count, bool IsAffine)> _points;
    private readonly ThreadLocal<InducedImages> _induced;
    private IReadOnlyList<Subgroup>? _kernels;

    internal SemidirectProduct(Group normal, Group acting, AutomorphismAction action)
    {
        Normal = normal;
        Acting = acting;
        _action = action;
        _points = new Lazy<(int, bool)>(ChoosePoints);
        _induced = new ThreadLocal<InducedImages>(() => new InducedImages(this));
    }

    /// <inheritdoc/>
    public override string Name => $"{Normal.NameInside(1)} ⋊ {Acting.NameInside(1)}";

    /// <summary>Gets N, the normal factor.</summary>
    public Group Normal { get; }

    /// <summary>Gets H, the factor that acts on <see cref="Normal"/>.</summary>
    public Group Acting { get; }

    /// <summary>Gets N inside the product, as the pairs (n, 1).</summary>
    public Subgroup NormalSubgroup => Once(ref field, () => new Subgroup(
        this, [.. Normal.GeneratorCodes.Select(g => PairCodes(g, Acting.Identity.Code))], Normal.Name,
        new CompositeChain(this, new CompositeChain.Part(Normal.Chain, 0, Normal.Width)), ActingSubgroup));

    /// <summary>Gets H inside the product, as the pairs (1, h). It is seldom normal.</summary>
    public Subgroup ActingSubgroup => Once(ref field, () => new Subgroup(
        this, [.. Acting.GeneratorCodes.Select(h => PairCodes(Normal.Identity.Code, h))], Acting.Name,
        new CompositeChain(this, new CompositeChain.Part(Acting.Chain, Normal.Width, Acting.Width))));

    /// <inheritdoc/>
    public override int Width => Normal.Width + Acting.Width;

    /// <inheritdoc/>
    public override BigInteger Order => Normal.Order * Acting.Order;

    /// <summary>Gets the number of points: the elements of N beside the points of H, or the points of N once for each element of H.</summary>
    public override int PointCount => _points.Value.Count;

    internal override int NamePrecedence => 2;

    internal override bool HasCostlyImages => true;

    internal override int[][] GeneratorCodes => Once(ref field, () =>
    [
        .. Normal.GeneratorCodes.Select(g => PairCodes(g, Acting.Identity.Code)),
        .. Acting.GeneratorCodes.Select(h => PairCodes(Normal.Identity.Code, h)),
    ]);

    /// <summary>Makes the pair (n, 1).</summary>
    /// <exception cref="EquivariantException">The element is not in <see cref="Normal"/>.</exception>
    public GroupElement EmbedNormal(GroupElement n) => Pair(n, Acting.Identity);

    /// <summary>Makes the pair (1, h).</summary>
    /// <exception cref="EquivariantException">The element is not in <see cref="Acting"/>.</exception>
    public GroupElement EmbedActing(GroupElement h) => Pair(Normal.Identity, h);

    /// <summary>Makes the pair (n, h).</summary>
    /// <exception cref="EquivariantException">n is not in <see cref="Normal"/> or h not in <see cref="Acting"/>.</exception>
    public GroupElement Pair(GroupElement n, GroupElement h)
    {
        Normal.RequireMember(n, $"First entry of a pair of {Name}:");
        Acting.RequireMember(h, $"Second entry of a pair of {Name}:");
        return new GroupElement(this, PairCodes(n.Code, h.Code));
    }

    /// <summary>Takes n of a pair (n, h).</summary>
    public GroupElement NormalPart(GroupElement pair)
    {
        RequireMember(pair, "To take a part:");
        return Normal.Wrap(pair.Code[..Normal.Width]);
    }

    /// <summary>Takes h of a pair (n, h).</summary>
    public GroupElement ActingPart(GroupElement pair)
    {
        RequireMember(pair, "To take a part:");
        return Acting.Wrap(pair.Code[Normal.Width..]);
    }

    /// <summary>Computes φ_h(n).</summary>
    /// <exception cref="EquivariantException">h is not in <see cref="Acting"/> or n not in <see cref="Normal"/>.</exception>
    public GroupElement Act(GroupElement h, GroupElement n)
    {
        Acting.RequireMember(h, "To act:");
        Normal.RequireMember(n, "To be acted on:");
        int[] image = new int[Normal.Width];
        _action.Act(h.Code, n.Code, image);
        return new GroupElement(Normal.Ambient, image);
    }

    /// <summary>
    /// Gives the family of normal subgroups {N, normal closure of H}: the quotients are H and N/[N, H],
    /// so a quotient design costs at most |H| + |N| evaluations instead of |N| · |H|.
    /// </summary>
    public IReadOnlyList<Subgroup> NormalKernels() => Once(ref _kernels, () => [NormalSubgroup, NormalClosure([.. ActingSubgroup.Generators])]);

    /// <summary>
    /// Gives <see cref="NormalKernels"/>, less one that contains the other: it would cost evaluations and capture nothing more. So the
    /// family is {N} alone where the normal closure of H is the whole group, as for C7 ⋊ C3.
    /// </summary>
    public override IReadOnlyList<Subgroup> DefaultKernels()
    {
        IReadOnlyList<Subgroup> kernels = NormalKernels();
        return kernels[1].Includes(kernels[0]) ? [kernels[0]] : kernels[0].Includes(kernels[1]) ? [kernels[1]] : kernels;
    }

    /// <inheritdoc/>
    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product)
    {
        int w = Normal.Width;
        _action.Act(left[w..], right[..w], product[..w]);
        Normal.MultiplyLeft(left[..w], product[..w]);
        Acting.Multiply(left[w..], right[w..], product[w..]);
    }

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse)
    {
        int w = Normal.Width;
        using Scratch scratch = new(w, stackalloc int[Scratch.StackSize(w)]);
        Acting.Invert(element[w..], inverse[w..]);
        Normal.Invert(element[..w], scratch.Span);
        _action.Act(inverse[w..], scratch.Span, inverse[..w]);
    }

    /// <inheritdoc/>
    public override void WriteIdentity(Span<int> code)
    {
        Normal.WriteIdentity(code[..Normal.Width]);
        Acting.WriteIdentity(code[Normal.Width..]);
    }

    /// <inheritdoc/>
    public override bool IsIdentity(ReadOnlySpan<int> code) =>
        Normal.IsIdentity(code[..Normal.Width]) && Acting.IsIdentity(code[Normal.Width..]);

    /// <inheritdoc/>
    public override int Image(ReadOnlySpan<int> code, int point)
    {
        if (PointCount > ManyPoints)
        {
            throw new EquivariantException($"{Name} acts on too many points to follow one of them.");
        }

        int w = Normal.Width;
        GroupChain normal = Normal.Chain;
        if (_points.Value.IsAffine)
        {
            int size = (int)Normal.Order;
            if (point >= size)
            {
                return size + Acting.Image(code[w..], point - size);
            }

            using Scratch elements = new(2 * w, stackalloc int[Scratch.StackSize(2 * w)]);
            using Scratch places = new(normal.Length, stackalloc int[Scratch.StackSize(normal.Length)]);
            Span<int> x = elements.Span[..w], image = elements.Span[w..];
            normal.Unrank(point, places.Span);
            normal.Product(places.Span, x);
            _action.Act(code[w..], x, image);
            Normal.MultiplyLeft(code[..w], image);
            normal.TryFactor(image, places.Span);
            return (int)normal.Rank(places.Span);
        }

        // Induced: (n, h)·(h′, x) = (h h′, φ_{h h′}⁻¹(n)·x).
        (int coset, int pointOfN) = Math.DivRem(point, Normal.PointCount);
        (int to, int[] moved) = _induced.Value!.Of(code, coset);
        return to * Normal.PointCount + Normal.Image(moved, pointOfN);
    }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> code) =>
        code.Length == Width && Normal.Contains(code[..Normal.Width]) && Acting.Contains(code[Normal.Width..]);

    /// <inheritdoc/>
    public override string Format(ReadOnlySpan<int> code) =>
        $"({Normal.Format(code[..Normal.Width])}, {Acting.Format(code[Normal.Width..])})";

    /// <inheritdoc/>
    public override void Random(Random random, Span<int> code)
    {
        Normal.Random(random, code[..Normal.Width]);
        Acting.Random(random, code[Normal.Width..]);
    }

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(nameof(SemidirectProduct), Normal.GetHashCode(), Acting.GetHashCode());

    internal override bool SameAs(Group other)
    {
        if (other is not SemidirectProduct product || !SameGroup(Normal, product.Normal) || !SameGroup(Acting, product.Acting))
        {
            return false;
        }

        int[] first = new int[Normal.Width], second = new int[Normal.Width];
        foreach (int[] h in Acting.GeneratorCodes)
        {
            foreach (int[] n in Normal.GeneratorCodes)
            {
                _action.Act(h, n, first);
                product._action.Act(h, n, second);
                if (!first.AsSpan().SequenceEqual(second))
                {
                    return false;
                }
            }
        }

        return true;
    }

    internal override BigInteger OrderOf(ReadOnlySpan<int> code)
    {
        // With o the order of h, (n, h)^o = (n′, 1).
        BigInteger order = Acting.OrderOf(code[Normal.Width..]);
        int[] power = new int[Width];
        Power(code, order, power);
        return order * Normal.OrderOf(power.AsSpan(0, Normal.Width));
    }

    internal override string ExplainNonMember(ReadOnlySpan<int> code)
    {
        ReadOnlySpan<int> n = code[..Normal.Width], h = code[Normal.Width..];
        return Normal.Contains(n)
            ? $"The second entry of the pair is wrong: {Acting.ExplainNonMember(h)}"
            : $"The first entry of the pair is wrong: {Normal.ExplainNonMember(n)}";
    }

    internal override GroupChain BuildChain() => new CompositeChain(
        this,
        new CompositeChain.Part(Acting.Chain, Normal.Width, Acting.Width),
        new CompositeChain.Part(Normal.Chain, 0, Normal.Width));

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken)
    {
        int split = Normal.GeneratorCodes.Length;
        Evaluator? normal = Normal.TryExtend(target, images[..split], out broken);
        if (normal is null)
        {
            return null;
        }

        Evaluator? acting = Acting.TryExtend(target, images[split..], out broken);
        if (acting is null)
        {
            broken = broken?.Shift(split);
            return null;
        }

        // The remaining relations: h n h⁻¹ = φ_h(n) for generators.
        int[] moved = new int[Normal.Width];
        int[] expected = new int[target.Width];
        for (int j = 0; j < Acting.GeneratorCodes.Length; j++)
        {
            int[] h = images[split + j];
            int[] inverse = target.Inverted(h);
            for (int i = 0; i < split; i++)
            {
                _action.Act(Acting.GeneratorCodes[j], Normal.GeneratorCodes[i], moved);
                normal.Evaluate(moved, expected);
                if (!target.Multiplied(target.Multiplied(h, images[i]), inverse).AsSpan().SequenceEqual(expected))
                {
                    broken = new BrokenRelation([i, split + j], $"b a b^-1 = {Format(PairCodes(moved, Acting.Identity.Code))}");
                    return null;
                }
            }
        }

        return new CompositeEvaluator(
            target, [(normal, 0, Normal.Width), (acting, Normal.Width, Acting.Width)]);
    }

    internal override IReadOnlyList<WordLetter> FindWord(ReadOnlySpan<int> code) =>
    [
        .. Normal.FindWord(code[..Normal.Width]),
        .. Acting.FindWord(code[Normal.Width..]).Select(letter => letter with { Generator = letter.Generator + Normal.GeneratorCodes.Length }),
    ];

    /// <summary>Either N ⊔ points of H, with (n, h)·x = n φ_h(x) on N, or the action induced from N.</summary>
    private (int, bool) ChoosePoints()
    {
        BigInteger affine = Normal.Order + Acting.PointCount;
        BigInteger induced = Acting.Order * Normal.PointCount;
        bool isAffine = affine <= induced || Normal.PointCount == 0;
        return ((int)BigInteger.Min(int.MaxValue, isAffine ? affine : induced), isAffine);
    }

    internal int[] PairCodes(ReadOnlySpan<int> n, ReadOnlySpan<int> h) => [.. n, .. h];

    /// <summary>
    /// For the element asked about last, what it does to each coset of N: many points of one coset are asked about in turn,
    /// and φ is the expensive part.
    /// </summary>
    private sealed class InducedImages(SemidirectProduct group)
    {
        private readonly Dictionary<int, (int To, int[] Moved)> _cosets = [];
        private readonly int[] _code = new int[group.Width];
        private readonly int[] _h = new int[group.Acting.Width];
        private readonly int[] _inverse = new int[group.Acting.Width];
        private readonly int[] _digits = new int[group.Acting.Chain.Length];

        public (int To, int[] Moved) Of(ReadOnlySpan<int> code, int coset)
        {
            if (!code.SequenceEqual(_code))
            {
                code.CopyTo(_code);
                _cosets.Clear();
            }

            if (!_cosets.TryGetValue(coset, out (int To, int[] Moved) image))
            {
                Group acting = group.Acting;
                int w = group.Normal.Width;
                acting.Chain.Unrank(coset, _digits);
                acting.Chain.Product(_digits, _h);
                acting.MultiplyLeft(code[w..], _h);
                acting.Chain.TryFactor(_h, _digits);
                acting.Invert(_h, _inverse);
                image = ((int)acting.Chain.Rank(_digits), new int[w]);
                group._action.Act(_inverse, code[..w], image.Moved);
                _cosets.Add(coset, image);
            }

            return image;
        }
    }
}
