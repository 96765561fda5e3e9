using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Serialization;

/// <summary>A tensor in a file, not yet read: its name, type and shape, and where its numbers are.</summary>
public sealed class StoredTensor
{
    private const int MostAxes = 64;

    // Tensors pass in pieces: a few megabytes are as fast as all at once, and need no second place for a large tensor.
    private const int PieceBytes = 1 << 22;
    private readonly IStoredBytes _bytes;
    private readonly long _offset;
    private readonly long[] _strides;

    /// <summary>Describes a tensor.</summary>
    /// <param name="file">The file, for messages.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="typeName">The type's name in the file.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="bytes">Where the numbers are.</param>
    /// <param name="offset">The byte of the first number.</param>
    /// <param name="strides">Numbers from one element to the next along each axis; one row after the other, if left out.</param>
    /// <exception cref="EquivariantException">The tensor needs bytes that are not there, or no tensor can have the shape.</exception>
    public StoredTensor(
        string file, string name, string typeName, IReadOnlyList<long> shape, IStoredBytes bytes, long offset, IReadOnlyList<long>? strides = null)
    {
        (File, Name, TypeName, Shape, _bytes, _offset) = (file, name, typeName, [.. shape], bytes, offset);
        Type = StoredType.All.GetValueOrDefault(typeName);
        int size = Type?.Bytes ?? 1;
        // Torch numbers the elements as if no axis were empty.
        BigInteger product = Shape.Aggregate((BigInteger)size, (bytes, n) => bytes * Math.Max(n, 1));
        if (Shape.Any(n => n < 0) || Shape.Count > MostAxes || product > long.MaxValue)
        {
            throw Damaged($"has {Shape.Count} axes with a product of lengths that no tensor has");
        }

        _strides = strides is null ? Contiguous(Shape) : [.. strides];
        if (_strides.Length != Shape.Count || _strides.Any(stride => stride < 0))
        {
            throw Damaged("has strides that no tensor has");
        }

        BigInteger end = Count == 0 ? offset : offset + ((Reach(Shape, _strides) + 1) * size);
        if (Type is not null && (offset < 0 || end > bytes.Length))
        {
            throw Damaged($"needs bytes {offset} to {end} of {bytes.Length}");
        }
    }

    /// <summary>The file that it is in.</summary>
    public string File { get; }

    /// <summary>The tensor's name in the file.</summary>
    public string Name { get; }

    /// <summary>The type's name in the file, such as <c>F16</c>.</summary>
    public string TypeName { get; }

    /// <summary>The type; null where it is not known, and the tensor can't be read.</summary>
    public StoredType? Type { get; }

    /// <summary>The shape.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>How many numbers it has.</summary>
    public long Count => Shape.Aggregate(1L, (product, n) => product * n);

    /// <summary>Whether it has to be asked for (<c>convert</c>) to be read: torch lacks its type.</summary>
    public bool IsForeign => Type?.IsForeign ?? true;

    /// <summary>Reads the tensor.</summary>
    /// <param name="type">The type to have it in; the file's, if left out.</param>
    /// <param name="convert">Whether a type that torch lacks is converted to a wider one rather than refused.</param>
    /// <returns>The tensor, on the CPU.</returns>
    /// <exception cref="EquivariantException">The type is not known, or torch lacks it and it is not to be converted.</exception>
    public Tensor Read(ScalarType? type = null, bool convert = false)
    {
        RequireReadable(convert);
        Tensor result = empty([.. Shape], type ?? Type!.Type);
        CopyTo(result, convert);
        return result;
    }

    /// <summary>Reads the tensor into another, piece by piece, converting it to the other's type and device.</summary>
    /// <param name="target">A tensor of the same shape; only its values change.</param>
    /// <param name="convert">Whether a type that torch lacks is converted to a wider one rather than refused.</param>
    /// <exception cref="EquivariantException">The shapes differ, or the type can't be read.</exception>
    public void CopyTo(Tensor target, bool convert = false)
    {
        RequireReadable(convert);
        if (!target.shape.SequenceEqual(Shape))
        {
            throw new EquivariantException($"'{File}' has '{Name}' as [{string.Join(", ", Shape)}], but [{string.Join(", ", target.shape)}] is needed.");
        }

        if (Count == 0)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        target = target.detach();
        if (_strides.SequenceEqual(Contiguous(Shape)) && target.is_contiguous())
        {
            Fill(target.view(-1), _offset);
        }
        else
        {
            // Only the part of the storage that the tensor reaches.
            Tensor reached = empty([Reach(Shape, _strides) + 1], Type!.Type);
            Fill(reached, _offset);
            target.copy_(reached.as_strided([.. Shape], _strides, 0));
        }
    }

    /// <summary>Refuses a tensor that can't be read, before memory is taken for it.</summary>
    /// <param name="convert">Whether a type that torch lacks may be converted.</param>
    /// <exception cref="EquivariantException">
    /// The type is not known, or torch lacks it and it is not to be converted, or there are fewer numbers than the shape says.
    /// </exception>
    public void RequireReadable(bool convert)
    {
        if (Type is null)
        {
            throw Refused("can't be read: its type is not known. Skip it, or save it in another type");
        }

        if (IsForeign && !convert)
        {
            throw Refused($"has a type that torch lacks: ask for it to be converted to {Type.Type}, or to be skipped");
        }

        // A file of a few bytes may call one number a tensor of any size: memory is for numbers that are there.
        if (Count > _bytes.Length / Type.Bytes)
        {
            throw Damaged($"repeats its numbers: it would have {Count} of them, and {_bytes.Length / Type.Bytes} are there");
        }
    }

    private void Fill(Tensor flat, long offset)
    {
        bool straight = flat.dtype == Type!.Raw && !Type.IsForeign && flat.device_type == DeviceType.CPU;
        long count = flat.numel(), most = PieceBytes / Type.Bytes;
        for (long from = 0; from < count; from += most)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor piece = flat.narrow(0, from, Math.Min(most, count - from));
            Tensor raw = straight ? piece : empty(piece.shape, Type.Raw);
            _bytes.Read(offset + (from * Type.Bytes), raw.bytes);
            if (!straight)
            {
                piece.copy_(Type.Widen(raw));
            }
        }
    }

    private static long Reach(IReadOnlyList<long> shape, long[] strides)
    {
        BigInteger reach = 0;
        for (int i = 0; i < strides.Length; i++)
        {
            reach += (BigInteger)(shape[i] - 1) * strides[i];
        }

        return reach > long.MaxValue / 32 ? long.MaxValue / 32 : (long)reach;
    }

    private static long[] Contiguous(IReadOnlyList<long> shape)
    {
        var strides = new long[shape.Count];
        long stride = 1;
        for (int i = shape.Count - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= Math.Max(shape[i], 1);
        }

        return strides;
    }

    private EquivariantException Damaged(string why) => new($"'{File}' is damaged: its tensor '{Name}', {TypeName} [{string.Join(", ", Shape)}], {why}.");

    private EquivariantException Refused(string why) => new($"'{File}' has a tensor '{Name}', {TypeName} [{string.Join(", ", Shape)}], that {why}.");
}
