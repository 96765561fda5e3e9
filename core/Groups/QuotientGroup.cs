using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// The quotient G/K by a normal subgroup. A coset is written as its canonical element, in the form elements have in G.
/// </summary>
public sealed class QuotientGroup : Group
{
    private readonly CosetForm _form;
    private readonly Group _parentAmbient;
    private Points? _points;

    internal QuotientGroup(Group parent, Subgroup kernel)
    {
        Parent = parent;
        Kernel = kernel;
        _parentAmbient = parent.Ambient;
        _form = new CosetForm(kernel);
    }

    /// <inheritdoc/>
    public override string Name => Kernel.GeneratorCodes.Length == 0 ? Parent.Name : $"{Parent.NameInside(1)}/{Kernel.NameInside(1)}";

    /// <summary>Gets G.</summary>
    public Group Parent { get; }

    /// <summary>Gets K.</summary>
    public Subgroup Kernel { get; }

    /// <summary>Gets the homomorphism g ↦ gK.</summary>
    public GroupHomomorphism Projection => Once(ref field, () =>
        GroupHomomorphism.Trusted(Parent, this, [.. Parent.GeneratorCodes.Select(Reduced)], Reduce));

    /// <inheritdoc/>
    public override int Width => Parent.Width;

    /// <inheritdoc/>
    public override BigInteger Order => Parent.Order / Kernel.Order;

    /// <summary>Gets the number of points: orbits of K when G/K acts on them faithfully, otherwise the cosets.</summary>
    public override int PointCount => GetPoints().Count;

    internal override int NamePrecedence => 1;

    internal override bool HasCostlyImages => true;

    internal override int[][] GeneratorCodes => Once(ref field, () =>
        [.. Parent.GeneratorCodes.Select(Reduced).Where(g => !IsIdentity(g)).Distinct(CodeComparer.Instance)]);

    /// <summary>Takes an element of G to its coset.</summary>
    /// <exception cref="EquivariantException">The element is not in G.</exception>
    public GroupElement Project(GroupElement element)
    {
        Parent.RequireMember(element, "To project:");
        return new GroupElement(this, Reduced(element.Code));
    }

    /// <summary>Takes a coset to its canonical element of G.</summary>
    /// <exception cref="EquivariantException">The element is not in this quotient.</exception>
    public GroupElement Lift(GroupElement coset)
    {
        RequireMember(coset, "To lift:");
        return Parent.Wrap(coset.Code);
    }

    /// <inheritdoc/>
    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product)
    {
        _parentAmbient.Multiply(left, right, product);
        _form.Reduce(product);
    }

    /// <inheritdoc/>
    public override void MultiplyLeft(ReadOnlySpan<int> left, Span<int> element)
    {
        _parentAmbient.MultiplyLeft(left, element);
        _form.Reduce(element);
    }

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse)
    {
        _parentAmbient.Invert(element, inverse);
        _form.Reduce(inverse);
    }

    /// <inheritdoc/>
    public override void WriteIdentity(Span<int> code)
    {
        _parentAmbient.WriteIdentity(code);
        _form.Reduce(code);
    }

    /// <inheritdoc/>
    public override bool IsIdentity(ReadOnlySpan<int> code) => Kernel.Holds(code);

    /// <inheritdoc/>
    public override int Image(ReadOnlySpan<int> code, int point) => GetPoints().Image(code, point);

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> code) =>
        Parent.Contains(code) && Reduced(code).AsSpan().SequenceEqual(code);

    /// <summary>Writes a coset as gK.</summary>
    public override string Format(ReadOnlySpan<int> code)
    {
        string element = Parent.Format(code);
        return Kernel.GeneratorCodes.Length == 0 ? element : $"{element}·{Kernel.NameInside(1)}";
    }

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(nameof(QuotientGroup), Parent.GetHashCode());

    internal override bool SameAs(Group other) =>
        other is QuotientGroup quotient && SameGroup(Parent, quotient.Parent) && Kernel.HasSameElements(quotient.Kernel);

    internal override BigInteger OrderOf(ReadOnlySpan<int> code)
    {
        // The order of gK divides that of g: strip primes while the power stays in K.
        BigInteger order = Parent.OrderOf(code);
        int[] power = new int[Width];
        BigInteger rest = order;
        for (BigInteger p = 2; p * p <= rest || rest > 1; p++)
        {
            if (p * p > rest)
            {
                p = rest;
            }

            while ((rest % p).IsZero)
            {
                rest /= p;
                _parentAmbient.Power(code, order / p, power);
                if (Kernel.Holds(power))
                {
                    order /= p;
                }
            }
        }

        return order;
    }

    internal override string ExplainNonMember(ReadOnlySpan<int> code) =>
        Parent.Contains(code)
            ? $"{Parent.Format(code)} is not the element that stands for its coset in {Name}; use Project to find that one."
            : Parent.ExplainNonMember(code);

    internal override GroupChain BuildChain() =>
        _parentAmbient is CyclicGroup ? new CyclicChain((int)Order, 1) : StabiliserChain.Build(this, GeneratorCodes);

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken) =>
        GraphEvaluator.TryMake(this, target, images, out broken);

    private int[] Reduced(ReadOnlySpan<int> code) => Reduced(code.ToArray());

    private int[] Reduced(int[] code)
    {
        int[] copy = (int[])code.Clone();
        _form.Reduce(copy);
        return copy;
    }

    private Points GetPoints() => Once(ref _points, ChoosePoints);

    private Points ChoosePoints()
    {
        const int LargestBlockSystem = 1 << 20;
        if (_parentAmbient.PointCount <= LargestBlockSystem)
        {
            BlockPoints blocks = new(_parentAmbient, Kernel.GeneratorCodes);
            int[][] images = [.. GeneratorCodes.Select(g => Enumerable.Range(0, blocks.Count).Select(b => blocks.Image(g, b)).ToArray())];
            if (new PermutationGroup(blocks.Count, images).Order == Order)
            {
                return blocks;
            }
        }

        return new CosetPoints(new CosetTable(Parent, Kernel, _form));
    }

    private abstract class Points
    {
        public abstract int Count { get; }

        public abstract int Image(ReadOnlySpan<int> code, int point);
    }

    /// <summary>G permutes the orbits of a normal subgroup.</summary>
    private sealed class BlockPoints : Points
    {
        private readonly Group _group;
        private readonly int[] _block;
        private readonly List<int> _first = [];

        public BlockPoints(Group group, int[][] kernel)
        {
            _group = group;
            _block = new int[group.PointCount];
            Array.Fill(_block, -1);
            Stack<int> stack = new();
            for (int start = 0; start < _block.Length; start++)
            {
                if (_block[start] >= 0)
                {
                    continue;
                }

                _block[start] = _first.Count;
                stack.Push(start);
                while (stack.TryPop(out int point))
                {
                    foreach (int[] generator in kernel)
                    {
                        int image = group.Image(generator, point);
                        if (_block[image] < 0)
                        {
                            _block[image] = _first.Count;
                            stack.Push(image);
                        }
                    }
                }

                _first.Add(start);
            }
        }

        public override int Count => _first.Count;

        public override int Image(ReadOnlySpan<int> code, int point) => _block[_group.Image(code, _first[point])];
    }

    private sealed class CosetPoints(CosetTable table) : Points
    {
        public override int Count => table.Count;

        public override int Image(ReadOnlySpan<int> code, int point) => table.Image(code, point);
    }

    private void Reduce(ReadOnlySpan<int> code, Span<int> image)
    {
        code.CopyTo(image);
        _form.Reduce(image);
    }
}
