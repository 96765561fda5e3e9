using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <summary>What layers keep beside their parameters, such as running means, made one for all ranks.</summary>
internal static class Buffers
{
    /// <summary>The mean of floating point buffers over ranks, weighted; of others, those of rank 0. Collective.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="buffers">This rank's.</param>
    /// <param name="weight">How much this rank's count, against the sum over ranks.</param>
    /// <returns>New tensors.</returns>
    public static Tensor[] Mean(Ranks ranks, IReadOnlyList<Tensor> buffers, double weight)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor total = tensor(weight, ScalarType.Float64);
        Tensor[] weighed =
        [
            total,
            .. buffers.Select(buffer => IsMean(buffer)
                ? buffer.to(ScalarType.Float64).mul(weight)
                : (ranks.IsFirst ? buffer : zeros_like(buffer)).to(ScalarType.Int64)),
        ];
        Tensor?[] sums = FlatSum.Of(ranks, weighed, weighed);
        return [.. buffers.Select((buffer, i) => (IsMean(buffer) ? sums[i + 1]!.div(sums[0]!) : sums[i + 1]!).to(buffer.dtype, buffer.device).MoveToOuterDisposeScope())];
    }

    private static bool IsMean(Tensor buffer) => buffer.is_floating_point();
}
