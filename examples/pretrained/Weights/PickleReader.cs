using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using Equivariant.Core;

namespace Equivariant.Pretrained.Weights;

/// <summary>Reads pickles that hold tensors and plain containers, and runs nothing.</summary>
/// <remarks>
/// A pickle is a program for a stack machine that may name any function of Python and call it. Here names are words:
/// those by which torch writes tensors, dictionaries and the modules of TorchScript are known, and each means a value;
/// any other is refused as soon as it is named. Sizes are compared with what is there before memory is taken.
/// Source: the opcodes as described in CPython's <c>pickletools</c>, protocols 0 to 5.
/// </remarks>
internal sealed class PickleReader(string path, Stream stream, long end, Func<object?, PickledStorage> storage)
{
    // A hundred thousand tensors take a tenth of these; what they build stays below half a gigabyte.
    private const int MostOpcodes = 4_000_000;
    private const int MostBytes = 1 << 26;
    private const int MostLineBytes = 1000;
    private const int MostProtocol = 5;

    private static readonly Dictionary<string, string> s_numbers = new()
    {
        ["float64"] = "F64", ["double"] = "F64", ["float32"] = "F32", ["float"] = "F32", ["float16"] = "F16", ["half"] = "F16", ["bfloat16"] = "BF16",
        ["int64"] = "I64", ["long"] = "I64", ["int32"] = "I32", ["int"] = "I32", ["int16"] = "I16", ["short"] = "I16", ["int8"] = "I8",
        ["uint8"] = "U8", ["bool"] = "BOOL", ["uint16"] = "U16", ["uint32"] = "U32", ["uint64"] = "U64",
        ["float8_e4m3fn"] = "F8_E4M3", ["float8_e5m2"] = "F8_E5M2", ["complex64"] = "C64", ["complex128"] = "C128",
    };

    private static readonly Dictionary<string, string> s_storages = new()
    {
        ["DoubleStorage"] = "F64", ["FloatStorage"] = "F32", ["HalfStorage"] = "F16", ["BFloat16Storage"] = "BF16",
        ["LongStorage"] = "I64", ["IntStorage"] = "I32", ["ShortStorage"] = "I16", ["CharStorage"] = "I8", ["ByteStorage"] = "U8",
        ["BoolStorage"] = "BOOL", ["ComplexFloatStorage"] = "C64", ["ComplexDoubleStorage"] = "C128", ["UntypedStorage"] = "U8",
    };

    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly long _begin = stream.Position;

    /// <summary>Reads one pickle, up to its end, where the stream then is.</summary>
    public object? Read()
    {
        for (int count = 0; count < MostOpcodes; count++)
        {
            int opcode = Byte();
            if (opcode == '.')
            {
                return Pop();
            }

            Run(opcode);
        }

        throw Refused($"has more than {MostOpcodes} operations");
    }

    /// <summary>The type of numbers of a storage that a persistent id names.</summary>
    public static string? StorageType(object? value) =>
        value is PickledName { Module: "torch" or "torch.cuda" or "torch.storage" } name ? s_storages.GetValueOrDefault(name.Name) : null;

    private void Run(int opcode)
    {
        switch (opcode)
        {
            case 0x80:
                int protocol = Byte();
                if (protocol > MostProtocol)
                {
                    throw Refused($"is of protocol {protocol}; {MostProtocol} is the last that is known");
                }

                break;
            case 0x95: // FRAME: a hint about buffering
                Bytes(sizeof(ulong));
                break;
            case '(':
                _marks.Push(_stack.Count);
                break;
            case '0':
                Pop();
                break;
            case '1':
                PopMarked();
                break;
            case '2':
                Push(Peek());
                break;

            case 'N':
                Push(null);
                break;
            case 0x88:
                Push(true);
                break;
            case 0x89:
                Push(false);
                break;
            case 'I':
                string text = Line();
                Push(text switch { "00" => false, "01" => true, _ => Whole(text) });
                break;
            case 'L':
                Push(Whole(Line().TrimEnd('L')));
                break;
            case 'J':
                Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4)));
                break;
            case 'K':
                Push((long)Byte());
                break;
            case 'M':
                Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2)));
                break;
            case 0x8a: // LONG1
                Push(Narrow(new BigInteger(Bytes(Byte()))));
                break;
            case 'F':
                Push(double.TryParse(Line(), NumberStyles.Float, CultureInfo.InvariantCulture, out double real) ? real : throw Refused("has a number that is none"));
                break;
            case 'G':
                Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8)));
                break;

            case 'S':
            case 'V':
                Push(Line());
                break;
            case 'X':
            case 'T':
                Push(Text(Int32()));
                break;
            case 'U':
            case 0x8c:
                Push(Text(Byte()));
                break;
            case 0x8d:
                Push(Text(Int64()));
                break;
            case 'B':
                Push(Bytes(Int32()));
                break;
            case 'C':
                Push(Bytes(Byte()));
                break;
            case 0x8e: // BINBYTES8
            case 0x96: // BYTEARRAY8
                Push(Bytes(Int64()));
                break;

            case ')':
                Push(Array.Empty<object?>());
                break;
            case 0x85:
            case 0x86:
            case 0x87:
                Push(PopSome(opcode - 0x84));
                break;
            case 't':
                Push(PopMarked());
                break;
            case ']':
            case 0x8f: // EMPTY_SET
                Push(new List<object?>());
                break;
            case 'l':
            case 0x91: // FROZENSET
                Push(new List<object?>(PopMarked()));
                break;
            case 'a':
                object? one = Pop();
                Items().Add(one);
                break;
            case 'e':
            case 0x90: // ADDITEMS
                object?[] more = PopMarked();
                Items().AddRange(more);
                break;
            case '}':
                Push(new PickledDictionary());
                break;
            case 'd':
                object?[] all = PopMarked();
                Push(new PickledDictionary());
                Fill(all);
                break;
            case 's':
                Fill(PopSome(2));
                break;
            case 'u':
                Fill(PopMarked());
                break;

            case 'p':
                Remember((long)Whole(Line())!);
                break;
            case 'q':
                Remember(Byte());
                break;
            case 'r':
                Remember((uint)Int32());
                break;
            case 0x94: // MEMOIZE
                Remember(_memo.Count);
                break;
            case 'g':
                Recall((long)Whole(Line())!);
                break;
            case 'h':
                Recall(Byte());
                break;
            case 'j':
                Recall((uint)Int32());
                break;

            case 'c':
                string module = Line();
                Push(Known(module, Line()));
                break;
            case 0x93: // STACK_GLOBAL
                object?[] words = PopSome(2);
                Push(Known(words[0] as string ?? "?", words[1] as string ?? "?"));
                break;
            case 'i': // INST names and calls at once; torch does not write it.
                string owner = Line();
                throw Unknown(owner, Line());
            case 'Q':
                Push(storage(Pop()));
                break;
            case 'R':
                object?[] call = PopSome(2);
                Push(Call(call[0], call[1] as object?[] ?? throw Refused("calls something with arguments that are no tuple")));
                break;
            case 0x81: // NEWOBJ
                object?[] made = PopSome(2);
                Push(made[0] is PickledName { Module: ['_', '_', 't', 'o', 'r', 'c', 'h', '_', '_', ..] }
                    ? new PickledObject()
                    : Call(made[0], made[1] as object?[] ?? []));
                break;
            case 'b':
                object? state = Pop();
                if (Peek() is PickledObject target)
                {
                    target.State = state;
                }
                else if (Peek() is not PickledDictionary) // an OrderedDict's attributes, such as _metadata, are of no use here
                {
                    throw Refused("sets the state of something that has none");
                }

                break;
            default:
                throw Refused($"has the operation 0x{opcode:X2}, which torch does not write");
        }
    }

    /// <summary>A name, if it is one of those by which torch writes tensors.</summary>
    private PickledName Known(string module, string name)
    {
        bool known = module switch
        {
            "collections" => name == "OrderedDict",
            "torch._utils" => name is "_rebuild_tensor" or "_rebuild_tensor_v2" or "_rebuild_tensor_v3" or "_rebuild_parameter" or "_rebuild_parameter_with_state",
            "torch" => name is "Size" or "device" || s_storages.ContainsKey(name) || s_numbers.ContainsKey(name),
            "torch.cuda" or "torch.storage" => s_storages.ContainsKey(name),
            "torch.jit._pickle" => name is "build_intlist" or "build_doublelist" or "build_boollist" or "build_tensorlist" or "restore_type_tag",
            "__torch__" => true,
            _ => module.StartsWith("__torch__.", StringComparison.Ordinal),
        };
        return known ? new PickledName(module, name) : throw Unknown(module, name);
    }

    /// <summary>What a call means: a value built from its arguments.</summary>
    private object? Call(object? function, object?[] arguments)
    {
        if (function is not PickledName name)
        {
            throw Refused("calls something that is no function");
        }

        return (name.Module, name.Name, arguments) switch
        {
            ("collections", _, []) => new PickledDictionary(),
            ("collections", _, [List<object?> pairs]) => Dictionary(pairs),
            ("torch._utils", "_rebuild_parameter" or "_rebuild_parameter_with_state", [var data, ..]) => data,
            ("torch._utils", "_rebuild_tensor_v3", [PickledStorage bytes, long offset, var shape, var strides, _, _, PickledName { Module: "torch" } type, ..])
                when s_numbers.TryGetValue(type.Name, out string? numbers) => new PickledTensor(bytes, numbers, offset, Lengths(shape), Lengths(strides)),
            ("torch._utils", "_rebuild_tensor" or "_rebuild_tensor_v2", [PickledStorage bytes, long offset, var shape, var strides, ..]) =>
                new PickledTensor(bytes, bytes.Type, offset, Lengths(shape), Lengths(strides)),
            ("torch", "Size", [object?[] lengths]) => lengths,
            ("torch", "device", _) => arguments,
            ("torch.jit._pickle", _, [var value, ..]) => value,
            _ => throw Refused($"calls '{name}' with arguments that torch does not give it"),
        };
    }

    private PickledDictionary Dictionary(List<object?> pairs)
    {
        PickledDictionary result = new();
        foreach (object? pair in pairs)
        {
            result.Items.Add(pair switch
            {
                object?[] { Length: 2 } two => new(two[0], two[1]),
                List<object?> { Count: 2 } two => new(two[0], two[1]),
                _ => throw Refused("fills a dictionary with something other than pairs"),
            });
        }

        return result;
    }

    private long[] Lengths(object? value) =>
        value is IReadOnlyList<object?> items && items.All(item => item is long)
            ? [.. items.Select(item => (long)item!)]
            : throw Refused("has a tensor whose shape is not made of whole numbers");

    private void Fill(object?[] items)
    {
        if (Peek() is not PickledDictionary target || items.Length % 2 != 0)
        {
            throw Refused("fills something that is no dictionary");
        }

        for (int i = 0; i < items.Length; i += 2)
        {
            target.Items.Add(new(items[i], items[i + 1]));
        }
    }

    private List<object?> Items() => Peek() as List<object?> ?? throw Refused("appends to something that is no list");

    private void Push(object? value) => _stack.Add(value);

    private object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Refused("takes a value from an empty stack");

    private object? Pop()
    {
        object? value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] PopSome(int count)
    {
        if (_stack.Count - count < Floor)
        {
            throw Refused("takes a value from an empty stack");
        }

        return PopFrom(_stack.Count - count);
    }

    private object?[] PopMarked() => _marks.TryPop(out int from) ? PopFrom(from) : throw Refused("looks for a mark that is not there");

    private object?[] PopFrom(int from)
    {
        object?[] values = [.. _stack[from..]];
        _stack.RemoveRange(from, values.Length);
        return values;
    }

    /// <summary>Values below the last mark are out of reach until the mark is.</summary>
    private int Floor => _marks.TryPeek(out int mark) ? mark : 0;

    private void Remember(long key) => _memo[key] = Peek();

    private void Recall(long key) =>
        Push(_memo.TryGetValue(key, out object? value) ? value : throw Refused($"recalls value {key}, which was never stored"));

    private object Whole(string text) =>
        BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger number) && Narrow(number) is long narrow
            ? narrow
            : throw Refused("has a number that is none");

    private static object Narrow(BigInteger number) => number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number;

    private int Byte()
    {
        RequireMore(1);
        int value = stream.ReadByte();
        return value >= 0 ? value : throw CutShort();
    }

    private int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4));

    private long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    private byte[] Bytes(long count)
    {
        RequireMore(count);
        byte[] bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private string Text(long count) => Encoding.UTF8.GetString(Bytes(count));

    private string Line()
    {
        StringBuilder line = new();
        for (int next = Byte(); next != '\n'; next = Byte())
        {
            if (line.Length == MostLineBytes)
            {
                throw Refused($"has a line of more than {MostLineBytes} characters");
            }

            line.Append((char)next);
        }

        return line.ToString();
    }

    private void RequireMore(long count)
    {
        if (count < 0 || count > end - stream.Position)
        {
            throw CutShort();
        }

        if (stream.Position + count - _begin > MostBytes)
        {
            throw Refused($"is longer than {MostBytes} bytes, which no list of tensors is");
        }
    }

    private EquivariantException CutShort() => Refused("ends before it is complete");

    private EquivariantException Unknown(string module, string name) => new(
        $"'{path}' is not read: its pickle names '{module}.{name}', and only tensors and plain containers are accepted, since anything else could run code.");

    private EquivariantException Refused(string why) => new($"'{path}' is not a file of tensors, or is damaged: its pickle {why}.");
}
