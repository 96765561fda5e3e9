namespace Equivariant.Core.Groups.Engine;

/// <summary>Compares packed elements entry by entry, so that they can be keys.</summary>
internal sealed class CodeComparer : IEqualityComparer<int[]>
{
    public static CodeComparer Instance { get; } = new();

    public bool Equals(int[]? x, int[]? y) => x is null ? y is null : y is not null && x.AsSpan().SequenceEqual(y);

    public int GetHashCode(int[] code) => Group.HashOf(code);
}
