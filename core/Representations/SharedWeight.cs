using System.Numerics;
using System.Runtime.InteropServices;
using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>Multiplies by matrices whose entries share coefficients, on the CPU.</summary>
/// <remarks>
/// The dense matrix is written into a buffer that the layer keeps, and the gradient of the matrix, of the same size,
/// into another: what a dense layer spends on fresh memory for its gradient pays for the gather and the scatter. Both move
/// runs of <c>c_in</c> adjacent numbers. While the coefficients stay the same, the matrix is not written again. Matrices
/// beyond a stated size are handled in slices of rows, so memory stays bounded.
/// </remarks>
internal sealed class SharedWeight(PairOrbits orbits)
{
    private const long SmallestServed = 1 << 12;
    private const long MostNumbers = 1 << 25;
    private readonly Lock _lock = new();
    private Tensor? _weight;
    private Tensor? _gradient;
    private Tensor? _written;

    private PairOrbits Orbits => orbits;

    /// <summary>Tells whether these tensors are of the kinds that this serves.</summary>
    public bool Serves(Tensor x, Tensor coefficients) =>
        x.device_type == DeviceType.CPU && coefficients.device_type == DeviceType.CPU && x.dtype == coefficients.dtype &&
        x.dtype is ScalarType.Float32 or ScalarType.Float64 &&
        orbits.Labels.Length * coefficients.shape[0] * coefficients.shape[2] >= SmallestServed && x.shape[0] > 0;

    /// <summary><see cref="EquivariantBasis.Apply"/>; differentiable once.</summary>
    public Tensor Apply(Tensor x, Tensor coefficients) =>
        is_grad_enabled() && (x.requires_grad || coefficients.requires_grad)
            ? Product.apply(x, coefficients, this)
            : Forward(x, coefficients);

    private Tensor Forward(Tensor x, Tensor coefficients)
    {
        lock (_lock)
        {
            using DisposeScope scope = NewDisposeScope();
            using var noGradient = no_grad();
            Slices slices = new(this, coefficients);
            var parts = new List<Tensor>();
            for (int first = 0; first < orbits.Rows; first += slices.Rows)
            {
                parts.Add(x.matmul(slices.Weight(first).t()));
            }

            return (parts.Count == 1 ? parts[0] : cat(parts, 1)).MoveToOuterDisposeScope();
        }
    }

    private List<Tensor> Backward(Tensor x, Tensor coefficients, Tensor slope)
    {
        lock (_lock)
        {
            using DisposeScope scope = NewDisposeScope();
            using var noGradient = no_grad();
            Slices slices = new(this, coefficients);
            long channels = coefficients.shape[0];
            Tensor coefficientSlope = zeros_like(coefficients);
            Tensor? inputSlope = null;
            for (int first = 0; first < orbits.Rows; first += slices.Rows)
            {
                Tensor part = slope.narrow(1, first * channels, slices.Count(first) * channels);
                Tensor product = part.matmul(slices.Weight(first));
                inputSlope = inputSlope is null ? product : inputSlope.add_(product);
                slices.AddGradient(first, part, x, coefficientSlope);
            }

            return [inputSlope!.MoveToOuterDisposeScope(), coefficientSlope.MoveToOuterDisposeScope(), null!];
        }
    }

    private static Tensor Buffer(ref Tensor? buffer, long rows, long columns, ScalarType dtype)
    {
        if (buffer is null || buffer.dtype != dtype || buffer.shape[0] != rows || buffer.shape[1] != columns)
        {
            buffer?.Dispose();
            buffer = empty([rows, columns], dtype).DetachFromDisposeScope();
        }

        return buffer;
    }

    /// <summary>The matrix for some coefficients, a slice of rows at a time.</summary>
    private readonly ref struct Slices
    {
        private readonly SharedWeight _owner;
        private readonly Tensor _coefficients;
        private readonly int _channelsOut;
        private readonly int _channelsIn;
        private readonly bool _written;

        public Slices(SharedWeight owner, Tensor coefficients)
        {
            _owner = owner;
            _coefficients = coefficients.detach().contiguous();
            _channelsOut = (int)coefficients.shape[0];
            _channelsIn = (int)coefficients.shape[2];
            PairOrbits orbits = owner.Orbits;
            long perRow = (long)orbits.Columns * _channelsIn * _channelsOut;
            Rows = (int)Math.Clamp(MostNumbers / perRow, 1, orbits.Rows);

            // The buffers are only good while they are of the same shape; asking for them drops others.
            bool whole = Rows == orbits.Rows;
            bool kept = owner._weight is { } weight && weight.dtype == coefficients.dtype &&
                weight.shape[0] == (long)Rows * _channelsOut && weight.shape[1] == (long)orbits.Columns * _channelsIn;
            _written = whole && kept && owner._written is { } written && Same(written, _coefficients);
            if (!_written)
            {
                owner._written?.Dispose();
                owner._written = whole ? _coefficients.clone().DetachFromDisposeScope() : null;
            }
        }

        /// <summary>The number of rows of the output in a slice.</summary>
        public int Rows { get; }

        public int Count(int first) => Math.Min(Rows, _owner.Orbits.Rows - first);

        public Tensor Weight(int first)
        {
            PairOrbits orbits = _owner.Orbits;
            Tensor buffer = Buffer(ref _owner._weight, (long)Rows * _channelsOut, (long)orbits.Columns * _channelsIn, _coefficients.dtype);
            if (!_written)
            {
                if (_coefficients.dtype == ScalarType.Float32)
                {
                    Write<float>(buffer, first);
                }
                else
                {
                    Write<double>(buffer, first);
                }
            }

            return buffer.narrow(0, 0, (long)Count(first) * _channelsOut);
        }

        public void AddGradient(int first, Tensor slope, Tensor x, Tensor sum)
        {
            PairOrbits orbits = _owner.Orbits;
            Tensor buffer = Buffer(ref _owner._gradient, (long)Rows * _channelsOut, (long)orbits.Columns * _channelsIn, _coefficients.dtype);
            Tensor part = buffer.narrow(0, 0, slope.shape[1]);
            part.addmm_(slope.t(), x, beta: 0, alpha: 1);
            if (_coefficients.dtype == ScalarType.Float32)
            {
                Add<float>(buffer, first, sum);
            }
            else
            {
                Add<double>(buffer, first, sum);
            }
        }

        private void Write<T>(Tensor buffer, int first)
            where T : unmanaged
        {
            (int channelsOut, int channelsIn, int columns, int count) = (_channelsOut, _channelsIn, _owner.Orbits.Columns, _owner.Orbits.Count);
            int[] labels = _owner.Orbits.Labels;
            Tensor coefficients = _coefficients;
            Split(Count(first), buffer.numel(), (from, to) =>
            {
                Span<T> target = MemoryMarshal.Cast<byte, T>(buffer.bytes);
                ReadOnlySpan<T> source = MemoryMarshal.Cast<byte, T>(coefficients.bytes);
                for (int row = from; row < to; row++)
                {
                    ReadOnlySpan<int> places = labels.AsSpan((first + row) * columns, columns);
                    for (int o = 0; o < channelsOut; o++)
                    {
                        Runs.Gather(
                            source.Slice(o * count * channelsIn, count * channelsIn),
                            places,
                            target.Slice((row * channelsOut + o) * columns * channelsIn, columns * channelsIn),
                            channelsIn);
                    }
                }
            });
        }

        private void Add<T>(Tensor buffer, int first, Tensor sum)
            where T : unmanaged, INumberBase<T>
        {
            (int channelsOut, int channelsIn, int columns, int count) = (_channelsOut, _channelsIn, _owner.Orbits.Columns, _owner.Orbits.Count);
            int rows = Count(first);
            int[] labels = _owner.Orbits.Labels;

            // Each channel of the output has sums of its own, so that channels do not wait for each other.
            Split(channelsOut, buffer.numel(), (from, to) =>
            {
                ReadOnlySpan<T> source = MemoryMarshal.Cast<byte, T>(buffer.bytes);
                Span<T> target = MemoryMarshal.Cast<byte, T>(sum.bytes);
                for (int row = 0; row < rows; row++)
                {
                    ReadOnlySpan<int> places = labels.AsSpan((first + row) * columns, columns);
                    for (int o = from; o < to; o++)
                    {
                        Runs.Scatter(
                            source.Slice((row * channelsOut + o) * columns * channelsIn, columns * channelsIn),
                            places,
                            target.Slice(o * count * channelsIn, count * channelsIn),
                            channelsIn);
                    }
                }
            });
        }

        private static bool Same(Tensor left, Tensor right)
        {
            using DisposeScope scope = NewDisposeScope();
            return left.dtype == right.dtype && left.shape.SequenceEqual(right.shape) && left.eq(right).all().item<bool>();
        }

        private static void Split(int count, long numbers, Action<int, int> work)
        {
            // Waking other threads costs more than moving a few numbers.
            const long SmallestShared = 1 << 20;
            int parts = numbers < SmallestShared ? 1 : Math.Min(count, Math.Max(1, get_num_threads()));
            if (parts == 1)
            {
                work(0, count);
            }
            else
            {
                Parallel.For(0, parts, part => work((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts)));
            }
        }
    }

    /// <summary>The product as one step of automatic differentiation.</summary>
    private sealed class Product : autograd.SingleTensorFunction<Product>
    {
        public override string Name => "equivariant_linear";

        public override Tensor forward(autograd.AutogradContext context, params object[] values)
        {
            var (x, coefficients, shared) = ((Tensor)values[0], (Tensor)values[1], (SharedWeight)values[2]);
            context.save_for_backward([x, coefficients]);
            context.save_data(nameof(SharedWeight), shared);
            return shared.Forward(x, coefficients);
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor slope)
        {
            List<Tensor> saved = context.get_saved_variables();
            return ((SharedWeight)context.get_data(nameof(SharedWeight))).Backward(saved[0], saved[1], slope.contiguous());
        }
    }
}
