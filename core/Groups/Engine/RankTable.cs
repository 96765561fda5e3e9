namespace Equivariant.Core.Groups.Engine;

/// <summary>All elements of a small group in the order of enumeration, and the position of each.</summary>
internal sealed class RankTable
{
    private readonly GroupChain _chain;
    private readonly int _width;
    private readonly int[] _codes;

    public RankTable(Group group)
    {
        _chain = group.Chain;
        _width = group.Width;
        Count = (int)group.Order;
        _codes = new int[Count * _width];
        int[] indices = new int[_chain.Length];
        for (int rank = 0; rank < Count; rank++)
        {
            _chain.Unrank(rank, indices);
            _chain.Product(indices, _codes.AsSpan(rank * _width, _width));
        }
    }

    public int Count { get; }

    public ReadOnlySpan<int> Code(int rank) => _codes.AsSpan(rank * _width, _width);

    public int Rank(ReadOnlySpan<int> code)
    {
        using Scratch scratch = new(_chain.Length, stackalloc int[Scratch.StackSize(_chain.Length)]);
        _chain.TryFactor(code, scratch.Span);
        return (int)_chain.Rank(scratch.Span);
    }
}
