using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>
/// Gathering coordinates of tensors <c>[B, P, n]</c> or <c>[B, P, n, Q]</c> along <c>n</c>: always by one gather, which
/// is the fastest kernel for it on a CPU and deterministic on a GPU.
/// </summary>
internal static class Coordinates
{
    /// <summary>The place of the coordinates.</summary>
    public const int Axis = 2;

    /// <summary>Coordinates <c>index</c>, <c>[m]</c>, of every row: <c>[B, P, n, …] → [B, P, m, …]</c>.</summary>
    public static Tensor Gather(Tensor x, Tensor index)
    {
        using var scope = NewDisposeScope();
        return x.gather(Axis, Broadcast(index, x, Axis)).MoveToOuterDisposeScope();
    }

    /// <summary>Every row of <c>index</c>, <c>[T, m]</c>, of every row: <c>[B, P, n, …] → [T, B, P, m, …]</c>.</summary>
    public static Tensor Spread(Tensor x, Tensor index)
    {
        using var scope = NewDisposeScope();
        Tensor repeated = x.unsqueeze(0).expand([index.shape[0], .. x.shape]);
        return GatherEach(repeated, index).MoveToOuterDisposeScope();
    }

    /// <summary>Row <c>t</c> of <c>index</c>, <c>[T, m]</c>, of slice <c>t</c>: <c>[T, B, P, n, …] → [T, B, P, m, …]</c>.</summary>
    public static Tensor GatherEach(Tensor x, Tensor index)
    {
        using var scope = NewDisposeScope();
        return x.gather(Axis + 1, Broadcast(index.view([index.shape[0], 1, 1, index.shape[1]]), x, Axis + 1)).MoveToOuterDisposeScope();
    }

    /// <summary>Expands an index whose last axis goes along <paramref name="axis"/> to the shape that a gather from <paramref name="x"/> needs.</summary>
    private static Tensor Broadcast(Tensor index, Tensor x, int axis)
    {
        long[] shape = x.shape;
        shape[axis] = index.shape[^1];
        Tensor aligned = x.dim() == axis + 1 ? index : index.unsqueeze(-1);
        return aligned.expand(shape);
    }
}
