using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Equivariant.Core;
using Equivariant.Core.Serialization;

namespace Equivariant.Pretrained.Weights;

/// <summary>What a zip archive holds, and where: tensors are then read in place, without unpacking.</summary>
/// <remarks>
/// .NET's own reader does not say where an entry's bytes are. Torch stores entries uncompressed; compressed ones are
/// read too, unless they would grow as only a bomb does.
/// Source: PKWARE, "APPNOTE.TXT – .ZIP File Format Specification", 6.3.10, sections 4.3.7–4.3.16.
/// </remarks>
internal sealed class ZipDirectory
{
    private const int EndBytes = 22, EntryBytes = 46, LocalBytes = 30, LocatorBytes = 20, MostComment = ushort.MaxValue;
    private const int MostDirectoryBytes = 100_000_000;

    // Numbers that were learnt hardly shrink at all; a constant tensor of more than this is not worth a compressed entry.
    private const long AlwaysGrows = 1 << 20, MostGrowth = 100, MostUnpacked = 1 << 28;
    private readonly MappedFile _file;
    private readonly Dictionary<string, Entry> _entries = [];
    private long _unpacked;

    public ZipDirectory(MappedFile file)
    {
        _file = file;
        long end = FindEnd();
        byte[] record = Bytes(end, EndBytes);
        long count = Short(record, 10), size = Word(record, 12), offset = Word(record, 16);
        if (count == ushort.MaxValue || size == uint.MaxValue || offset == uint.MaxValue)
        {
            byte[] locator = Bytes(end - LocatorBytes, LocatorBytes);
            if (Word(locator, 0) != 0x07064b50)
            {
                throw Damaged("its directory is said to be elsewhere, and is not");
            }

            byte[] wide = Bytes(Long(locator, 8), 56);
            if (Word(wide, 0) != 0x06064b50)
            {
                throw Damaged("its directory is said to be elsewhere, and is not");
            }

            (count, size, offset) = (Long(wide, 32), Long(wide, 40), Long(wide, 48));
        }

        if (size < 0 || size > MostDirectoryBytes || count < 0 || count > size / EntryBytes || offset < 0 || offset > end - size)
        {
            throw Damaged($"its directory should have {count} entries in {size} bytes at byte {offset}, which can't be");
        }

        List(Bytes(offset, size), count);
    }

    /// <summary>The names of the entries.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Whether a file is a zip archive, by its first bytes.</summary>
    public static bool IsZip(MappedFile file)
    {
        Span<byte> start = stackalloc byte[4];
        if (file.Length < start.Length)
        {
            return false;
        }

        file.Read(0, start);
        return start.SequenceEqual("PK\x03\x04"u8) || start.SequenceEqual("PK\x05\x06"u8);
    }

    /// <summary>An entry's bytes, in place where it is stored as it is.</summary>
    public IStoredBytes Open(string name) =>
        _entries.TryGetValue(name, out Entry? entry) ? entry.Bytes ??= Open(name, entry) : throw Damaged($"it has no entry '{name}'");

    private IStoredBytes Open(string name, Entry entry)
    {
        byte[] local = Bytes(entry.Offset, LocalBytes);
        if (Word(local, 0) != 0x04034b50)
        {
            throw Damaged($"its entry '{name}' is not where its directory says");
        }

        long data = entry.Offset + LocalBytes + Short(local, 26) + Short(local, 28);
        if (data > _file.Length - entry.Packed)
        {
            throw Damaged($"its entry '{name}' should have {entry.Packed} bytes from byte {data} on, and the file has {_file.Length}");
        }

        StoredPart packed = new(_file, data, entry.Packed);
        return entry.Method switch
        {
            0 when entry.Size == entry.Packed => packed,
            8 => Inflate(name, entry, packed),
            0 => throw Damaged($"its entry '{name}' is stored as it is, with {entry.Packed} bytes that should be {entry.Size}"),
            _ => throw Damaged($"its entry '{name}' is packed by method {entry.Method}; torch writes entries uncompressed"),
        };
    }

    private StoredMemory Inflate(string name, Entry entry, StoredPart packed)
    {
        if (entry.Size > Math.Max(AlwaysGrows, Math.Min(entry.Packed, Array.MaxLength / MostGrowth) * MostGrowth))
        {
            throw Damaged($"its entry '{name}' would grow from {entry.Packed} to {entry.Size} bytes, as only a bomb does");
        }

        _unpacked += entry.Size;
        if (_unpacked > MostUnpacked)
        {
            throw Damaged($"its compressed entries unpack to more than {MostUnpacked} bytes; torch writes entries uncompressed, so save it by torch again");
        }

        byte[] bytes = new byte[entry.Size];
        try
        {
            using DeflateStream inflating = new(new StoredStream(packed), CompressionMode.Decompress);
            inflating.ReadExactly(bytes);
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw Damaged($"its entry '{name}' can't be unpacked");
        }

        return new StoredMemory(bytes);
    }

    private void List(byte[] directory, long count)
    {
        int at = 0;
        for (long i = 0; i < count; i++)
        {
            if (at > directory.Length - EntryBytes || Word(directory, at) != 0x02014b50)
            {
                throw Damaged($"its directory ends after {i} of {count} entries");
            }

            int name = Short(directory, at + 28), extra = Short(directory, at + 30), comment = Short(directory, at + 32);
            int next = at + EntryBytes + name + extra + comment;
            if (next > directory.Length)
            {
                throw Damaged($"its directory ends after {i} of {count} entries");
            }

            string text = Encoding.UTF8.GetString(directory, at + EntryBytes, name);
            Entry entry = Widen(
                directory.AsSpan(at + EntryBytes + name, extra),
                new(Short(directory, at + 10), Word(directory, at + 20), Word(directory, at + 24), Word(directory, at + 42)));
            if (entry.Packed < 0 || entry.Size < 0 || entry.Offset < 0 || entry.Packed > _file.Length || entry.Offset > _file.Length)
            {
                throw Damaged($"its entry '{text}' should have {entry.Packed} bytes from byte {entry.Offset} on, and the file has {_file.Length}");
            }

            if (!_entries.TryAdd(text, entry))
            {
                throw Damaged($"it has two entries '{text}'");
            }

            at = next;
        }
    }

    /// <summary>Sizes and places of four gigabytes and more are in an extra field (4.5.3), those that are marked.</summary>
    private static Entry Widen(ReadOnlySpan<byte> extra, Entry entry)
    {
        while (extra.Length >= 4)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (length > extra.Length - 4)
            {
                break;
            }

            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == 1)
            {
                ReadOnlySpan<byte> wide = extra.Slice(4, length);
                return entry with { Size = Next(entry.Size, ref wide), Packed = Next(entry.Packed, ref wide), Offset = Next(entry.Offset, ref wide) };
            }

            extra = extra[(4 + length)..];
        }

        return entry;

        static long Next(long value, ref ReadOnlySpan<byte> wide)
        {
            if (value != uint.MaxValue || wide.Length < sizeof(long))
            {
                return value;
            }

            long result = BinaryPrimitives.ReadInt64LittleEndian(wide);
            wide = wide[sizeof(long)..];
            return result;
        }
    }

    private long FindEnd()
    {
        int length = (int)Math.Min(_file.Length, EndBytes + MostComment);
        byte[] tail = Bytes(_file.Length - length, length);
        for (int at = length - EndBytes; at >= 0; at--)
        {
            if (Word(tail, at) == 0x06054b50 && Short(tail, at + 20) == length - EndBytes - at)
            {
                return _file.Length - length + at;
            }
        }

        throw Damaged("it has no directory at its end: it is cut short");
    }

    private byte[] Bytes(long offset, long count)
    {
        byte[] bytes = new byte[count];
        _file.Read(offset, bytes);
        return bytes;
    }

    private static int Short(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));

    private static long Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static long Long(byte[] bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));

    private EquivariantException Damaged(string why) => new($"'{_file.Path}' is not a zip archive of torch's, or is damaged: {why}.");

    private sealed record Entry(int Method, long Packed, long Size, long Offset)
    {
        public IStoredBytes? Bytes { get; set; }
    }
}
