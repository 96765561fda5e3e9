using System.Buffers.Binary;
using System.Numerics;
using System.Text.Json;

namespace Equivariant.Core.Serialization;

/// <namespacedoc><summary>Files of tensors: safetensors, written whole or not at all.</summary></namespacedoc>
/// <summary>A safetensors file, open and listed: its tensors are read one by one, when they are asked for.</summary>
/// <remarks>
/// The header is checked in full before anything is used. Types that torch lacks or that are not known are listed like
/// others and refused, skipped or converted where they are read.
/// Source: the format's description by Hugging Face (github.com/huggingface/safetensors).
/// </remarks>
public sealed class SafetensorsFile : ITensorFile
{
    private const int MostHeaderBytes = 100_000_000;
    /// <summary>The name that texts have in place of a tensor.</summary>
    internal const string MetadataKey = "__metadata__";
    private readonly MappedFile _file;

    /// <summary>Opens a file and reads its header.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="EquivariantException">The file is not in the format; the message says where it breaks it.</exception>
    public SafetensorsFile(string path)
    {
        _file = new MappedFile(path);
        try
        {
            (Tensors, Metadata) = List();
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Path => _file.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The texts beside the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private (Dictionary<string, StoredTensor> Tensors, Dictionary<string, string> Metadata) List()
    {
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (_file.Length < prefix.Length)
        {
            throw Damaged($"it has only {_file.Length} bytes");
        }

        _file.Read(0, prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MostHeaderBytes || length > (ulong)(_file.Length - prefix.Length))
        {
            throw Damaged($"its header should have {length} bytes, which the file does not have");
        }

        byte[] header = new byte[length];
        _file.Read(prefix.Length, header);
        long data = prefix.Length + header.Length;
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
                        metadata[text.Name] = text.Value.GetString() ?? throw Damaged($"its metadata '{text.Name}' is no text");
                    }
                }
                else
                {
                    entries.Add(Parse(property));
                }
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Damaged($"its header is not what the format asks for ({error.Message.TrimEnd('.')})");
        }

        RequireTiling(entries, _file.Length - data);
        return (entries.ToDictionary(
            entry => entry.Name,
            entry => new StoredTensor(Path, entry.Name, entry.Type, entry.Shape, _file, data + entry.Begin)), metadata);
    }

    private Entry Parse(JsonProperty property)
    {
        string type = property.Value.GetProperty("dtype").GetString() ?? throw Damaged($"its tensor '{property.Name}' has no type");
        long[] shape = [.. property.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())];
        long[] offsets = [.. property.Value.GetProperty("data_offsets").EnumerateArray().Select(n => n.GetInt64())];
        if (shape.Any(n => n < 0) || offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
        {
            throw Damaged($"its tensor '{property.Name}' has a shape or place that can't be");
        }

        if (StoredType.All.TryGetValue(type, out StoredType? known)
            && shape.Aggregate((BigInteger)known.Bytes, (product, n) => product * n) is var expected && expected != offsets[1] - offsets[0])
        {
            throw Damaged($"its tensor '{property.Name}' of shape [{string.Join(", ", shape)}] needs {expected} bytes and has {offsets[1] - offsets[0]}");
        }

        return new Entry(property.Name, type, shape, offsets[0], offsets[1]);
    }

    /// <summary>The tensors have to cover the file, each byte once.</summary>
    private void RequireTiling(List<Entry> entries, long length)
    {
        long at = 0;
        foreach (Entry entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.Begin != at)
            {
                throw Damaged($"its tensor '{entry.Name}' begins at byte {entry.Begin} instead of {at}");
            }

            at = entry.End;
        }

        if (at != length)
        {
            throw Damaged($"its tensors need {at} bytes, and it has {length}");
        }
    }

    /// <summary>What is wrong with the file.</summary>
    internal EquivariantException Damaged(string why) => new($"'{Path}' is not a safetensors file, or is damaged: {why}.");

    private sealed record Entry(string Name, string Type, long[] Shape, long Begin, long End);
}
