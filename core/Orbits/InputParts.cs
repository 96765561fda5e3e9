using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>How many inputs of a batch a design looks at together: each has its whole orbit evaluated at once.</summary>
/// <remarks>
/// As many as a call may have rows. Where nothing is said of that, nothing is learned, and a processor evaluates, as many as leave
/// the rows in its caches from when they are made to when their values are collected; the network reads its parameters once for each
/// part, so a part is no smaller than they are.
/// </remarks>
internal static class InputParts
{
    /// <summary>What of the rows a core's cache has room for, beside the network's values.</summary>
    private const long BytesOfThread = 1 << 18;

    /// <summary>The number of inputs of each part but the last.</summary>
    /// <param name="evaluation">How rows are to be evaluated.</param>
    /// <param name="design">The design, with all that it evaluates as children.</param>
    /// <param name="batch">The batch, <c>[B, …]</c>.</param>
    /// <param name="rows">The rows of one input.</param>
    /// <param name="isLearning">Whether a gradient may be asked for.</param>
    public static long Size(Evaluation evaluation, nn.Module design, Tensor batch, int rows, bool isLearning)
    {
        long inputs = batch.shape[0];
        if (inputs <= 1 || !evaluation.IsSeparate)
        {
            return inputs;
        }

        if (evaluation.ChunkRows is int most)
        {
            return rows <= most ? Even(inputs, most / rows) : inputs;
        }

        long bytes = batch.numel() * batch.element_size() * rows, part = BytesOfThread * get_num_threads();
        return isLearning || batch.device_type != DeviceType.CPU || bytes <= part || design.modules().Prepend(design).Any(module => module.training)
            ? inputs
            : Even(inputs, Math.Max(part, Bytes(design)) * inputs / bytes);
    }

    /// <summary>The size of parts that are as many as they have to be, and alike.</summary>
    private static long Even(long inputs, long most)
    {
        long parts = (inputs + Math.Max(1, most) - 1) / Math.Max(1, most);
        return (inputs + parts - 1) / parts;
    }

    private static long Bytes(nn.Module design)
    {
        using DisposeScope scope = NewDisposeScope();
        return design.parameters().Sum(parameter => parameter.numel() * parameter.element_size());
    }
}
