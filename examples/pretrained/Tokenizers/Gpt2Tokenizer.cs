using Equivariant.Core.Native;
using Microsoft.ML.Tokenizers;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>GPT-2's tokens: byte pairs of words with the blank before them.</summary>
public sealed class Gpt2Tokenizer
{
    private const string End = "<|endoftext|>";

    // Between "<|" and a letter words end, so a text cut there has the same tokens; and neither part is the special word.
    private const int Cut = 2;
    private readonly Tokenizer _tokenizer;

    private Gpt2Tokenizer(Tokenizer tokenizer, int vocabularySize, int endToken) =>
        (_tokenizer, VocabularySize, EndToken) = (tokenizer, vocabularySize, endToken);

    /// <summary>The vocabulary that OpenAI published, with 50257 tokens.</summary>
    public static Gpt2Tokenizer Standard => s_standard.Value;

    /// <summary>How many tokens there are.</summary>
    public int VocabularySize { get; }

    /// <summary>The token between texts, <c>&lt;|endoftext|&gt;</c>.</summary>
    public int EndToken { get; }

    private static readonly Lazy<Gpt2Tokenizer> s_standard = new(() => new(TiktokenTokenizer.CreateForModel("gpt2"), 50257, 50256));

    /// <summary>Reads the vocabulary of a folder: <c>vocab.json</c> and <c>merges.txt</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>The tokenizer.</returns>
    /// <exception cref="Core.EquivariantException">A file can't be read or is no vocabulary.</exception>
    public static Gpt2Tokenizer Load(string folder)
    {
        string vocabulary = Path.Combine(folder, "vocab.json"), merges = Path.Combine(folder, "merges.txt");
        // Read once by ourselves: what is wrong with a file is then a sentence about the file.
        BytePairs pairs = BytePairs.ReadFolder(folder, suffix: "");
        Dictionary<string, int> special = new() { [End] = pairs.Id(End) };
        BpeOptions options = new(vocabulary, merges)
        {
            ByteLevel = true,
            PreTokenizer = new RegexPreTokenizer(Gpt2Words.Pattern(), special),
            SpecialTokens = special,
        };
        return new(BpeTokenizer.Create(options), pairs.Count, pairs.Id(End));
    }

    /// <summary>The tokens of a text.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="special">Whether <c>&lt;|endoftext|&gt;</c> in it is the token of that name rather than text.</param>
    /// <returns>The tokens.</returns>
    public IReadOnlyList<int> Ids(string text, bool special = false)
    {
        List<int> ids = [];
        int from = 0;
        for (int at = special ? -1 : text.IndexOf(End, StringComparison.Ordinal); at >= 0; at = text.IndexOf(End, from, StringComparison.Ordinal))
        {
            ids.AddRange(_tokenizer.EncodeToIds(text[from..(at + Cut)]));
            from = at + Cut;
        }

        ids.AddRange(_tokenizer.EncodeToIds(text[from..]));
        return ids;
    }

    /// <summary>The text of tokens.</summary>
    /// <param name="ids">The tokens.</param>
    /// <returns>The text; bytes that are no text are the replacement character.</returns>
    public string Text(IEnumerable<int> ids) => _tokenizer.Decode(ids) ?? "";

    /// <summary>A text as a model takes it.</summary>
    /// <param name="text">Any text.</param>
    /// <returns>Tokens <c>[1, length]</c>, <c>int64</c>.</returns>
    public Tensor Encode(string text)
    {
        LibTorch.Load();
        long[] ids = [.. Ids(text)];
        return tensor(ids, [1, ids.Length], dtype: ScalarType.Int64);
    }

    /// <summary>Refuses a model whose embedding lacks some of the tokens.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="Core.EquivariantException">The vocabulary is larger than the model's.</exception>
    public void RequireFits(Gpt2 model) => Tokens.RequireFit(VocabularySize, model.Config.VocabularySize);
}
