using Equivariant.Core;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>An input or output of an ONNX file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Torch's type; null where torch lacks it.</param>
/// <param name="Shape">Lengths of the axes; −1 where any will do.</param>
public sealed record OnnxPort(string Name, ScalarType? Type, IReadOnlyList<long> Shape)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Type} [{string.Join(", ", Shape.Select(n => n < 0 ? "any" : $"{n}"))}]";
}

/// <summary>An ONNX file as a module, for inference: designs wrap it like any other.</summary>
/// <remarks>
/// Rows are the first axis of every input and output. A file that fixes it at one is changed where its graph allows
/// (which is tried, on two rows against each by itself); otherwise rows run one by one. On the CPU tensors and ONNX
/// Runtime share memory both ways. It has no gradients. The native library is that of a package which the program
/// references, <c>Microsoft.ML.OnnxRuntime</c> or, for CUDA, <c>Microsoft.ML.OnnxRuntime.Gpu</c>; without one the first
/// is fetched.
/// </remarks>
public sealed class OnnxModel : nn.Module<Tensor, Tensor>
{
    private readonly InferenceSession _session;
    private readonly Device _device;
    private readonly string _source;

    // Rows of one call; null for any number.
    private readonly long? _rows;

    private OnnxModel(byte[] model, string source, Device device, string? output)
        : base(nameof(OnnxModel))
    {
        (_source, _device) = (source, device);
        using SessionOptions options = Options(source, device);
        _session = Open(model, options, source);
        try
        {
            Inputs = Ports(_session.InputMetadata);
            Outputs = Ports(_session.OutputMetadata);
            Output = output ?? Outputs[0].Name;
            if (Outputs.All(port => port.Name != Output))
            {
                throw new EquivariantException($"'{source}' has no output '{Output}': its outputs are {string.Join("; ", Outputs)}.");
            }

            _rows = RowsOf(Inputs);
            if (_rows == 1 && TryFree(model, options) is { } free)
            {
                _session.Dispose();
                _session = free;
                _rows = null;
                Inputs = Ports(_session.InputMetadata);
                Outputs = Ports(_session.OutputMetadata);
            }
        }
        catch
        {
            _session.Dispose();
            throw;
        }
    }

    /// <summary>The inputs, in order.</summary>
    public IReadOnlyList<OnnxPort> Inputs { get; }

    /// <summary>The outputs, in order.</summary>
    public IReadOnlyList<OnnxPort> Outputs { get; }

    /// <summary>The output that <see cref="forward"/> gives.</summary>
    public string Output { get; }

    /// <summary>Whether one call of the runtime takes any number of rows.</summary>
    public bool HasFreeBatch => _rows is null;

    /// <summary>Loads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where to run; the CPU, if left out.</param>
    /// <param name="output">The output that the module gives; the first, if left out.</param>
    /// <returns>The module, in evaluation mode.</returns>
    /// <exception cref="EquivariantException">The file is not ONNX, or the device has no runtime.</exception>
    public static OnnxModel Load(string path, Device? device = null, string? output = null)
    {
        try
        {
            return Load(File.ReadAllBytes(path), path, device, output);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new EquivariantException($"'{path}' can't be read: {error.Message.TrimEnd('.')}.");
        }
    }

    /// <summary>Loads a file that is in memory.</summary>
    /// <param name="model">The file's bytes.</param>
    /// <param name="source">Its name, for messages.</param>
    /// <param name="device">Where to run; the CPU, if left out.</param>
    /// <param name="output">The output that the module gives; the first, if left out.</param>
    /// <returns>The module, in evaluation mode.</returns>
    /// <exception cref="EquivariantException">The bytes are not ONNX, or the device has no runtime.</exception>
    public static OnnxModel Load(byte[] model, string source, Device? device = null, string? output = null)
    {
        OnnxRuntime.Load();
        OnnxModel result = new(model, source, device ?? CPU, output);
        result.eval();
        return result;
    }

    /// <summary>Runs the model on its only input.</summary>
    /// <param name="input">The input, rows first.</param>
    /// <returns>The output <see cref="Output"/>.</returns>
    /// <exception cref="EquivariantException">The model has several inputs, the shape or type is not its own, or gradients are asked for.</exception>
    public override Tensor forward(Tensor input)
    {
        if (Inputs.Count != 1)
        {
            throw new EquivariantException($"'{_source}' has {Inputs.Count} inputs, {string.Join("; ", Inputs)}: give them by name to Run.");
        }

        return Run(new Dictionary<string, Tensor> { [Inputs[0].Name] = input }, [Output])[Output];
    }

    /// <summary>Runs the model.</summary>
    /// <param name="inputs">All inputs by name, rows first.</param>
    /// <param name="outputs">The outputs wanted; all, if left out.</param>
    /// <returns>The outputs by name, on the device of the inputs.</returns>
    /// <exception cref="EquivariantException">An input is missing, unknown or of another shape or type, or gradients are asked for.</exception>
    public IReadOnlyDictionary<string, Tensor> Run(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyList<string>? outputs = null)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = Inference(inputs.Values);
        if (inputs.Keys.FirstOrDefault(name => Inputs.All(port => port.Name != name)) is string unknown)
        {
            throw new EquivariantException($"'{_source}' has no input '{unknown}': its inputs are {string.Join("; ", Inputs)}.");
        }

        Tensor[] values = [.. Inputs.Select((port, i) => inputs.TryGetValue(port.Name, out Tensor? value)
            ? Fit(port, value, GoesByRows(i))
            : throw new EquivariantException($"'{_source}' needs the input '{port.Name}', which is not given."))];
        outputs ??= [.. Outputs.Select(port => port.Name)];
        if (outputs.FirstOrDefault(name => Outputs.All(port => port.Name != name)) is string other)
        {
            throw new EquivariantException($"'{_source}' has no output '{other}': its outputs are {string.Join("; ", Outputs)}.");
        }

        Device device = inputs.Values.Select(value => value.device).FirstOrDefault() ?? CPU;
        Tensor[] results = InParts(values, outputs);
        return outputs.Zip(results).ToDictionary(pair => pair.First, pair => pair.Second.to(device).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _session.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>How many rows the inputs are fixed at; null where one of them takes any number, or has none.</summary>
    private static long? RowsOf(IReadOnlyList<OnnxPort> inputs) =>
        inputs.All(port => port.Shape is not [< 0, ..]) && inputs is [{ Shape: [var rows, ..] }, ..] ? rows : null;

    /// <summary>Whether an input goes in by rows, rather than as a whole.</summary>
    private bool GoesByRows(int input) => Inputs[input].Shape is [var rows, ..] && rows == _rows;

    /// <summary>Refuses gradients rather than to give none.</summary>
    private IDisposable Inference(IEnumerable<Tensor> inputs) => is_grad_enabled() && inputs.Any(input => input.requires_grad)
        ? throw new EquivariantException($"'{_source}' is an ONNX model, which has no gradients: call it under no_grad, or detach its input.")
        : no_grad();

    /// <summary>An input as the runtime takes it: itself, where it is contiguous, on the CPU and of the right type.</summary>
    private Tensor Fit(OnnxPort port, Tensor value, bool byRows)
    {
        if (port.Type is not ScalarType type)
        {
            throw new EquivariantException($"'{_source}' has an input '{port.Name}' of a type that torch lacks.");
        }

        bool fits = value.Dimensions == port.Shape.Count && port.Shape.Zip(value.shape).Skip(byRows ? 1 : 0).All(axis => axis.First < 0 || axis.First == axis.Second);
        if (!fits || value.is_floating_point() && !is_floating_point(type))
        {
            throw new EquivariantException($"'{_source}' takes {port}; {value.dtype} [{string.Join(", ", value.shape)}] is none.");
        }

        return value.detach().to(type).cpu().contiguous();
    }

    private Tensor[] InParts(Tensor[] values, IReadOnlyList<string> outputs)
    {
        if (_rows is not long rows)
        {
            return Call(_session, values, outputs);
        }

        int[] byRows = [.. Enumerable.Range(0, values.Length).Where(GoesByRows)];
        long all = values[byRows[0]].shape[0];
        if (all == 0 || all % rows != 0 || byRows.Any(i => values[i].shape[0] != all))
        {
            throw new EquivariantException(
                $"'{_source}' runs {rows} rows at a time: every input needs the same multiple of that, and they have "
                + $"{string.Join(", ", byRows.Select(i => values[i].shape[0]))}.");
        }

        Tensor[][] parts = [.. Enumerable.Range(0, (int)(all / rows)).Select(part => Call(_session, Part(values, part * rows, rows), outputs))];
        return parts is [Tensor[] whole] ? whole : [.. outputs.Select((name, i) => parts[0][i].Dimensions > 0
            ? cat([.. parts.Select(part => part[i])], 0)
            : throw new EquivariantException($"'{_source}' runs {rows} rows at a time, and its output '{name}' has no rows to join."))];
    }

    /// <summary>Some of the rows, of the inputs that have rows.</summary>
    private Tensor[] Part(Tensor[] values, long from, long count) => [.. values.Select((value, i) => GoesByRows(i) ? value.narrow(0, from, count) : value)];

    private Tensor[] Call(InferenceSession session, Tensor[] values, IReadOnlyList<string> outputs)
    {
        OrtValue[] lent = [.. values.Select(OnnxRuntime.Borrow)];
        try
        {
            using RunOptions options = new();
            IReadOnlyList<OrtValue> results = [.. session.Run(options, [.. Inputs.Select(port => port.Name)], lent, outputs)];
            return [.. results.Select((value, i) => OnnxRuntime.Adopt(value, outputs[i]))];
        }
        catch (OnnxRuntimeException error)
        {
            string shapes = string.Join("; ", values.Select(value => $"[{string.Join(", ", value.shape)}]"));
            throw new EquivariantException($"'{_source}' can't be run on inputs {shapes}: {FirstLine(error)}");
        }
        finally
        {
            Array.ForEach(lent, value => value.Dispose());
        }
    }

    /// <summary>A session of the same graph that takes any number of rows; null where two rows don't give what each gives alone.</summary>
    private InferenceSession? TryFree(byte[] model, SessionOptions options)
    {
        const int tryLength = 4;
        const double tolerance = 1e-4;
        InferenceSession? free = null;
        using DisposeScope scope = NewDisposeScope();
        try
        {
            free = Open(OnnxGraph.FreeBatch(model, Inputs.Where((_, i) => GoesByRows(i)).Select(port => port.Name).ToHashSet()), options, _source);
            using Generator generator = new(0);
            Tensor[] rows = [.. Inputs.Select((port, i) => Sample(port, GoesByRows(i), generator))];
            string[] names = [.. Outputs.Select(port => port.Name)];
            Tensor[] together = Call(free, rows, names);
            Tensor[][] single = [.. Enumerable.Range(0, 2).Select(row => Call(_session, Part(rows, row, 1), names))];
            bool same = Enumerable.Range(0, names.Length).All(i => Agree(together[i], cat([single[0][i], single[1][i]], 0)));
            if (same)
            {
                return free;
            }
        }
        catch (Exception error) when (error is EquivariantException or OverflowException or System.Runtime.InteropServices.ExternalException)
        {
            // A graph that fixes the number of rows inside, say in a reshape.
        }

        free?.Dispose();
        return null;

        // Small numbers are tokens of any vocabulary, and answers to any yes or no.
        static Tensor Sample(OnnxPort port, bool byRows, Generator generator)
        {
            long[] shape = [.. port.Shape.Select((n, axis) => axis == 0 && byRows ? 2 : n < 0 ? tryLength : n)];
            return port.Type is not ScalarType type ? throw new EquivariantException($"Torch lacks the type of '{port.Name}'.")
                : is_floating_point(type) ? randn(shape, ScalarType.Float32, generator: generator).to(type)
                : randint(0, 2, shape, ScalarType.Int64, generator: generator).to(type);
        }

        static bool Agree(Tensor left, Tensor right) =>
            left.shape.SequenceEqual(right.shape) && left.to(ScalarType.Float64).allclose(right.to(ScalarType.Float64), rtol: tolerance, atol: tolerance);
    }

    private static InferenceSession Open(byte[] model, SessionOptions options, string source)
    {
        try
        {
            return new InferenceSession(model, options);
        }
        catch (OnnxRuntimeException error)
        {
            throw new EquivariantException($"'{source}' can't be loaded as an ONNX model: {FirstLine(error)}");
        }
    }

    private static SessionOptions Options(string source, Device device)
    {
        // Warnings, say about unused initial values, are not for those who only run a model.
        SessionOptions options = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        if (Path.GetDirectoryName(Path.GetFullPath(source)) is string folder)
        {
            options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder);
        }

        if (device.type == DeviceType.CUDA)
        {
            if (!OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider"))
            {
                options.Dispose();
                throw new EquivariantException(
                    "This program's ONNX Runtime has no CUDA: reference the package Microsoft.ML.OnnxRuntime.Gpu, or run the model on the CPU.");
            }

            options.AppendExecutionProvider_CUDA(Math.Max(device.index, 0));
        }
        else if (device.type != DeviceType.CPU)
        {
            options.Dispose();
            throw new EquivariantException($"ONNX models run on the CPU or on CUDA, not on {device.type}.");
        }

        return options;
    }

    private static OnnxPort[] Ports(IReadOnlyDictionary<string, NodeMetadata> metadata) =>
        [.. metadata.Select(pair => new OnnxPort(
            pair.Key,
            pair.Value.IsTensor ? OnnxRuntime.TypeOf(pair.Value.ElementDataType) : null,
            pair.Value.IsTensor ? [.. pair.Value.Dimensions.Select(n => (long)n)] : []))];

    private static string FirstLine(Exception error) => error.Message.Split('\n')[0].TrimEnd();
}
