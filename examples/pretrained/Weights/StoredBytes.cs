using Equivariant.Core.Serialization;

namespace Equivariant.Pretrained.Weights;

/// <summary>Some of a file's bytes.</summary>
internal sealed class StoredPart(IStoredBytes whole, long offset, long length) : IStoredBytes
{
    public long Length => length;

    public void Read(long from, Span<byte> into)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(from, length - into.Length);
        whole.Read(offset + from, into);
    }
}

/// <summary>Bytes in memory.</summary>
internal sealed class StoredMemory(byte[] bytes) : IStoredBytes
{
    public long Length => bytes.Length;

    public void Read(long offset, Span<byte> into) => bytes.AsSpan(checked((int)offset), into.Length).CopyTo(into);
}

/// <summary>Stored bytes read one after the other.</summary>
internal sealed class StoredStream(IStoredBytes bytes) : Stream
{
    // Each read of a mapped file maps a view: small reads share one.
    private readonly byte[] _buffer = new byte[1 << 16];
    private long _bufferStart, _bufferEnd;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => bytes.Length;

    public override long Position { get; set; }

    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 0 ? -1 : one[0];
    }

    public override int Read(Span<byte> buffer)
    {
        if (Position < _bufferStart || Position >= _bufferEnd)
        {
            _bufferStart = Position;
            _bufferEnd = Math.Min(Position + _buffer.Length, Length);
            if (_bufferEnd <= _bufferStart)
            {
                _bufferEnd = _bufferStart;
                return 0;
            }

            bytes.Read(_bufferStart, _buffer.AsSpan(0, (int)(_bufferEnd - _bufferStart)));
        }

        int count = (int)Math.Min(buffer.Length, _bufferEnd - Position);
        _buffer.AsSpan((int)(Position - _bufferStart), count).CopyTo(buffer);
        Position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
