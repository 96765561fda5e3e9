using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// The direct product G₀ × … × G_{m−1}: tuples multiplied entry by entry, packed side by side.
/// </summary>
public sealed class DirectProduct : Group
{
    private readonly Group[] _factors;
    private readonly int[] _offsets;
    private readonly int[] _pointOffsets;
    private readonly string? _name;
    private readonly FactorSubgroups?[] _subgroups;

    internal DirectProduct(IEnumerable<Group> factors, string? name = null)
    {
        _factors = [.. factors];
        _name = name;
        _subgroups = new FactorSubgroups?[_factors.Length];
        _offsets = new int[_factors.Length + 1];
        _pointOffsets = new int[_factors.Length + 1];
        for (int i = 0; i < _factors.Length; i++)
        {
            _offsets[i + 1] = checked(_offsets[i] + _factors[i].Width);
            _pointOffsets[i + 1] = (int)Math.Min(int.MaxValue, (long)_pointOffsets[i] + _factors[i].PointCount);
        }
    }

    /// <inheritdoc/>
    public override string Name => _name ?? _factors.Length switch
    {
        0 => "1",
        1 => _factors[0].Name,
        _ => string.Join(" × ", _factors.Select(f => f.NameInside(2))),
    };

    /// <summary>Gets the factors, in order.</summary>
    public IReadOnlyList<Group> Factors => _factors;

    /// <inheritdoc/>
    public override int Width => _offsets[^1];

    /// <inheritdoc/>
    public override BigInteger Order => _factors.Aggregate(BigInteger.One, (order, f) => order * f.Order);

    /// <inheritdoc/>
    public override bool IsAbelian => _factors.All(f => f.IsAbelian);

    /// <summary>Gets the number of points: the factors' points, side by side.</summary>
    public override int PointCount => _pointOffsets[^1];

    internal override int NamePrecedence =>
        _name is not null || _factors.Length == 0 ? 0 : _factors.Length == 1 ? _factors[0].NamePrecedence : 1;

    internal override bool HasCostlyImages => _factors.Any(f => f.HasCostlyImages);

    internal override int[][] GeneratorCodes =>
        Once(ref field, () => [.. _factors.SelectMany((f, i) => f.GeneratorCodes.Select(code => EmbedCode(i, code)))]);

    /// <summary>Puts an element of factor <paramref name="factor"/> into the product, with identities elsewhere.</summary>
    /// <exception cref="EquivariantException">There is no such factor, or the element is not in it.</exception>
    public GroupElement Embed(int factor, GroupElement element)
    {
        RequireFactor(factor);
        _factors[factor].RequireMember(element, $"To embed into factor {factor} of {Name}:");
        return new GroupElement(this, EmbedCode(factor, element.Code));
    }

    /// <summary>Takes entry <paramref name="factor"/> of a tuple.</summary>
    /// <exception cref="EquivariantException">There is no such factor, or the element is not in this product.</exception>
    public GroupElement Project(int factor, GroupElement element)
    {
        RequireFactor(factor);
        RequireMember(element, "To project:");
        return _factors[factor].Wrap(Part(factor, element.Code));
    }

    /// <summary>The homomorphism that takes an element to its part in one factor.</summary>
    /// <exception cref="EquivariantException">There is no such factor.</exception>
    public GroupHomomorphism Projection(int factor)
    {
        RequireFactor(factor);
        return GroupHomomorphism.Trusted(
            this, _factors[factor], [.. GeneratorCodes.Select(code => Part(factor, code).ToArray())], (code, image) => Part(factor, code).CopyTo(image));
    }

    /// <summary>Makes a tuple from one element of each factor.</summary>
    /// <exception cref="EquivariantException">There are too many or too few, or one is not in its factor.</exception>
    public GroupElement Tuple(params GroupElement[] elements)
    {
        if (elements.Length != _factors.Length)
        {
            throw new EquivariantException($"An element of {Name} has {_factors.Length} entries; {elements.Length} were given.");
        }

        int[] code = new int[Width];
        for (int i = 0; i < elements.Length; i++)
        {
            _factors[i].RequireMember(elements[i], $"Entry {i}:");
            elements[i].Code.CopyTo(code.AsSpan(_offsets[i]));
        }

        return new GroupElement(this, code);
    }

    /// <summary>Gets factor <paramref name="factor"/> inside the product: the tuples that are trivial elsewhere. It is normal.</summary>
    /// <exception cref="EquivariantException">There is no such factor.</exception>
    public Subgroup FactorSubgroup(int factor) => SubgroupsOf(factor).Factor;

    /// <summary>Gets the product of all factors but one, the tuples that are trivial at <paramref name="factor"/>. It is normal, and its quotient is that factor.</summary>
    /// <exception cref="EquivariantException">There is no such factor.</exception>
    public Subgroup ComplementSubgroup(int factor) => SubgroupsOf(factor).Complement;

    /// <summary>
    /// Gives for each factor the product of the others: the quotients are the factors, so a quotient design costs Σ|Gᵢ| evaluations
    /// instead of Π|Gᵢ|. A factor that is a direct product itself is taken apart, and a product with one factor that matters has that one's family.
    /// </summary>
    public override IReadOnlyList<Subgroup> DefaultKernels()
    {
        List<Subgroup> kernels = [];
        int[] nontrivial = [.. Enumerable.Range(0, _factors.Length).Where(i => !_factors[i].Order.IsOne)];
        foreach (int i in nontrivial)
        {
            if (_factors[i] is not DirectProduct && nontrivial.Length > 1)
            {
                kernels.Add(ComplementSubgroup(i));
                continue;
            }

            foreach (Subgroup inner in _factors[i].DefaultKernels())
            {
                kernels.Add(inner.Order.IsOne ? ComplementSubgroup(i) : Widened(i, inner));
            }
        }

        return kernels.Count == 0 ? [TrivialSubgroup] : kernels;
    }

    /// <inheritdoc/>
    public override Subgroup Centre() => ByFactor(f => f.Centre());

    /// <inheritdoc/>
    public override Subgroup DerivedSubgroup() => ByFactor(f => f.DerivedSubgroup());

    /// <inheritdoc/>
    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product)
    {
        for (int i = 0; i < _factors.Length; i++)
        {
            _factors[i].Multiply(Part(i, left), Part(i, right), Part(i, product));
        }
    }

    /// <inheritdoc/>
    public override void MultiplyLeft(ReadOnlySpan<int> left, Span<int> element)
    {
        for (int i = 0; i < _factors.Length; i++)
        {
            _factors[i].MultiplyLeft(Part(i, left), Part(i, element));
        }
    }

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse)
    {
        for (int i = 0; i < _factors.Length; i++)
        {
            _factors[i].Invert(Part(i, element), Part(i, inverse));
        }
    }

    /// <inheritdoc/>
    public override void WriteIdentity(Span<int> code)
    {
        for (int i = 0; i < _factors.Length; i++)
        {
            _factors[i].WriteIdentity(Part(i, code));
        }
    }

    /// <inheritdoc/>
    public override bool IsIdentity(ReadOnlySpan<int> code)
    {
        for (int i = 0; i < _factors.Length; i++)
        {
            if (!_factors[i].IsIdentity(Part(i, code)))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override int Image(ReadOnlySpan<int> code, int point)
    {
        int i = 0;
        while (point >= _pointOffsets[i + 1])
        {
            i++;
        }

        return _pointOffsets[i] + _factors[i].Image(Part(i, code), point - _pointOffsets[i]);
    }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> code)
    {
        if (code.Length != Width)
        {
            return false;
        }

        for (int i = 0; i < _factors.Length; i++)
        {
            if (!_factors[i].Contains(Part(i, code)))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override string Format(ReadOnlySpan<int> code)
    {
        string[] parts = new string[_factors.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = _factors[i].Format(Part(i, code));
        }

        return $"({string.Join(", ", parts)})";
    }

    /// <inheritdoc/>
    public override void Random(Random random, Span<int> code)
    {
        for (int i = 0; i < _factors.Length; i++)
        {
            _factors[i].Random(random, Part(i, code));
        }
    }

    /// <inheritdoc/>
    public override int GetHashCode() =>
        _factors.Aggregate(nameof(DirectProduct).Length, (hash, f) => HashCode.Combine(hash, f.GetHashCode()));

    internal override bool SameAs(Group other) =>
        other is DirectProduct product && product._factors.Length == _factors.Length &&
        _factors.Zip(product._factors).All(pair => SameGroup(pair.First, pair.Second));

    internal override bool HasArithmeticOf(Group other) =>
        other is DirectProduct product && product._factors.Length == _factors.Length &&
        _factors.Zip(product._factors).All(pair => pair.First.HasArithmeticOf(pair.Second.Ambient));

    internal override BigInteger OrderOf(ReadOnlySpan<int> code)
    {
        BigInteger order = BigInteger.One;
        for (int i = 0; i < _factors.Length; i++)
        {
            BigInteger part = _factors[i].OrderOf(Part(i, code));
            order = order / BigInteger.GreatestCommonDivisor(order, part) * part;
        }

        return order;
    }

    internal override string ExplainNonMember(ReadOnlySpan<int> code)
    {
        for (int i = 0; i < _factors.Length; i++)
        {
            if (!_factors[i].Contains(Part(i, code)))
            {
                return $"Entry {i} of the tuple is wrong: {_factors[i].ExplainNonMember(Part(i, code))}";
            }
        }

        return base.ExplainNonMember(code);
    }

    internal override GroupChain BuildChain() => new CompositeChain(
        this,
        [.. _factors.Select((f, i) => new CompositeChain.Part(f.Chain, _offsets[i], f.Width))]);

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken)
    {
        broken = null;
        (Evaluator, int, int)[] parts = new (Evaluator, int, int)[_factors.Length];
        int[] starts = new int[_factors.Length + 1];
        for (int i = 0; i < _factors.Length; i++)
        {
            int count = _factors[i].GeneratorCodes.Length;
            starts[i + 1] = starts[i] + count;
            Evaluator? part = _factors[i].TryExtend(target, images[starts[i]..starts[i + 1]], out broken);
            if (part is null)
            {
                broken = broken?.Shift(starts[i]);
                return null;
            }

            parts[i] = (part, _offsets[i], _factors[i].Width);
        }

        // Generators of different factors commute, and those are the only further relations.
        int[] left = new int[target.Width], right = new int[target.Width];
        for (int i = 0; i < _factors.Length; i++)
        {
            for (int a = starts[i]; a < starts[i + 1]; a++)
            {
                for (int b = starts[i + 1]; b < images.Length; b++)
                {
                    target.Multiply(images[a], images[b], left);
                    target.Multiply(images[b], images[a], right);
                    if (!left.AsSpan().SequenceEqual(right))
                    {
                        broken = new BrokenRelation([a, b], "a b = b a");
                        return null;
                    }
                }
            }
        }

        return _factors.Length == 0 ? new TrivialEvaluator(target) : new CompositeEvaluator(target, parts);
    }

    internal override IReadOnlyList<WordLetter> FindWord(ReadOnlySpan<int> code)
    {
        List<WordLetter> word = [];
        int generators = 0;
        for (int i = 0; i < _factors.Length; i++)
        {
            foreach (WordLetter letter in _factors[i].FindWord(Part(i, code)))
            {
                word.Add(letter with { Generator = letter.Generator + generators });
            }

            generators += _factors[i].GeneratorCodes.Length;
        }

        return word;
    }

    internal override BigInteger? CountConjugacyClasses() =>
        _factors.Aggregate((BigInteger?)BigInteger.One, (count, f) => count * f.ConjugacyClassCount);

    internal ReadOnlySpan<int> Part(int factor, ReadOnlySpan<int> code) => code[_offsets[factor].._offsets[factor + 1]];

    private Span<int> Part(int factor, Span<int> code) => code[_offsets[factor].._offsets[factor + 1]];

    private FactorSubgroups SubgroupsOf(int factor)
    {
        RequireFactor(factor);
        return Once(ref _subgroups[factor], () => MakeSubgroups(factor));
    }

    private FactorSubgroups MakeSubgroups(int factor)
    {
        int[] others = [.. Enumerable.Range(0, _factors.Length).Where(i => i != factor)];
        Subgroup one = new(
            this, [.. _factors[factor].GeneratorCodes.Select(g => EmbedCode(factor, g))], _factors[factor].Name,
            new CompositeChain(this, PartOf(factor, _factors[factor])));
        Subgroup rest = new(
            this, [.. others.SelectMany(i => _factors[i].GeneratorCodes.Select(g => EmbedCode(i, g)))],
            others.Length == 0 ? "1" : new DirectProduct(others.Select(i => _factors[i])).Name,
            new CompositeChain(this, [.. others.Select(i => PartOf(i, _factors[i]))]),
            one);
        one.Complement = rest;
        return new FactorSubgroups(one, rest);
    }

    /// <summary>The product of a subgroup of one factor and all other factors.</summary>
    private Subgroup Widened(int factor, Subgroup inner)
    {
        Subgroup Make(Subgroup part, bool others)
        {
            int[][] generators = [.. Enumerable.Range(0, _factors.Length).SelectMany(i =>
                i == factor ? part.GeneratorCodes.Select(g => EmbedCode(i, g)) :
                others ? _factors[i].GeneratorCodes.Select(g => EmbedCode(i, g)) : [])];
            CompositeChain.Part[] parts = [.. Enumerable.Range(0, _factors.Length)
                .Where(i => others || i == factor)
                .Select(i => PartOf(i, i == factor ? part : _factors[i]))];
            string name = new DirectProduct(Enumerable.Range(0, _factors.Length)
                .Where(i => (others || i == factor) && !(i == factor ? part : _factors[i]).Order.IsOne)
                .Select(i => i == factor ? part : _factors[i])).Name;
            return new Subgroup(this, generators, name, new CompositeChain(this, parts));
        }

        Subgroup wide = Make(inner, others: true);
        if (inner.Complement is Subgroup complement)
        {
            wide.Complement = Make(complement, others: false);
        }

        return wide;
    }

    private Subgroup ByFactor(Func<Group, Subgroup> take)
    {
        Subgroup[] parts = [.. _factors.Select(take)];
        return new Subgroup(
            this, [.. parts.SelectMany((part, i) => part.GeneratorCodes.Select(g => EmbedCode(i, g)))], null,
            new CompositeChain(this, [.. parts.Select((part, i) => PartOf(i, part))]));
    }

    private CompositeChain.Part PartOf(int factor, Group group) => new(group.Chain, _offsets[factor], _factors[factor].Width);

    internal int[] EmbedCode(int factor, ReadOnlySpan<int> element)
    {
        int[] code = new int[Width];
        WriteIdentity(code);
        element.CopyTo(code.AsSpan(_offsets[factor]));
        return code;
    }

    internal void RequireFactor(int factor)
    {
        if ((uint)factor >= (uint)_factors.Length)
        {
            throw new EquivariantException($"{Name} has factors 0 to {_factors.Length - 1}; there is no factor {factor}.");
        }
    }

    /// <summary>A factor inside the product, and the product of the others.</summary>
    private sealed record FactorSubgroups(Subgroup Factor, Subgroup Complement);
}
