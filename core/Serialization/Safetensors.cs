using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Serialization;

/// <summary>Reads and writes tensors in the safetensors format: a length, a JSON header, and the numbers, little-endian.</summary>
/// <remarks>
/// What is read is checked in full before it is used: a damaged or cut file is refused with a sentence, and nothing of it
/// is loaded. Source: the format's description by Hugging Face (github.com/huggingface/safetensors).
/// </remarks>
public static class Safetensors
{
    private const int MostHeaderBytes = 100_000_000;

    // Memory of tensors is seen through spans, whose length is an int: large tensors pass in pieces.
    private const int PieceBytes = 1 << 26;
    private const string MetadataKey = "__metadata__";
    private static readonly (ScalarType Type, string Name, int Bytes)[] s_types =
    [
        (ScalarType.Float64, "F64", 8), (ScalarType.Float32, "F32", 4), (ScalarType.Float16, "F16", 2), (ScalarType.BFloat16, "BF16", 2),
        (ScalarType.Int64, "I64", 8), (ScalarType.Int32, "I32", 4), (ScalarType.Int16, "I16", 2), (ScalarType.Int8, "I8", 1),
        (ScalarType.Byte, "U8", 1), (ScalarType.Bool, "BOOL", 1),
    ];

    /// <summary>Saves the state of a module: its parameters and buffers, by name.</summary>
    /// <param name="path">The file; replaced if it exists, and only once the new one is complete. A link stays, and what it leads to is replaced.</param>
    /// <param name="module">The module.</param>
    /// <param name="metadata">Texts to keep beside the tensors.</param>
    /// <exception cref="EquivariantException">A tensor has a type that the format lacks, or the file can't be written; what was there stays.</exception>
    public static void Save(string path, nn.Module module, IReadOnlyDictionary<string, string>? metadata = null) =>
        Save(path, module.state_dict(), metadata);

    /// <summary>Saves named tensors.</summary>
    /// <param name="path">The file; replaced if it exists, and only once the new one is complete. A link stays, and what it leads to is replaced.</param>
    /// <param name="tensors">The tensors, of any device and size.</param>
    /// <param name="metadata">Texts to keep beside the tensors.</param>
    /// <exception cref="EquivariantException">A tensor has a type that the format lacks, or the file can't be written; what was there stays.</exception>
    public static void Save(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        KeyValuePair<string, Tensor>[] ordered = [.. tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal)];
        byte[] header = Header(ordered, metadata);
        Reached(path, "written", () => AtomicFile.Write(path, file =>
        {
            Span<byte> length = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            file.Write(length);
            file.Write(header);
            foreach ((_, Tensor tensor) in ordered)
            {
                InPieces(tensor, piece =>
                {
                    using Tensor numbers = piece.cpu().contiguous();
                    file.Write(numbers.bytes);
                });
            }
        }));
    }

    /// <summary>Reads all tensors of a file.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The tensors by name, on the CPU, and the texts beside them.</returns>
    /// <exception cref="EquivariantException">The file is not in the format; the message says where it breaks it.</exception>
    public static (IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Read(string path)
    {
        Dictionary<string, Tensor> tensors = [];
        Dictionary<string, string> metadata = [];
        Reached(path, "read", () =>
        {
            using FileStream file = File.OpenRead(path);
            (List<Entry> entries, metadata) = ParseHeader(path, ReadHeader(path, file));
            RequireTiling(path, entries, file.Length - file.Position);
            foreach (Entry entry in entries.OrderBy(entry => entry.Begin))
            {
                Tensor tensor = empty(entry.Shape, entry.Type);
                tensors.Add(entry.Name, tensor);
                InPieces(tensor, piece => file.ReadExactly(piece.bytes));
            }
        });
        return (tensors, metadata);
    }

    /// <summary>Loads a file into a module of the same structure.</summary>
    /// <param name="path">The file.</param>
    /// <param name="module">The module; changed only if everything fits.</param>
    /// <returns>The texts beside the tensors.</returns>
    /// <exception cref="EquivariantException">The file is damaged, or its names, shapes or types are not the module's; the message names the first.</exception>
    public static IReadOnlyDictionary<string, string> Load(string path, nn.Module module)
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        (IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata) = Read(path);
        Dictionary<string, Tensor> state = module.state_dict();
        foreach ((string name, Tensor target) in state)
        {
            if (!tensors.TryGetValue(name, out Tensor? source))
            {
                throw new EquivariantException($"'{path}' has no tensor '{name}', which {module.GetName()} needs; it was saved from another network.");
            }

            if (!source.shape.SequenceEqual(target.shape) || source.dtype != target.dtype)
            {
                throw new EquivariantException(
                    $"'{path}' has '{name}' as {source.dtype} [{string.Join(", ", source.shape)}], but {module.GetName()} needs {target.dtype} [{string.Join(", ", target.shape)}].");
            }
        }

        foreach (string name in tensors.Keys.Where(name => !state.ContainsKey(name)))
        {
            throw new EquivariantException($"'{path}' has a tensor '{name}', which {module.GetName()} does not; it was saved from another network.");
        }

        foreach ((string name, Tensor target) in state)
        {
            target.copy_(tensors[name]);
        }

        return metadata;
    }

    /// <summary>Reads or writes; what the system refuses becomes a sentence.</summary>
    private static void Reached(string path, string what, Action access)
    {
        try
        {
            access();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new EquivariantException($"'{path.Replace("\0", "\\0", StringComparison.Ordinal)}' can't be {what}: {error.Message.TrimEnd('.')}.");
        }
    }

    /// <summary>Visits the numbers of a tensor in order, some at a time.</summary>
    private static void InPieces(Tensor tensor, Action<Tensor> visit)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = tensor.detach().flatten();
        long size = PieceBytes / tensor.ElementSize, count = flat.numel();
        for (long from = 0; from < count; from += size)
        {
            using Tensor piece = flat.narrow(0, from, Math.Min(size, count - from));
            visit(piece);
        }
    }

    private static byte[] ReadHeader(string path, FileStream file)
    {
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (file.Length < prefix.Length)
        {
            throw Damaged(path, $"it has only {file.Length} bytes");
        }

        file.ReadExactly(prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MostHeaderBytes || length > (ulong)(file.Length - prefix.Length))
        {
            throw Damaged(path, $"its header should have {length} bytes, which the file does not have");
        }

        byte[] header = new byte[length];
        file.ReadExactly(header);
        return header;
    }

    private static byte[] Header(KeyValuePair<string, Tensor>[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject(MetadataKey);
                foreach ((string key, string value) in metadata)
                {
                    RequireText(key, "metadata");
                    RequireText(value, "metadata");
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            long offset = 0;
            foreach ((string name, Tensor tensor) in tensors)
            {
                RequireText(name, "name of a tensor");
                (_, string type, int size) = s_types.FirstOrDefault(known => known.Type == tensor.dtype);
                if (type is null || name == MetadataKey)
                {
                    throw new EquivariantException($"The tensor '{name}' of type {tensor.dtype} can't be saved as safetensors: the format lacks that {(type is null ? "type" : "name")}.");
                }

                json.WriteStartObject(name);
                json.WriteString("dtype", type);
                json.WriteStartArray("shape");
                foreach (long size1 in tensor.shape)
                {
                    json.WriteNumberValue(size1);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                offset += tensor.numel() * size;
                json.WriteNumberValue(offset);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces up to a multiple of eight keep the numbers aligned.
        while (stream.Length % sizeof(ulong) != 0)
        {
            stream.WriteByte((byte)' ');
        }

        return stream.ToArray();
    }

    /// <summary>Refuses halves of characters, which a file can't hold: JSON would put another character in their place.</summary>
    private static void RequireText(string text, string what)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!Rune.TryGetRuneAt(text, i, out Rune rune))
            {
                throw new EquivariantException($"The {what} has half of a character (U+{(int)text[i]:X4}) at position {i}, which can't be saved; take it out.");
            }

            i += rune.Utf16SequenceLength - 1;
        }
    }

    private static (List<Entry> Entries, Dictionary<string, string> Metadata) ParseHeader(string path, ReadOnlyMemory<byte> header)
    {
        List<Entry> entries = [];
        Dictionary<string, string> metadata = [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.Name == MetadataKey)
                {
                    foreach (JsonProperty text in property.Value.EnumerateObject())
                    {
                        metadata[text.Name] = text.Value.GetString() ?? throw Damaged(path, $"its metadata '{text.Name}' is no text");
                    }
                }
                else
                {
                    entries.Add(ParseEntry(path, property));
                }
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Damaged(path, $"its header is not what the format asks for ({error.Message.TrimEnd('.')})");
        }

        return (entries, metadata);
    }

    private static Entry ParseEntry(string path, JsonProperty property)
    {
        string? dtype = property.Value.GetProperty("dtype").GetString();
        (ScalarType type, string known, int size) = s_types.FirstOrDefault(t => t.Name == dtype);
        if (known is null)
        {
            throw Damaged(path, $"its tensor '{property.Name}' has the type '{dtype}', which is not supported");
        }

        long[] shape = [.. property.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())];
        long[] offsets = [.. property.Value.GetProperty("data_offsets").EnumerateArray().Select(n => n.GetInt64())];
        if (shape.Any(n => n < 0) || offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
        {
            throw Damaged(path, $"its tensor '{property.Name}' has a shape or place that can't be");
        }

        BigInteger expected = shape.Aggregate((BigInteger)size, (product, n) => product * n);
        if (expected != offsets[1] - offsets[0])
        {
            throw Damaged(
                path,
                $"its tensor '{property.Name}' of shape [{string.Join(", ", shape)}] needs {expected} bytes and has {offsets[1] - offsets[0]}");
        }

        // Torch numbers the elements as if no axis were empty.
        const int MostAxes = 64;
        BigInteger strides = shape.Aggregate((BigInteger)size, (product, n) => product * Math.Max(n, 1));
        if (shape.Length > MostAxes || strides > long.MaxValue)
        {
            throw Damaged(path, $"its tensor '{property.Name}' has {shape.Length} axes with a product of lengths that no tensor has");
        }

        return new Entry(property.Name, type, shape, offsets[0], offsets[1]);
    }

    /// <summary>The tensors have to cover the file, each byte once.</summary>
    private static void RequireTiling(string path, List<Entry> entries, long length)
    {
        long at = 0;
        foreach (Entry entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.Begin != at)
            {
                throw Damaged(path, $"its tensor '{entry.Name}' begins at byte {entry.Begin} instead of {at}");
            }

            at = entry.End;
        }

        if (at != length)
        {
            throw Damaged(path, $"its tensors need {at} bytes, and it has {length}");
        }
    }

    private static EquivariantException Damaged(string path, string why) => new($"'{path}' is not a safetensors file, or is damaged: {why}.");

    private sealed record Entry(string Name, ScalarType Type, long[] Shape, long Begin, long End);
}
