using System.Text.RegularExpressions;

namespace Equivariant.Pretrained;

/// <summary>What GPT-2 takes for a word, before byte pairs.</summary>
internal static partial class Gpt2Words
{
    /// <summary>A contraction's end; letters, digits or other signs with the blank before them; blanks.</summary>
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    public static partial Regex Pattern();
}
