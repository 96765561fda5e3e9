using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;
using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>Multiplies by matrices whose entries share coefficients, on the CPU.</summary>
/// <remarks>
/// <para>The dense matrix is written into a buffer that the layer keeps, and the gradient of the matrix, of the same size,
/// into another: what a dense layer spends on fresh memory for its gradient pays for the gather and the scatter. Both move
/// runs of <c>c_in</c> adjacent numbers. While the coefficients stay the same, the matrix is not written again. Matrices
/// beyond a stated size are handled in slices of rows, so memory stays bounded.</para>
/// <para>The form <c>t(x, c, y) = Σ y · W(c) x</c> is linear in each of its three arguments. The product is its derivative by
/// <c>y</c>, and the gradients of the product are its derivatives by <c>x</c> and <c>c</c>. So one operation, the derivative by the argument
/// left out, is closed under differentiation: gradients can be differentiated again, any number of times.</para>
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
    public bool Serves(Tensor x, Tensor coefficients)
    {
        if (x.device_type != DeviceType.CPU || coefficients.device_type != DeviceType.CPU || x.dtype != coefficients.dtype ||
            x.dtype is not (ScalarType.Float32 or ScalarType.Float64) || x.shape[0] == 0)
        {
            return false;
        }

        // Memory of tensors is seen through spans, whose length is an int.
        long channels = coefficients.shape[0] * coefficients.shape[2];
        return orbits.Labels.Length * channels >= SmallestServed &&
            Math.Max(orbits.Columns, orbits.Count) * channels <= int.MaxValue / sizeof(double);
    }

    /// <summary><see cref="EquivariantBasis.Apply"/>; gradients flow, any number of times.</summary>
    public Tensor Apply(Tensor x, Tensor coefficients) => Derivative(x, coefficients, null);

    /// <summary>The derivative of the form by the argument that is left out.</summary>
    /// <param name="x"><c>[B, n·c_in]</c>.</param>
    /// <param name="coefficients"><c>[c_out, d, c_in]</c>.</param>
    /// <param name="y"><c>[B, m·c_out]</c>.</param>
    private Tensor Derivative(Tensor? x, Tensor? coefficients, Tensor? y)
    {
        bool recorded = is_grad_enabled() && (x?.requires_grad == true || coefficients?.requires_grad == true || y?.requires_grad == true);
        return recorded ? Recorded.apply(x!, coefficients!, y!, this) : Compute(x, coefficients, y);
    }

    private Tensor Compute(Tensor? x, Tensor? coefficients, Tensor? y)
    {
        lock (_lock)
        {
            using DisposeScope scope = NewDisposeScope();
            using var noGradient = no_grad();
            Tensor result = y is null ? Product(x!, coefficients!)
                : x is null ? Transposed(coefficients!, y)
                : Gradient(x, y);
            return result.MoveToOuterDisposeScope();
        }
    }

    private Tensor Product(Tensor x, Tensor coefficients)
    {
        Slices slices = new(this, coefficients.shape[0], coefficients.shape[2], x.dtype);
        Written written = new(slices, coefficients);
        List<Tensor> parts = [];
        for (int first = 0; first < orbits.Rows; first += slices.Rows)
        {
            parts.Add(x.matmul(written.Rows(first).t()));
        }

        return parts.Count == 1 ? parts[0] : cat(parts, 1);
    }

    private Tensor Transposed(Tensor coefficients, Tensor y)
    {
        Slices slices = new(this, coefficients.shape[0], coefficients.shape[2], y.dtype);
        Written written = new(slices, coefficients);
        Tensor? sum = null;
        for (int first = 0; first < orbits.Rows; first += slices.Rows)
        {
            Tensor product = slices.Part(y, first).matmul(written.Rows(first));
            sum = sum is null ? product : sum.add_(product);
        }

        return sum!;
    }

    private Tensor Gradient(Tensor x, Tensor y)
    {
        Slices slices = new(this, y.shape[1] / orbits.Rows, x.shape[1] / orbits.Columns, x.dtype);
        Tensor sum = zeros([slices.ChannelsOut, orbits.Count, slices.ChannelsIn], x.dtype);
        for (int first = 0; first < orbits.Rows; first += slices.Rows)
        {
            Tensor buffer = slices.Buffer(ref _gradient);
            buffer.narrow(0, 0, (long)slices.Count(first) * slices.ChannelsOut).addmm_(slices.Part(y, first).t(), x, beta: 0, alpha: 1);
            slices.Scatter(buffer, first, sum);
        }

        return sum;
    }

    /// <summary>How the matrix is cut into slices of rows, and the moves between them and the coefficients.</summary>
    private readonly struct Slices
    {
        private readonly SharedWeight _owner;
        private readonly ScalarType _dtype;

        public Slices(SharedWeight owner, long channelsOut, long channelsIn, ScalarType dtype)
        {
            _owner = owner;
            _dtype = dtype;
            ChannelsOut = (int)channelsOut;
            ChannelsIn = (int)channelsIn;
            Rows = (int)Math.Clamp(MostNumbers / (owner.Orbits.Columns * channelsIn * channelsOut), 1, owner.Orbits.Rows);
        }

        public int ChannelsOut { get; }

        public int ChannelsIn { get; }

        /// <summary>The number of rows of the output in a slice.</summary>
        public int Rows { get; }

        public bool IsWhole => Rows == _owner.Orbits.Rows;

        public SharedWeight Owner => _owner;

        public int Count(int first) => Math.Min(Rows, _owner.Orbits.Rows - first);

        /// <summary>The columns of outputs that belong to a slice.</summary>
        public Tensor Part(Tensor y, int first) => y.narrow(1, (long)first * ChannelsOut, (long)Count(first) * ChannelsOut);

        /// <summary>Whether a buffer is of the shape of a slice.</summary>
        public bool Fits([NotNullWhen(true)] Tensor? buffer) =>
            buffer is not null && buffer.dtype == _dtype && buffer.shape[0] == (long)Rows * ChannelsOut &&
            buffer.shape[1] == (long)_owner.Orbits.Columns * ChannelsIn;

        /// <summary>The buffer, made anew where it is not of the shape of a slice.</summary>
        public Tensor Buffer(ref Tensor? buffer)
        {
            if (!Fits(buffer))
            {
                buffer?.Dispose();
                buffer = empty([(long)Rows * ChannelsOut, (long)_owner.Orbits.Columns * ChannelsIn], _dtype).DetachFromDisposeScope();
            }

            return buffer;
        }

        public void Gather(Tensor coefficients, Tensor buffer, int first)
        {
            if (_dtype == ScalarType.Float32)
            {
                Gather<float>(coefficients, buffer, first);
            }
            else
            {
                Gather<double>(coefficients, buffer, first);
            }
        }

        public void Scatter(Tensor buffer, int first, Tensor sum)
        {
            if (_dtype == ScalarType.Float32)
            {
                Scatter<float>(buffer, first, sum);
            }
            else
            {
                Scatter<double>(buffer, first, sum);
            }
        }

        private void Gather<T>(Tensor coefficients, Tensor buffer, int first)
            where T : unmanaged
        {
            (int channelsOut, int channelsIn, int columns, int count) = (ChannelsOut, ChannelsIn, _owner.Orbits.Columns, _owner.Orbits.Count);
            int[] labels = _owner.Orbits.Labels;
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

        private void Scatter<T>(Tensor buffer, int first, Tensor sum)
            where T : unmanaged, INumberBase<T>
        {
            (int channelsOut, int channelsIn, int columns, int count) = (ChannelsOut, ChannelsIn, _owner.Orbits.Columns, _owner.Orbits.Count);
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

    /// <summary>The matrix for some coefficients, written a slice at a time; once for the same coefficients, where one slice holds all.</summary>
    private readonly struct Written
    {
        private readonly Slices _slices;
        private readonly Tensor _coefficients;
        private readonly bool _kept;

        public Written(Slices slices, Tensor coefficients)
        {
            _slices = slices;
            _coefficients = coefficients.detach().contiguous();
            SharedWeight owner = slices.Owner;
            _kept = slices.IsWhole && slices.Fits(owner._weight) && owner._written is { } written && Same(written, _coefficients);
            if (!_kept)
            {
                owner._written?.Dispose();
                owner._written = slices.IsWhole ? _coefficients.clone().DetachFromDisposeScope() : null;
            }
        }

        public Tensor Rows(int first)
        {
            Tensor buffer = _slices.Buffer(ref _slices.Owner._weight);
            if (!_kept)
            {
                _slices.Gather(_coefficients, buffer, first);
            }

            return buffer.narrow(0, 0, (long)_slices.Count(first) * _slices.ChannelsOut);
        }

        private static bool Same(Tensor left, Tensor right)
        {
            using DisposeScope scope = NewDisposeScope();
            return left.dtype == right.dtype && left.shape.SequenceEqual(right.shape) && left.eq(right).all().item<bool>();
        }
    }

    /// <summary>The derivative as one step of automatic differentiation: its own gradients are the derivatives by the other arguments.</summary>
    private sealed class Recorded : autograd.SingleTensorFunction<Recorded>
    {
        private const int Arguments = 3;
        private const string LeftOut = "left out";

        public override string Name => "equivariant_linear";

        public override Tensor forward(autograd.AutogradContext context, params object[] values)
        {
            var shared = (SharedWeight)values[Arguments];
            context.save_for_backward([.. values.Take(Arguments).Cast<Tensor>()]);
            context.save_data(nameof(SharedWeight), shared);
            context.save_data(LeftOut, Array.IndexOf(values, null));

            // An absent slope stays absent: TorchSharp's zeros for it are gone with the dispose scope of the call.
            context.set_materialize_grads(false);
            return shared.Compute((Tensor)values[0], (Tensor)values[1], (Tensor)values[2]);
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor slope)
        {
            int leftOut = (int)context.get_data(LeftOut);
            var slopes = new Tensor?[Arguments + 1];
            try
            {
                List<Tensor> saved = context.get_saved_variables();
                for (int by = 0; by < Arguments && !slope.IsInvalid; by++)
                {
                    if (saved[by]?.requires_grad == true)
                    {
                        Tensor?[] others = [.. saved];
                        others[leftOut] = slope;
                        others[by] = null;
                        slopes[by] = ((SharedWeight)context.get_data(nameof(SharedWeight))).Derivative(others[0], others[1], others[2]);
                    }
                }
            }
            catch (Exception)
            {
                // Weights changed in place before their gradient was asked for, or memory has run out. An exception can't pass through
                // libtorch, it would end the process; a slope of no shape makes libtorch raise one itself.
                for (int by = 0; by < Arguments; by++)
                {
                    slopes[by] = by == leftOut ? null : empty(0);
                }
            }

            return [.. slopes.Cast<Tensor>()];
        }
    }
}
