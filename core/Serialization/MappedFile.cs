using System.IO.MemoryMappedFiles;

namespace Equivariant.Core.Serialization;

/// <summary>A file mapped into memory, of which only the part that is being read is ever seen.</summary>
/// <remarks>A view of its own for every read: pages that have been read do not stay in the program's memory.</remarks>
public sealed unsafe class MappedFile : IStoredBytes, IDisposable
{
    private readonly MemoryMappedFile? _map;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="EquivariantException">The file can't be read; the message says why.</exception>
    public MappedFile(string path)
    {
        Path = path;
        try
        {
            using FileStream file = File.OpenRead(path);
            Length = file.Length;
            // An empty file can't be mapped, and has nothing to read.
            _map = Length == 0 ? null : MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        }
        catch (Exception error) when (IsRefusal(error))
        {
            throw Unreached(path, "read", error);
        }
    }

    /// <summary>The file's path.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> into)
    {
        if (offset < 0 || offset > Length - into.Length)
        {
            throw new EquivariantException($"'{Path}' has {Length} bytes; {into.Length} from byte {offset} on are asked for: it is cut short or damaged.");
        }

        if (into.IsEmpty)
        {
            return;
        }

        using MemoryMappedViewAccessor view = _map!.CreateViewAccessor(offset, into.Length, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            new ReadOnlySpan<byte>(start + view.PointerOffset, into.Length).CopyTo(into);
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _map?.Dispose();

    /// <summary>Whether an error says that the system does not let a file be read or written.</summary>
    internal static bool IsRefusal(Exception error) => error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException;

    /// <summary>The sentence for such an error.</summary>
    internal static EquivariantException Unreached(string path, string what, Exception error) =>
        new($"'{path.Replace("\0", "\\0", StringComparison.Ordinal)}' can't be {what}: {error.Message.TrimEnd('.')}.");
}
