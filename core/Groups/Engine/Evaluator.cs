namespace Equivariant.Core.Groups.Engine;

/// <summary>A homomorphism that was checked on generators and can be evaluated on any packed element.</summary>
internal abstract class Evaluator
{
    /// <summary>Writes the image of <paramref name="code"/>.</summary>
    public abstract void Evaluate(ReadOnlySpan<int> code, Span<int> image);
}

/// <summary>A relation that holds between generators and fails between their images.</summary>
/// <param name="Generators">Which generators, by position.</param>
/// <param name="Relation">The relation in words or symbols, about generators called a, b, …</param>
internal sealed record BrokenRelation(int[] Generators, string Relation)
{
    /// <summary>Says the relation with the generators by name: "generators 0 (1) and 1 (2) satisfy a b = b a, where a = 1 and b = 2".</summary>
    public string Describe(Group group)
    {
        string Named(int g) => $"{g} ({group.Generators[g]})";
        string[] letters = [.. Generators.Select((_, i) => ((char)('a' + Math.Min(i, 25))).ToString())];
        const int MostLetters = 4;
        return Generators.Length switch
        {
            1 => $"generator {Named(Generators[0])} satisfies {Relation}, where a is that generator",
            <= MostLetters => $"generators {string.Join(" and ", Generators.Select(Named))} satisfy {Relation}" +
                $", where {string.Join(", ", letters.Zip(Generators, (l, g) => $"{l} = {group.Generators[g]}"))}",
            _ => $"the generators {string.Join(", ", Generators.Select(Named))} satisfy a relation ({Relation})",
        };
    }

    public BrokenRelation Shift(int offset) =>
        this with { Generators = [.. Generators.Select(g => g + offset)] };
}

/// <summary>Evaluates on packed pairs or longer tuples: the product of the parts' images, in order.</summary>
internal sealed class CompositeEvaluator(Group target, (Evaluator Evaluator, int Offset, int Width)[] parts) : Evaluator
{
    public override void Evaluate(ReadOnlySpan<int> code, Span<int> image)
    {
        using Scratch scratch = new(target.Width, stackalloc int[Scratch.StackSize(target.Width)]);
        (Evaluator last, int offset, int width) = parts[^1];
        last.Evaluate(code.Slice(offset, width), image);
        for (int i = parts.Length - 2; i >= 0; i--)
        {
            (Evaluator evaluator, offset, width) = parts[i];
            evaluator.Evaluate(code.Slice(offset, width), scratch.Span);
            target.MultiplyLeft(scratch.Span, image);
        }
    }
}

/// <summary>Sends everything to the identity.</summary>
internal sealed class TrivialEvaluator(Group target) : Evaluator
{
    public override void Evaluate(ReadOnlySpan<int> code, Span<int> image) => target.WriteIdentity(image);
}
