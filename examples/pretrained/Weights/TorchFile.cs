using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Equivariant.Core;
using Equivariant.Core.Serialization;

namespace Equivariant.Pretrained.Weights;

/// <summary>A file of torch's own: <c>pytorch_model.bin</c>, a checkpoint, or a TorchScript archive, of which nothing is run.</summary>
/// <remarks>
/// Three layouts: what <c>torch.save</c> has written since version 1.6 and what <c>torch.jit.save</c> writes are zip
/// archives with a pickle and one entry for each storage; what <c>torch.save</c> wrote before is a row of pickles with
/// the storages behind them. Names are joined by dots: <c>visual.conv1.weight</c>.
/// Sources: torch/serialization.py and torch/csrc/jit/serialization/pickler.cpp.
/// </remarks>
public sealed class TorchFile : ITensorFile
{
    private const int MostNameCharacters = 500, MostDepth = 100, MostNames = 300_000;
    private static readonly BigInteger s_legacyMagic = BigInteger.Parse("0" + "1950a86a20f9469cfc6c", NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    private readonly MappedFile _file;
    private readonly Dictionary<string, StoredTensor> _tensors = [];
    private int _names;

    /// <summary>Opens a file and lists its tensors.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="EquivariantException">
    /// The file is damaged, or names anything but tensors and plain containers; the message says which name.
    /// </exception>
    public TorchFile(string path)
    {
        _file = new MappedFile(path);
        try
        {
            Collect(ZipDirectory.IsZip(_file) ? ReadZip() : ReadLegacy(), "", 0);
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
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private object? ReadZip()
    {
        ZipDirectory zip = new(_file);
        const string pickle = "/data.pkl";
        string[] roots = [.. zip.Names.Where(name => name.EndsWith(pickle, StringComparison.Ordinal)).Select(name => name[..^pickle.Length])];
        if (roots is not [string root])
        {
            throw Damaged($"it has {roots.Length} entries named data.pkl instead of one");
        }

        string order = $"{root}/byteorder";
        if (zip.Names.Contains(order))
        {
            using StreamReader reader = new(new StoredStream(zip.Open(order)));
            if (reader.ReadToEnd() is var word && word != "little")
            {
                throw Damaged($"its numbers are in the byte order '{word}'; save it on a little-endian machine");
            }
        }

        using StoredStream stream = new(zip.Open(root + pickle));
        return new PickleReader(Path, stream, stream.Length, Storage).Read();

        PickledStorage Storage(object? id)
        {
            (string type, string key, long count) = Parse(id);
            IStoredBytes bytes = zip.Open($"{root}/data/{key}");
            return bytes.Length == count * (BigInteger)StoredType.All[type].Bytes
                ? new PickledStorage(type, bytes)
                : throw Damaged($"its storage '{key}' should have {count} numbers of type {type}, and has {bytes.Length} bytes");
        }
    }

    private object? ReadLegacy()
    {
        Dictionary<string, LegacyStorage> storages = [];
        using StoredStream stream = new(_file);
        if (_file.Length < 2 || stream.ReadByte() != 0x80)
        {
            throw Damaged("it is neither a zip archive nor a pickle");
        }

        stream.Position = 0;
        if (Next() is not BigInteger magic || magic != s_legacyMagic || Next() is not 1001L)
        {
            throw Damaged("it is a pickle that torch did not write");
        }

        Next(); // sizes of the types of the machine that wrote it
        object? root = Next();
        if (Next() is not List<object?> keys)
        {
            throw Damaged("it does not list its storages");
        }

        long at = stream.Position;
        Span<byte> prefix = stackalloc byte[sizeof(long)];
        foreach (object? key in keys)
        {
            if (key is not string name || !storages.TryGetValue(name, out LegacyStorage? storage))
            {
                throw Damaged($"it lists a storage '{key}' that no tensor uses");
            }

            _file.Read(at, prefix);
            long count = BinaryPrimitives.ReadInt64LittleEndian(prefix);
            BigInteger length = count * (BigInteger)StoredType.All[storage.Type].Bytes;
            at += prefix.Length;
            if (count != storage.Count || length > _file.Length - at)
            {
                throw Damaged($"its storage '{name}' should have {storage.Count} numbers of type {storage.Type} and is cut short");
            }

            storage.Part = new StoredPart(_file, at, (long)length);
            at += (long)length;
        }

        return root;

        object? Next() => new PickleReader(Path, stream, stream.Length, Storage).Read();

        // The bytes come behind the pickles: until then a storage knows only how many they are.
        PickledStorage Storage(object? id)
        {
            (string type, string key, long count) = Parse(id);
            if (!storages.TryGetValue(key, out LegacyStorage? storage))
            {
                storages.Add(key, storage = new LegacyStorage(Path, key, type, count));
            }

            return id is object?[] { Length: > 5 } parts && parts[5] is object?[] { Length: 3 } view && view[1] is long and >= 0 and <= int.MaxValue and var first
                ? new PickledStorage(type, storage, first * StoredType.All[type].Bytes)
                : new PickledStorage(type, storage);
        }
    }

    /// <summary>A persistent id: the word storage, the class, the key, the device (which does not matter), how many numbers.</summary>
    private (string Type, string Key, long Count) Parse(object? id) =>
        id is object?[] { Length: >= 5 } parts && parts[0] is "storage"
            && PickleReader.StorageType(parts[1]) is string type && parts[2] is string key && parts[4] is long and >= 0 and var count
            ? (type, key, count)
            : throw Damaged("its pickle refers to something that is no storage of numbers");

    private void Collect(object? value, string name, int depth)
    {
        if (value is not (PickledTensor or PickledObject or PickledDictionary or IReadOnlyList<object?>))
        {
            return;
        }

        // A few containers that hold each other have names without end, or endlessly many.
        if (++_names > MostNames || depth > MostDepth || name.Length > MostNameCharacters)
        {
            throw Damaged("its containers hold each other too often or too deep");
        }

        switch (value)
        {
            case PickledTensor tensor:
                Add(name, tensor);
                break;
            case PickledObject module:
                Collect(module.State, name, depth + 1);
                break;
            case PickledDictionary dictionary:
                foreach ((object? key, object? item) in dictionary.Items)
                {
                    if (key is string or long)
                    {
                        Collect(item, Join(name, key), depth + 1);
                    }
                }

                break;
            case IReadOnlyList<object?> list:
                for (int i = 0; i < list.Count; i++)
                {
                    Collect(list[i], Join(name, (long)i), depth + 1);
                }

                break;
        }
    }

    private static string Join(string name, object key)
    {
        string text = Convert.ToString(key, CultureInfo.InvariantCulture)!;
        return name.Length == 0 ? text : $"{name}.{text}";
    }

    private void Add(string name, PickledTensor tensor)
    {
        StoredType type = StoredType.All[tensor.Type];
        BigInteger offset = tensor.Storage.Offset + (tensor.Offset * (BigInteger)type.Bytes);
        if (offset < 0 || offset > long.MaxValue)
        {
            throw Damaged($"its tensor '{name}' begins at number {tensor.Offset}");
        }

        if (!_tensors.TryAdd(name, new StoredTensor(Path, name, tensor.Type, tensor.Shape, tensor.Storage.Bytes, (long)offset, tensor.Strides)))
        {
            throw Damaged($"it has two tensors '{name}'");
        }
    }

    private EquivariantException Damaged(string why) => new($"'{Path}' is not a file of torch's, or is damaged: {why}.");

    /// <summary>A storage whose place is known only after the pickle.</summary>
    private sealed class LegacyStorage(string path, string key, string type, long count) : IStoredBytes
    {
        public string Type => type;

        public long Count => count;

        public StoredPart? Part { get; set; }

        public long Length => Part?.Length ?? throw new EquivariantException($"'{path}' is damaged: its storage '{key}' is not listed.");

        public void Read(long offset, Span<byte> into) => Part!.Read(offset, into);
    }
}
