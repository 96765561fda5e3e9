namespace Equivariant.Core.Groups.Engine;

/// <summary>The chain of a group of permutations that is known by its faithful action on fewer points.</summary>
/// <param name="action">An action of this group, or of one that it is a subgroup of.</param>
/// <param name="smaller">How this group acts there, with the same generators in the same order.</param>
internal sealed class SmallerActionChain(SmallerAction action, Group smaller) : GroupChain
{
    private readonly GroupChain _chain = smaller.Chain;

    /// <summary>Takes the chain of the whole group that acts.</summary>
    public SmallerActionChain(SmallerAction action)
        : this(action, action.Group)
    {
    }

    /// <summary>The action.</summary>
    public SmallerAction Action => action;

    /// <summary>The group on fewer points.</summary>
    public Group Smaller => smaller;

    public override int Length => _chain.Length;

    public override int Size(int level) => _chain.Size(level);

    public override void Representative(int level, int index, Span<int> code)
    {
        using Scratch scratch = new(smaller.Width, stackalloc int[Scratch.StackSize(smaller.Width)]);
        _chain.Representative(level, index, scratch.Span);
        action.Expand(scratch.Span, code);
    }

    public override bool TryFactor(ReadOnlySpan<int> code, Span<int> indices)
    {
        using Scratch scratch = new(smaller.Width, stackalloc int[Scratch.StackSize(smaller.Width)]);
        if (!action.TryReduce(code, scratch.Span) || !_chain.TryFactor(scratch.Span, indices))
        {
            return false;
        }

        // Another permutation may move the new points like this member.
        using Scratch member = new(code.Length, stackalloc int[Scratch.StackSize(code.Length)]);
        action.Expand(scratch.Span, member.Span);
        return member.Span.SequenceEqual(code);
    }

    public override void Product(ReadOnlySpan<int> indices, Span<int> code)
    {
        using Scratch scratch = new(smaller.Width, stackalloc int[Scratch.StackSize(smaller.Width)]);
        _chain.Product(indices, scratch.Span);
        action.Expand(scratch.Span, code);
    }

    /// <summary>Takes a subgroup of the group on fewer points as one of the group on all.</summary>
    public Subgroup Expanded(Group group, Subgroup subgroup) => new(
        group, [.. subgroup.GeneratorCodes.Select(code => action.Expanded(code))], null, new SmallerActionChain(action, subgroup));
}
