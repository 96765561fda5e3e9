using System.Text;
using Equivariant.Core;

namespace Equivariant.Pretrained;

/// <summary>Changes what an ONNX file says of its inputs' and outputs' shapes, and nothing else.</summary>
/// <remarks>
/// A file is nested fields of protocol buffers, each a number and its bytes; all but a few are copied as they are.
/// Source: onnx/onnx.proto, ModelProto to TensorShapeProto; the encoding as documented by Protocol Buffers.
/// </remarks>
internal static class OnnxGraph
{
    // Numbers of fields: ModelProto.graph; GraphProto.input, output, value_info; ValueInfoProto.name, type;
    // TypeProto.tensor_type; TypeProto.Tensor.shape; TensorShapeProto.dim; Dimension.dim_param.
    private const int Graph = 7, Input = 11, Output = 12, Inside = 13, Name = 1, Type = 2, TensorType = 1, Shape = 2, Axis = 1, Free = 2;
    private const int Varint = 0, Fixed64 = 1, Delimited = 2, Fixed32 = 5;

    /// <summary>The model with a first axis of any length in its inputs and outputs.</summary>
    /// <param name="model">The file.</param>
    /// <param name="inputs">The inputs whose first axis is to be free; an initial value that is listed as an input is none.</param>
    /// <returns>The changed file.</returns>
    public static byte[] FreeBatch(ReadOnlyMemory<byte> model, IReadOnlySet<string> inputs) =>
        Each(model, Graph, graph => Each(
            Each(Each(graph, Inside, _ => null), Output, FreeFirst), Input, input => inputs.Contains(NameOf(input)) ? FreeFirst(input) : input));

    private static ReadOnlyMemory<byte>? FreeFirst(ReadOnlyMemory<byte> value)
    {
        byte[] symbol = [(Free << 3) | Delimited, 5, .. "batch"u8];
        bool first = true;
        return Each(value, Type, type => Each(type, TensorType, tensor => Each(tensor, Shape, shape => Each(shape, Axis, axis =>
        {
            bool change = first;
            first = false;
            return change ? symbol : axis;
        }))));
    }

    private static string NameOf(ReadOnlyMemory<byte> value)
    {
        string name = "";
        Each(value, Name, text =>
        {
            name = Encoding.UTF8.GetString(text.Span);
            return text;
        });
        return name;
    }

    /// <summary>A message with the fields of one number changed, or left out where the change is null.</summary>
    private static byte[] Each(ReadOnlyMemory<byte> message, int number, Func<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> change)
    {
        using MemoryStream result = new(message.Length + 64);
        int at = 0;
        while (at < message.Length)
        {
            int start = at;
            ulong tag = Number(message.Span, ref at);
            long length = (int)(tag & 7) switch
            {
                Varint => Skip(message.Span, at),
                Fixed64 => sizeof(ulong),
                Fixed32 => sizeof(uint),
                Delimited => checked((long)Number(message.Span, ref at)),
                _ => throw Damaged(),
            };
            if (length > message.Length - at)
            {
                throw Damaged();
            }

            ReadOnlyMemory<byte> value = message.Slice(at, (int)length);
            at += (int)length;
            if ((tag & 7) != Delimited || (int)(tag >> 3) != number)
            {
                result.Write(message.Span[start..at]);
            }
            else if (change(value) is { } changed)
            {
                Write(result, tag);
                Write(result, (ulong)changed.Length);
                result.Write(changed.Span);
            }
        }

        return result.ToArray();
    }

    private static int Skip(ReadOnlySpan<byte> bytes, int at)
    {
        int end = at;
        Number(bytes, ref end);
        return end - at;
    }

    private static ulong Number(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64 && at < bytes.Length; shift += 7)
        {
            byte next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Damaged();
    }

    private static void Write(Stream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            stream.WriteByte((byte)(value | 0x80));
        }

        stream.WriteByte((byte)value);
    }

    private static EquivariantException Damaged() => new("The file is not ONNX, or is damaged.");
}
