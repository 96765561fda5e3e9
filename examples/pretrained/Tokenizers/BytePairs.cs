using System.IO.Compression;
using System.Text;
using Equivariant.Core;
using Equivariant.Pretrained.Weights;

namespace Equivariant.Pretrained;

/// <summary>Byte-pair encoding: a word's bytes, of which neighbours are joined in the order in which the vocabulary learnt to.</summary>
/// <remarks>Source: Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016), over bytes as in GPT-2.</remarks>
internal sealed class BytePairs
{
    private const long MostBytes = 1 << 28;
    private readonly IReadOnlyDictionary<string, int> _ids;
    private readonly Dictionary<(string, string), int> _ranks = [];
    private readonly string[] _letters = Letters();
    private readonly string _suffix;
    private readonly string _path;

    /// <summary>Joins by a vocabulary.</summary>
    /// <param name="path">The vocabulary's file, for messages.</param>
    /// <param name="ids">Tokens and their numbers.</param>
    /// <param name="merges">What is joined, the first learnt first.</param>
    /// <param name="suffix">What marks the end of a word in a token.</param>
    public BytePairs(string path, IReadOnlyDictionary<string, int> ids, IEnumerable<string> merges, string suffix)
    {
        (_path, _ids, _suffix) = (path, ids, suffix);
        foreach (string merge in merges)
        {
            if (merge.Split(' ') is not [string left, string right])
            {
                throw new EquivariantException($"'{path}' is no vocabulary of byte pairs: '{Short(merge)}' is not two words.");
            }

            _ranks.TryAdd((left, right), _ranks.Count);
        }
    }

    /// <summary>How many tokens there are.</summary>
    public int Count => _ids.Count;

    /// <summary>A token's number.</summary>
    public int Id(string token) =>
        _ids.TryGetValue(token, out int id) ? id : throw new EquivariantException($"'{_path}' has no token '{token}', which this tokenizer needs.");

    /// <summary>The vocabulary in <c>bpe_simple_vocab_16e6.txt</c> (or <c>.gz</c>): merges, from which the tokens follow.</summary>
    public static BytePairs ReadMerges(string path, int mostMerges, string suffix, IReadOnlyList<string> special)
    {
        string[] merges = [.. Lines(path).Skip(1).Take(mostMerges).TakeWhile(line => line.Length > 0)];
        Dictionary<string, int> ids = [];
        string[] letters = Letters();
        // The order in which the tokens were numbered: letters as Unicode orders those that stand for themselves, then the rest.
        string[] ordered = [.. Enumerable.Range(0, 256).Where(IsPlain).Concat(Enumerable.Range(0, 256).Where(code => !IsPlain(code))).Select(code => letters[code])];
        IEnumerable<string> joined = merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal));
        foreach (string token in ordered.Concat(ordered.Select(letter => letter + suffix)).Concat(joined).Concat(special))
        {
            ids[token] = ids.Count;
        }

        return new BytePairs(path, ids, merges, suffix);
    }

    /// <summary>The vocabulary in a folder's <c>vocab.json</c> and <c>merges.txt</c>.</summary>
    public static BytePairs ReadFolder(string folder, string suffix)
    {
        string vocabulary = Path.Combine(folder, "vocab.json"), merges = Path.Combine(folder, "merges.txt");
        JsonConfig json = JsonConfig.Read(vocabulary);
        Dictionary<string, int> ids = json.Root.EnumerateObject().ToDictionary(
            token => token.Name, token => token.Value.TryGetInt32(out int id) && id >= 0 ? id : throw json.Wrong(token.Name, "a token's number"));
        return new BytePairs(merges, ids, Lines(merges).Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal)), suffix);
    }

    /// <summary>The tokens of a word.</summary>
    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(word.ToArray());
        if (bytes.Length == 0)
        {
            return;
        }

        string[] parts = [.. bytes.Select(code => _letters[code])];
        parts[^1] += _suffix;
        foreach (string part in Join(parts))
        {
            ids.Add(Id(part));
        }
    }

    /// <summary>The text of a byte, as tokens write it: itself where it can be seen, another letter where not.</summary>
    private static string[] Letters()
    {
        int next = 256;
        return [.. Enumerable.Range(0, 256).Select(code => ((char)(IsPlain(code) ? code : next++)).ToString())];
    }

    private static bool IsPlain(int code) => code is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE and <= 0xFF;

    /// <summary>Joins neighbours, the pair that was learnt first before others, the leftmost first.</summary>
    private IEnumerable<string> Join(string[] parts)
    {
        int count = parts.Length;
        string?[] texts = parts;
        int[] previous = [.. Enumerable.Range(-1, count)], next = [.. Enumerable.Range(1, count)];
        PriorityQueue<(int Left, int Right, string Pair), (int Rank, int Left)> pairs = new();
        for (int i = 0; i + 1 < count; i++)
        {
            Offer(i, i + 1);
        }

        while (pairs.TryDequeue(out (int Left, int Right, string Pair) best, out _))
        {
            // A pair is gone when either of its parts has been joined since.
            if (texts[best.Left] is null || texts[best.Right] is null || texts[best.Left] + texts[best.Right] != best.Pair || next[best.Left] != best.Right)
            {
                continue;
            }

            texts[best.Left] = best.Pair;
            texts[best.Right] = null;
            next[best.Left] = next[best.Right];
            if (next[best.Left] < count)
            {
                previous[next[best.Left]] = best.Left;
                Offer(best.Left, next[best.Left]);
            }

            if (previous[best.Left] >= 0)
            {
                Offer(previous[best.Left], best.Left);
            }
        }

        return texts.OfType<string>();

        void Offer(int left, int right)
        {
            if (_ranks.TryGetValue((texts[left]!, texts[right]!), out int rank))
            {
                pairs.Enqueue((left, right, texts[left] + texts[right]), (rank, left));
            }
        }
    }

    private static IEnumerable<string> Lines(string path)
    {
        List<string> lines = [];
        try
        {
            using FileStream file = File.OpenRead(path);
            bool packed = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            using Stream unpacked = packed ? new GZipStream(file, CompressionMode.Decompress) : file;
            using StreamReader reader = new(unpacked);
            long length = 0;
            while (reader.ReadLine() is string line)
            {
                length += line.Length;
                if (length > MostBytes)
                {
                    throw new EquivariantException($"'{path}' is longer than any vocabulary.");
                }

                lines.Add(line);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new EquivariantException($"'{path}' can't be read as a vocabulary: {error.Message.TrimEnd('.')}.");
        }

        return lines;
    }

    private static string Short(string text) => text.Length > 60 ? text[..60] + "…" : text;
}
