using System.Buffers.Binary;
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
    // Memory of tensors is seen through spans, whose length is an int: large tensors pass in pieces.
    private const int PieceBytes = 1 << 26;

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
        Reached(path, () => AtomicFile.Write(path, file =>
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
        using SafetensorsFile file = new(path);
        if (file.Tensors.Values.FirstOrDefault(tensor => tensor.Type is null) is { } unknown)
        {
            throw file.Damaged($"its tensor '{unknown.Name}' has the type '{unknown.TypeName}', which is not supported");
        }

        return (file.Tensors.ToDictionary(pair => pair.Key, pair => pair.Value.Read()), file.Metadata);
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

    /// <summary>Writes; what the system refuses becomes a sentence.</summary>
    private static void Reached(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (MappedFile.IsRefusal(error))
        {
            throw MappedFile.Unreached(path, "written", error);
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

    private static byte[] Header(KeyValuePair<string, Tensor>[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject(SafetensorsFile.MetadataKey);
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
                StoredType? type = StoredType.All.Values.FirstOrDefault(known => !known.IsForeign && known.Type == tensor.dtype && !tensor.is_complex());
                if (type is null || name == SafetensorsFile.MetadataKey)
                {
                    throw new EquivariantException($"The tensor '{name}' of type {tensor.dtype} can't be saved as safetensors: the format lacks that {(type is null ? "type" : "name")}.");
                }

                json.WriteStartObject(name);
                json.WriteString("dtype", type.Name);
                json.WriteStartArray("shape");
                foreach (long size1 in tensor.shape)
                {
                    json.WriteNumberValue(size1);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                offset += tensor.numel() * type.Bytes;
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
}
