namespace Equivariant.Core.Groups;

/// <summary>A homomorphism, known to be one, on packed elements.</summary>
/// <param name="code">A packed element.</param>
/// <param name="image">Its image, to fill.</param>
internal delegate void CodeMap(ReadOnlySpan<int> code, Span<int> image);
