namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// The chain of a group whose packed element is its parts' packed elements side by side, each part with its own chain:
/// a direct product, and a semidirect product since (n, h) = (n, 1)(1, h).
/// </summary>
internal sealed class CompositeChain : GroupChain
{
    private readonly Group _group;
    private readonly Part[] _parts;
    private readonly (int Part, int Level)[] _levels;

    /// <summary>The identity, when the parts do not fill the packed element: the rest of a member must equal it.</summary>
    private readonly int[]? _rest;

    /// <summary>Takes the parts in the order of the transversals: the rightmost factor of the product first.</summary>
    public CompositeChain(Group group, params Part[] parts)
    {
        _group = group;
        _parts = parts;
        _levels = [.. parts.SelectMany((part, p) => Enumerable.Range(0, part.Chain.Length).Select(level => (p, level)))];
        if (parts.Sum(part => part.Width) < group.Width)
        {
            _rest = new int[group.Width];
            group.WriteIdentity(_rest);
        }
    }

    public override int Length => _levels.Length;

    public override int Size(int level) => _parts[_levels[level].Part].Chain.Size(_levels[level].Level);

    public override void Representative(int level, int index, Span<int> code)
    {
        (int p, int inner) = _levels[level];
        Part part = _parts[p];
        _group.WriteIdentity(code);
        part.Chain.Representative(inner, index, code.Slice(part.Offset, part.Width));
    }

    public override bool TryFactor(ReadOnlySpan<int> code, Span<int> indices)
    {
        int at = 0;
        foreach (Part part in _parts)
        {
            if (!part.Chain.TryFactor(code.Slice(part.Offset, part.Width), indices.Slice(at, part.Chain.Length)))
            {
                return false;
            }

            at += part.Chain.Length;
        }

        return _rest is null || RestIsIdentity(code);
    }

    public override void Product(ReadOnlySpan<int> indices, Span<int> code)
    {
        int at = 0;
        _rest?.CopyTo(code);
        foreach (Part part in _parts)
        {
            part.Chain.Product(indices.Slice(at, part.Chain.Length), code.Slice(part.Offset, part.Width));
            at += part.Chain.Length;
        }
    }

    public override void Random(Random random, Span<int> code)
    {
        _rest?.CopyTo(code);
        foreach (Part part in _parts)
        {
            part.Chain.Random(random, code.Slice(part.Offset, part.Width));
        }
    }

    private bool RestIsIdentity(ReadOnlySpan<int> code)
    {
        using Scratch scratch = new(code.Length, stackalloc int[Scratch.StackSize(code.Length)]);
        code.CopyTo(scratch.Span);
        foreach (Part part in _parts)
        {
            _rest.AsSpan(part.Offset, part.Width).CopyTo(scratch.Span[part.Offset..]);
        }

        return scratch.Span.SequenceEqual(_rest);
    }

    internal readonly record struct Part(GroupChain Chain, int Offset, int Width);
}
