using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>
/// Moving coordinates of tensors <c>[B, P, n]</c> or <c>[B, P, n, Q]</c> along <c>n</c>: always in one kernel, and in the one that a CPU
/// takes least time for.
/// </summary>
/// <remarks>
/// Along the last axis that is a gather, or a scatter where an index is a permutation: its gradient is a gather, and that of a gather an
/// addition to zeros. Where several numbers follow each coordinate, they are rows that are selected whole, five times as fast.
/// </remarks>
internal static class Coordinates
{
    /// <summary>The place of the coordinates.</summary>
    public const int Axis = 2;

    /// <summary>So many numbers have to follow each coordinate for a selection of rows: an index of its own for each row takes memory.</summary>
    private const long FewestPerRow = 4;

    /// <summary>Coordinates <c>index</c>, <c>[m]</c>, of every row: <c>[B, P, n, …] → [B, P, m, …]</c>.</summary>
    public static Tensor Gather(Tensor x, Tensor index)
    {
        using DisposeScope scope = NewDisposeScope();
        return (HasRows(x, Axis)
            ? Rows(x.unsqueeze(0), index.unsqueeze(0), repeated: false).squeeze(0)
            : x.gather(Axis, Broadcast(index, x, Axis, 0))).MoveToOuterDisposeScope();
    }

    /// <summary>Every row of <c>index</c>, <c>[T, m]</c>, of every row: <c>[B, P, n, …] → [T, B, P, m, …]</c>.</summary>
    public static Tensor Spread(Tensor x, Tensor index)
    {
        using DisposeScope scope = NewDisposeScope();
        return (HasRows(x, Axis) ? Rows(x.unsqueeze(0), index, repeated: true) : GatherEach(Repeat(x, index), index)).MoveToOuterDisposeScope();
    }

    /// <summary>Row <c>t</c> of <c>index</c>, <c>[T, m]</c>, of slice <c>t</c>: <c>[T, B, P, n, …] → [T, B, P, m, …]</c>.</summary>
    public static Tensor GatherEach(Tensor x, Tensor index)
    {
        using DisposeScope scope = NewDisposeScope();
        return (HasRows(x, Axis + 1) ? Rows(x, index, repeated: false) : x.gather(Axis + 1, Broadcast(index, x, Axis + 1, 1))).MoveToOuterDisposeScope();
    }

    /// <summary>Every row moved by every permutation: coordinate <c>i</c> goes to <c>index[t, i]</c>, <c>[B, P, n, …] → [T, B, P, n, …]</c>.</summary>
    public static Tensor Permute(Tensor x, Tensor index)
    {
        using DisposeScope scope = NewDisposeScope();
        return (HasRows(x, Axis) ? Spread(x, IndexTables.Inverse(index)) : PermuteEach(Repeat(x, index), index)).MoveToOuterDisposeScope();
    }

    /// <summary>Slice <c>t</c> moved by permutation <c>t</c>: coordinate <c>i</c> goes to <c>index[t, i]</c>, <c>[T, B, P, n, …]</c>.</summary>
    public static Tensor PermuteEach(Tensor x, Tensor index)
    {
        using DisposeScope scope = NewDisposeScope();
        return (HasRows(x, Axis + 1)
            ? GatherEach(x, IndexTables.Inverse(index))
            : x.new_empty(x.shape).scatter_(Axis + 1, Broadcast(index, x, Axis + 1, 1), x)).MoveToOuterDisposeScope();
    }

    private static bool HasRows(Tensor x, int axis) => x.dim() > axis + 1 && x.shape[^1] >= FewestPerRow;

    private static Tensor Repeat(Tensor x, Tensor index) => x.unsqueeze(0).expand([index.shape[0], .. x.shape]);

    /// <summary>Selects rows of <c>Q</c> numbers: of slice <c>t</c>, or of the only one, those of row <c>t</c> of the index.</summary>
    private static Tensor Rows(Tensor x, Tensor index, bool repeated)
    {
        long[] shape = x.shape;
        (long slices, long each, long n) = (shape[0], shape[1] * shape[2], shape[3]);
        Tensor starts = arange(0, slices * each * n, n, ScalarType.Int64, x.device).view(slices, each, 1);
        Tensor rows = x.reshape(slices * each * n, shape[4]).index_select(0, (starts + index.unsqueeze(1)).flatten());
        return rows.view(repeated ? index.shape[0] : slices, shape[1], shape[2], index.shape[1], shape[4]);
    }

    /// <summary>
    /// Expands an index whose last axis goes along <paramref name="axis"/>, and whose others are the first <paramref name="leading"/>, to
    /// the shape that a gather from <paramref name="x"/> needs.
    /// </summary>
    private static Tensor Broadcast(Tensor index, Tensor x, int axis, int leading)
    {
        long[] shape = x.shape;
        shape[axis] = index.shape[^1];
        var aligned = new long[shape.Length];
        Array.Fill(aligned, 1);
        aligned[axis] = shape[axis];
        if (leading == 1)
        {
            aligned[0] = shape[0];
        }

        return index.view(aligned).expand(shape);
    }
}
