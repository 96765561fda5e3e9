using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>A run of axes of a tensor, counted from the end, that are read as one index, row by row.</summary>
internal sealed class AdjacentAxes
{
    private readonly int _first;
    private readonly int _span;

    /// <summary>Checks the axes.</summary>
    /// <exception cref="EquivariantException">There are none, or they are not adjacent, or not counted from the end.</exception>
    public AdjacentAxes(params IReadOnlyList<int> axes)
    {
        int[] sorted = [.. axes.Order()];
        if (sorted.Length == 0 || sorted[^1] >= 0 || sorted[^1] - sorted[0] != sorted.Length - 1 || sorted.Distinct().Count() != sorted.Length)
        {
            throw new EquivariantException(
                $"Axes [{string.Join(", ", axes)}] can't be acted on as one index: give adjacent axes counted from the end, such as -1, or -2 and -1.");
        }

        _first = sorted[0];
        _span = sorted.Length;
    }

    /// <summary>The axes, in order.</summary>
    public int[] List => [.. Enumerable.Range(_first, _span)];

    /// <summary>
    /// Views <c>[R, …, a, b, …]</c> as <c>[R, P, n, Q]</c>, with the axes as one of length <c>n</c>; as <c>[R, P, n]</c> where nothing
    /// but axes of length 1 follows them, which is much faster to gather from.
    /// </summary>
    /// <param name="x">The tensor.</param>
    /// <param name="n">The length that the axes have to have together.</param>
    /// <param name="what">What asks for it, in messages.</param>
    /// <exception cref="EquivariantException">The tensor has too few axes, or they have another length.</exception>
    public Tensor Flatten(Tensor x, int n, object what)
    {
        long[] shape = Require(x, n, what);
        int first = shape.Length + _first;
        (long before, long after) = (Product(shape, 1, first), Product(shape, first + _span, shape.Length));
        return after == 1 ? x.reshape(shape[0], before, n) : x.reshape(shape[0], before, n, after);
    }

    /// <summary>Refuses what <see cref="Flatten"/> does; gives the shape of what it does not.</summary>
    /// <inheritdoc cref="Flatten"/>
    public long[] Require(Tensor x, int n, object what)
    {
        TensorChecks.RequireDense(what, x);
        long[] shape = x.shape;
        int first = shape.Length + _first;
        if (first < 1)
        {
            throw new EquivariantException(
                $"{what} moves axis {_first}, but a tensor of shape {TensorChecks.Shape(x)} has only {shape.Length} axes, the first of them the batch.");
        }

        long length = Product(shape, first, first + _span);
        if (length != n)
        {
            throw new EquivariantException(
                $"{what} needs {n} coordinates along {this}, but a tensor of shape {TensorChecks.Shape(x)} has {length}.");
        }

        return shape;
    }

    /// <summary>Names the axes.</summary>
    public override string ToString() => _span == 1 ? $"axis {_first}" : $"axes {_first} … {_first + _span - 1}";

    private static long Product(long[] shape, int from, int to)
    {
        long product = 1;
        for (int axis = from; axis < to; axis++)
        {
            product *= shape[axis];
        }

        return product;
    }
}
