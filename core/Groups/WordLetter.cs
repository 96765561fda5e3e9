namespace Equivariant.Core.Groups;

/// <summary>A power of a generator, as one letter of a word.</summary>
/// <param name="Generator">The position of the generator in <see cref="Group.Generators"/>.</param>
/// <param name="Exponent">The power, not zero; negative for inverses.</param>
public readonly record struct WordLetter(int Generator, int Exponent);
