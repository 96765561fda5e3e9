using System.Collections.Concurrent;
using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Arithmetic of homomorphisms from a group to itself, packed as the images of its generators side by side.
/// It only ever receives images; it has no points of its own.
/// </summary>
internal sealed class AutomorphismGroup(Group group) : Group
{
    private readonly ConcurrentDictionary<int[], Evaluator> _evaluators = new(CodeComparer.Instance);

    public override string Name => $"Aut({group.Name})";

    public override int Width => group.Width * group.GeneratorCodes.Length;

    public override int PointCount => 0;

    internal override int[][] GeneratorCodes => [];

    public Evaluator EvaluatorOf(ReadOnlySpan<int> automorphism)
    {
        const int Kept = 10_000;
        int[] key = automorphism.ToArray();
        if (!_evaluators.TryGetValue(key, out Evaluator? evaluator))
        {
            evaluator = group.TryExtend(group.Ambient, Split(key), out _)
                ?? throw new InvalidOperationException("A product of automorphisms is an automorphism.");
            if (_evaluators.Count >= Kept)
            {
                _evaluators.Clear();
            }

            _evaluators[key] = evaluator;
        }

        return evaluator;
    }

    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product)
    {
        Evaluator outer = EvaluatorOf(left);
        for (int at = 0; at < right.Length; at += group.Width)
        {
            outer.Evaluate(right.Slice(at, group.Width), product.Slice(at, group.Width));
        }
    }

    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse)
    {
        // The inverse takes each generator's image back to the generator.
        Evaluator back = GraphEvaluator.TryMake(group.Ambient, Split(element.ToArray()), group.Ambient, group.GeneratorCodes, out _)
            ?? throw new InvalidOperationException("An automorphism has an inverse.");
        for (int i = 0; i < group.GeneratorCodes.Length; i++)
        {
            back.Evaluate(group.GeneratorCodes[i], inverse.Slice(i * group.Width, group.Width));
        }
    }

    public override void WriteIdentity(Span<int> code)
    {
        for (int i = 0; i < group.GeneratorCodes.Length; i++)
        {
            group.GeneratorCodes[i].CopyTo(code[(i * group.Width)..]);
        }
    }

    public override bool IsIdentity(ReadOnlySpan<int> code)
    {
        for (int i = 0; i < group.GeneratorCodes.Length; i++)
        {
            if (!code.Slice(i * group.Width, group.Width).SequenceEqual(group.GeneratorCodes[i]))
            {
                return false;
            }
        }

        return true;
    }

    public override int Image(ReadOnlySpan<int> code, int point) => point;

    public override bool Contains(ReadOnlySpan<int> code) => code.Length == Width;

    public override string Format(ReadOnlySpan<int> code) =>
        string.Join(", ", group.Generators.Zip(Split(code.ToArray()), (g, image) => $"{g} ↦ {group.Format(image)}"));

    internal override bool SameAs(Group other) => false;

    internal override BigInteger OrderOf(ReadOnlySpan<int> code)
    {
        int[] power = code.ToArray();
        BigInteger order = BigInteger.One;
        for (; !IsIdentity(power); order++)
        {
            MultiplyLeft(code, power);
        }

        return order;
    }

    internal override GroupChain BuildChain() =>
        throw new EquivariantException($"The automorphism group of {group.Name} is not known in full.");

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken) =>
        throw new EquivariantException($"The automorphism group of {group.Name} is not known in full.");

    private int[][] Split(int[] code) =>
        [.. Enumerable.Range(0, group.GeneratorCodes.Length).Select(i => code[(i * group.Width)..((i + 1) * group.Width)])];
}
