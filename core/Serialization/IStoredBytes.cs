namespace Equivariant.Core.Serialization;

/// <summary>Bytes that can be read anywhere: a file, an entry of an archive, or memory.</summary>
public interface IStoredBytes
{
    /// <summary>How many there are.</summary>
    long Length { get; }

    /// <summary>Copies bytes out.</summary>
    /// <param name="offset">The first byte.</param>
    /// <param name="into">Where they go; all of it is filled.</param>
    void Read(long offset, Span<byte> into);
}
