using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Native;

/// <summary>Whether convolutions on the CPU are right: a few small ones against double precision.</summary>
/// <remarks>
/// Full vectors of channels and vectors with a tail apart, in 32-bit floats and bfloat16, output and both gradients, on
/// one thread and on all. Before each, the memory that the next buffers come from is filled with NaN: what reads where
/// nothing was written shows at once, and not only when something else has left its traces there.
/// </remarks>
internal static class ConvolutionProbe
{
    /// <summary>A convolution of an input <c>[B, C, H, W]</c> with a weight <c>[D, C, 3, 3]</c>, padded by one.</summary>
    public delegate Tensor Convolution(Tensor input, Tensor weight);

    private const int Kernel = 3;
    private const int Size = 6;

    // 20 and 12 leave tails in vectors of 16 and 8, 24 in those of 16 alone.
    private static readonly (string Name, long Input, long Output)[] s_cases =
        [("channels that fill vectors", 32, 16), ("channels that leave a tail", 20, 12), ("channels that leave a tail", 24, 40)];

    /// <summary>What is wrong with libtorch's convolutions as they are set now, or null.</summary>
    public static string? FindFault() =>
        FindFault((input, weight) => nn.functional.conv2d(input, weight, padding: [Kernel / 2, Kernel / 2]));

    /// <summary>What is wrong with a convolution, or null.</summary>
    public static string? FindFault(Convolution convolution)
    {
        int threads = get_num_threads();
        try
        {
            foreach (int count in threads > 1 ? new[] { 1, threads } : [1])
            {
                set_num_threads(count);
                foreach ((string name, long input, long output) in s_cases)
                {
                    if (WrongPart(convolution, input, output) is { } part)
                    {
                        return $"the {part} of {name}, {input} to {output}";
                    }
                }
            }

            return null;
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    private static string? WrongPart(Convolution convolution, long input, long output)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable grad = enable_grad();
        Tensor x = Wave(2, input, Size, Size), weight = Wave(output, input, Kernel, Kernel), upstream = Wave(2, output, Size, Size);
        Tensor[] right = ValueAndGradients(
            (a, b) => nn.functional.conv2d(a, b, padding: [Kernel / 2, Kernel / 2]), x, weight, upstream, ScalarType.Float64);
        string[] parts = ["output", "input gradient", "weight gradient"];
        foreach ((ScalarType type, double tolerance) in new[] { (ScalarType.Float32, 1e-4), (ScalarType.BFloat16, 0.05) })
        {
            Tensor[] given = ValueAndGradients(convolution, x, weight, upstream, type);
            for (int i = 0; i < parts.Length; i++)
            {
                double error = ((given[i] - right[i]).abs().max() / right[i].abs().max()).item<double>();
                // Not "above the tolerance": NaN is above nothing.
                if (!(error <= tolerance))
                {
                    return parts[i];
                }
            }
        }

        return null;
    }

    private static Tensor[] ValueAndGradients(Convolution convolution, Tensor x, Tensor weight, Tensor upstream, ScalarType type)
    {
        Tensor a = x.to(type, copy: true).requires_grad_(), b = weight.to(type, copy: true).requires_grad_();
        DirtyMemory();
        Tensor y = convolution(a, b);
        DirtyMemory();
        IList<Tensor> gradients = autograd.grad([y], [a, b], [upstream.to(type)]);
        return [.. new[] { y, gradients[0], gradients[1] }.Select(t => t.detach().to(ScalarType.Float64))];
    }

    /// <summary>Numbers between −1 and 1 that take nothing from any generator.</summary>
    private static Tensor Wave(params long[] shape) =>
        arange(shape.Aggregate(1L, (a, b) => a * b), ScalarType.Float64).mul(0.7).add(0.3).sin().reshape(shape);

    private static void DirtyMemory()
    {
        // Together more than the buffers of one convolution, each below what the allocator asks of the system anew.
        Tensor[] blocks = [.. Enumerable.Range(0, 12).Select(i => full([1 << (10 + (i % 6))], float.NaN, ScalarType.Float32))];
        foreach (Tensor block in blocks)
        {
            block.Dispose();
        }
    }
}
