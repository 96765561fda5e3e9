using System.Globalization;
using System.Text;
using Equivariant.Core;
using Equivariant.Core.Native;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>CLIP's tokens: lower-case words in byte pairs that know where a word ends.</summary>
/// <remarks>
/// Text is cleaned as OpenAI's tokenizer does it where the Python package ftfy is not installed: character references of
/// HTML twice, runs of blanks to one, lower case. The vocabulary is a file of the user's.
/// Source: openai/CLIP, clip/simple_tokenizer.py.
/// </remarks>
public sealed class ClipTokenizer
{
    private const string StartText = "<|startoftext|>", EndText = "<|endoftext|>", EndOfWord = "</w>";
    private const int Merges = 49152 - 256 - 2;
    private static readonly string[] s_contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    private readonly BytePairs _pairs;

    private ClipTokenizer(BytePairs pairs)
    {
        _pairs = pairs;
        (StartToken, EndToken) = (pairs.Id(StartText), pairs.Id(EndText));
    }

    /// <summary>The token before a text.</summary>
    public int StartToken { get; }

    /// <summary>The token after a text.</summary>
    public int EndToken { get; }

    /// <summary>How many tokens there are.</summary>
    public int VocabularySize => _pairs.Count;

    /// <summary>Reads a vocabulary.</summary>
    /// <param name="path"><c>bpe_simple_vocab_16e6.txt.gz</c>, as it is or unpacked; or a folder with <c>vocab.json</c> and <c>merges.txt</c>.</param>
    /// <returns>The tokenizer.</returns>
    /// <exception cref="EquivariantException">The file can't be read or is no vocabulary.</exception>
    public static ClipTokenizer Load(string path) => new(Directory.Exists(path)
        ? BytePairs.ReadFolder(path, EndOfWord)
        : BytePairs.ReadMerges(path, Merges, EndOfWord, [StartText, EndText]));

    /// <summary>A text as the tokenizer sees it.</summary>
    /// <param name="text">Any text.</param>
    /// <returns>The cleaned text.</returns>
    public static string Clean(string text)
    {
        string plain = Html.Unescape(Html.Unescape(text));
        StringBuilder clean = new();
        foreach (Rune rune in Strip(plain).EnumerateRunes())
        {
            if (!Rune.IsWhiteSpace(rune))
            {
                clean.Append(rune.ToString());
            }
            else if (clean.Length == 0 || clean[^1] != ' ')
            {
                clean.Append(' ');
            }
        }

        return Lower(Strip(clean.ToString()));
    }

    /// <summary>The tokens of a text, without start and end.</summary>
    /// <param name="text">Any text. The words <c>&lt;|startoftext|&gt;</c> and <c>&lt;|endoftext|&gt;</c> in it are the tokens that they name.</param>
    /// <returns>The tokens.</returns>
    public IReadOnlyList<int> Ids(string text)
    {
        List<int> ids = [];
        string clean = Clean(text);
        int at = 0;
        while (at < clean.Length)
        {
            int length = WordLength(clean.AsSpan(at));
            ReadOnlySpan<char> word = clean.AsSpan(at, Math.Max(length, 1));
            if (word is StartText or EndText)
            {
                ids.Add(word is StartText ? StartToken : EndToken);
            }
            else if (length > 0)
            {
                _pairs.Encode(word, ids);
            }

            at += word.Length;
        }

        return ids;
    }

    /// <summary>Texts as a model takes them: start, tokens, end, and zeros.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="contextLength">How many tokens a row has.</param>
    /// <param name="truncate">Whether a text that is too long is cut, its end token kept, rather than refused.</param>
    /// <returns>Tokens <c>[texts, contextLength]</c>, <c>int64</c>.</returns>
    /// <exception cref="EquivariantException">A text is too long; the message shows it.</exception>
    public Tensor Encode(IReadOnlyList<string> texts, int contextLength = 77, bool truncate = false)
    {
        LibTorch.Load();
        long[] tokens = new long[texts.Count * (long)contextLength];
        for (int row = 0; row < texts.Count; row++)
        {
            int[] ids = [StartToken, .. Ids(texts[row]), EndToken];
            if (ids.Length > contextLength)
            {
                if (!truncate)
                {
                    string shown = texts[row].Length > 40 ? texts[row][..40] + "…" : texts[row];
                    throw new EquivariantException(
                        $"The text '{shown}' has {ids.Length} tokens with its start and end, and {contextLength} is the most; cut it, or ask for it to be truncated.");
                }

                ids = [.. ids[..(contextLength - 1)], EndToken];
            }

            for (int i = 0; i < ids.Length; i++)
            {
                tokens[(row * contextLength) + i] = ids[i];
            }
        }

        return tensor(tokens, [texts.Count, contextLength], dtype: ScalarType.Int64);
    }

    /// <summary>Refuses a model whose embedding lacks some of the tokens.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="EquivariantException">The vocabulary is larger than the model's.</exception>
    public void RequireFits(Clip model) => Tokens.RequireFit(VocabularySize, model.Config.VocabularySize);

    /// <summary>The length of the word that a text starts with; 0 for a blank.</summary>
    private static int WordLength(ReadOnlySpan<char> text)
    {
        foreach (string special in (ReadOnlySpan<string>)[StartText, EndText, .. s_contractions])
        {
            // Ignoring case, the long s is an s.
            if (text.StartsWith(special, StringComparison.Ordinal) || special == "'s" && text.StartsWith("'ſ", StringComparison.Ordinal))
            {
                return special.Length;
            }
        }

        Rune.DecodeFromUtf16(text, out Rune first, out int length);
        Kind kind = Of(first);
        if (kind is Kind.Blank or Kind.Digit)
        {
            return kind == Kind.Blank ? 0 : length;
        }

        while (length < text.Length)
        {
            Rune.DecodeFromUtf16(text[length..], out Rune rune, out int more);
            if (Of(rune) != kind)
            {
                break;
            }

            length += more;
        }

        return length;
    }

    private static Kind Of(Rune rune) => Rune.IsWhiteSpace(rune) ? Kind.Blank : Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Digit,
        _ => Kind.Other,
    };

    /// <summary>Without blanks at its ends; Python counts four control characters among them.</summary>
    private static string Strip(string text)
    {
        int from = 0, to = text.Length;
        while (from < to && IsBlank(text[from]))
        {
            from++;
        }

        while (to > from && IsBlank(text[to - 1]))
        {
            to--;
        }

        return text[from..to];

        static bool IsBlank(char letter) => char.IsWhiteSpace(letter) || letter is >= '\u001C' and <= '\u001F';
    }

    /// <summary>Lower case by Unicode's full rules: İ becomes two characters, and Σ at the end of a word is ς.</summary>
    private static string Lower(string text)
    {
        StringBuilder lower = new(text.Length);
        Rune[] runes = [.. text.EnumerateRunes()];
        for (int i = 0; i < runes.Length; i++)
        {
            lower.Append(runes[i].Value switch
            {
                'İ' => "i\u0307",
                'Σ' when IsCased(runes.Take(i).Reverse()) && !IsCased(runes.Skip(i + 1)) => "ς",
                _ => Rune.ToLowerInvariant(runes[i]).ToString(),
            });
        }

        return lower.ToString();

        // The next that is not ignored, such as an accent or an apostrophe, has a case.
        static bool IsCased(IEnumerable<Rune> runes)
        {
            Rune next = runes.FirstOrDefault(rune => !IsIgnored(rune));
            // Ordinal signs, Roman numerals and circled letters have a case without being letters that do.
            return Rune.IsUpper(next) || Rune.IsLower(next) || Rune.GetUnicodeCategory(next) == UnicodeCategory.TitlecaseLetter
                || next.Value is 0xAA or 0xBA or >= 0x2160 and <= 0x217F or >= 0x24B6 and <= 0x24E9;
        }

        static bool IsIgnored(Rune rune) => rune.Value is '\'' or '.' or ':' or '·' or '’' or '‘' or '^' or '`' or '¨' or '¯' or '´' or '¸'
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark
                or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
    }

    private enum Kind
    {
        Blank,
        Letter,
        Digit,
        Other,
    }
}
