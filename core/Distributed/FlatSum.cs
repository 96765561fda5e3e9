using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <summary>Sums of several tensors over ranks, in one message for each type and device.</summary>
internal static class FlatSum
{
    /// <summary>Adds the tensors of all ranks; those that a rank lacks count as zero. Collective.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="values">This rank's tensors, null where it has none.</param>
    /// <param name="like">Tensors of their types and shapes.</param>
    /// <returns>New tensors, the same on every rank; null where no rank has one.</returns>
    public static Tensor?[] Of(Ranks ranks, IReadOnlyList<Tensor?> values, IReadOnlyList<Tensor> like)
    {
        var sums = new Tensor?[values.Count];
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        foreach (IGrouping<(ScalarType, DeviceType, int), int> message in
            Enumerable.Range(0, values.Count).GroupBy(i => (like[i].dtype, like[i].device_type, like[i].device_index)))
        {
            int[] places = [.. message];
            // How many ranks have each tensor travels with them.
            Tensor present = tensor([.. places.Select(i => values[i] is null ? 0f : 1f)]).to(like[places[0]].dtype, like[places[0]].device);
            Tensor flat = cat([.. places.Select(i => (values[i] ?? zeros_like(like[i])).detach().reshape(-1)), present], 0);
            ranks.Sum(flat);
            Tensor[] parts = flat.split([.. places.Select(i => like[i].numel()), places.Length], 0);
            using Tensor counts = (parts[^1].is_complex() ? parts[^1].real : parts[^1]).to(ScalarType.Float32).cpu();
            float[] holders = counts.data<float>().ToArray();
            for (int k = 0; k < places.Length; k++)
            {
                if (holders[k] > 0)
                {
                    sums[places[k]] = parts[k].view(like[places[k]].shape).MoveToOuterDisposeScope();
                }
            }
        }

        return sums;
    }
}
