using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Serialization;

/// <summary>A type of numbers in a file of tensors, and the type of torch that holds them.</summary>
/// <remarks>
/// Torch (in TorchSharp) lacks some types that files have: unsigned numbers of more than one byte, and floats of eight
/// bits. Those are read into a wider type, exactly.
/// </remarks>
public sealed class StoredType
{
    private readonly Func<Tensor, Tensor>? _widen;

    private StoredType(string name, ScalarType raw, ScalarType? type = null, Func<Tensor, Tensor>? widen = null)
    {
        Name = name;
        Raw = raw;
        Type = type ?? raw;
        _widen = widen;
        Bytes = raw switch
        {
            ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool => 1,
            ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
            ScalarType.Int32 or ScalarType.Float32 => 4,
            ScalarType.ComplexFloat64 => 16,
            _ => 8,
        };
    }

    /// <summary>All types, by the names that safetensors gives them.</summary>
    public static IReadOnlyDictionary<string, StoredType> All { get; } = new StoredType[]
    {
        new("F64", ScalarType.Float64), new("F32", ScalarType.Float32), new("F16", ScalarType.Float16), new("BF16", ScalarType.BFloat16),
        new("I64", ScalarType.Int64), new("I32", ScalarType.Int32), new("I16", ScalarType.Int16), new("I8", ScalarType.Int8),
        new("U8", ScalarType.Byte), new("BOOL", ScalarType.Bool), new("C64", ScalarType.ComplexFloat32), new("C128", ScalarType.ComplexFloat64),
        new("U16", ScalarType.Int16, ScalarType.Int32, numbers => numbers.to(ScalarType.Int32).bitwise_and(0xFFFF)),
        new("U32", ScalarType.Int32, ScalarType.Int64, numbers => numbers.to(ScalarType.Int64).bitwise_and(0xFFFF_FFFFL)),
        new("U64", ScalarType.Int64, ScalarType.Int64, BelowTwoTo63),
        new("F8_E4M3", ScalarType.Byte, ScalarType.Float32, bytes => Lookup(bytes, exponentBits: 4, infinities: false)),
        new("F8_E5M2", ScalarType.Byte, ScalarType.Float32, bytes => Lookup(bytes, exponentBits: 5, infinities: true)),
    }.ToDictionary(type => type.Name);

    /// <summary>The name in files, such as <c>BF16</c>.</summary>
    public string Name { get; }

    /// <summary>Bytes of one number in the file.</summary>
    public int Bytes { get; }

    /// <summary>The type of torch that holds every number of this one.</summary>
    public ScalarType Type { get; }

    /// <summary>Whether torch lacks the type, so that reading it converts.</summary>
    public bool IsForeign => _widen is not null;

    /// <summary>The type of torch with the same bytes.</summary>
    internal ScalarType Raw { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The numbers that bytes of a file mean.</summary>
    internal Tensor Widen(Tensor raw) => _widen is null ? raw : _widen(raw);

    private static Tensor BelowTwoTo63(Tensor numbers)
    {
        using Tensor least = numbers.min();
        return least.item<long>() >= 0
            ? numbers
            : throw new EquivariantException("A number of type U64 is 2^63 or more, which no type of torch holds; skip the tensor.");
    }

    /// <summary>Floats of eight bits: a sign, an exponent, and the rest.</summary>
    /// <remarks>Source: Micikevicius et al., "FP8 formats for deep learning" (2022), table 1.</remarks>
    private static Tensor Lookup(Tensor bytes, int exponentBits, bool infinities)
    {
        int mantissaBits = 7 - exponentBits, bias = (1 << (exponentBits - 1)) - 1;
        var values = new float[256];
        for (int code = 0; code < 256; code++)
        {
            int exponent = (code >> mantissaBits) & ((1 << exponentBits) - 1), mantissa = code & ((1 << mantissaBits) - 1);
            bool last = exponent == (1 << exponentBits) - 1;
            double magnitude = (last, infinities) switch
            {
                (true, true) => mantissa == 0 ? double.PositiveInfinity : double.NaN,
                (true, false) when mantissa == (1 << mantissaBits) - 1 => double.NaN,
                _ when exponent == 0 => Math.ScaleB(mantissa, 1 - bias - mantissaBits),
                _ => Math.ScaleB(mantissa + (1 << mantissaBits), exponent - bias - mantissaBits),
            };
            values[code] = (float)(code < 128 ? magnitude : -magnitude);
        }

        using Tensor table = tensor(values), codes = bytes.to(ScalarType.Int64);
        return table.index_select(0, codes);
    }
}
