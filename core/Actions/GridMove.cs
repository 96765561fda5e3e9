using System.Numerics;

namespace Equivariant.Core.Actions;

/// <summary>A way to move the pixels of a grid of rows and columns: a turn, a reflection or a cyclic shift.</summary>
/// <remarks>Pixel (y, x), y rows down and x columns to the right, has number y · width + x.</remarks>
public sealed class GridMove
{
    private readonly Func<int, int, int, int, (int Y, int X)> _move;
    private readonly bool _needsSquare;

    private GridMove(string name, bool needsSquare, Func<int, int, int, int, (int Y, int X)> move)
    {
        Name = name;
        _needsSquare = needsSquare;
        _move = move;
    }

    /// <summary>Gets the move that does nothing.</summary>
    public static GridMove None { get; } = new("no move", false, (y, x, _, _) => (y, x));

    /// <summary>Gets the clockwise turn by 90 degrees, for squares: the top left pixel goes to the top right.</summary>
    public static GridMove QuarterTurn { get; } = new("quarter turn", true, (y, x, height, _) => (x, height - 1 - y));

    /// <summary>Gets the turn by 180 degrees.</summary>
    public static GridMove HalfTurn { get; } = new("half turn", false, (y, x, height, width) => (height - 1 - y, width - 1 - x));

    /// <summary>Gets the reflection that exchanges left and right.</summary>
    public static GridMove FlipLeftRight { get; } = new("left-right reflection", false, (y, x, _, width) => (y, width - 1 - x));

    /// <summary>Gets the reflection that exchanges top and bottom.</summary>
    public static GridMove FlipTopBottom { get; } = new("top-bottom reflection", false, (y, x, height, _) => (height - 1 - y, x));

    /// <summary>Gets the reflection that exchanges rows and columns, for squares.</summary>
    public static GridMove Transpose { get; } = new("transposition", true, (y, x, _, _) => (x, y));

    /// <summary>Gets what the move is called.</summary>
    public string Name { get; }

    /// <summary>Makes a cyclic shift: everything goes down by <paramref name="rows"/> and to the right by <paramref name="columns"/>, and comes back on the other side.</summary>
    public static GridMove Shift(int rows, int columns) => new(
        $"shift by ({rows}, {columns})", false,
        (y, x, height, width) => (Mod((long)y + rows, height), Mod((long)x + columns, width)));

    /// <summary>Computes where each pixel of a grid goes.</summary>
    /// <param name="height">The number of rows.</param>
    /// <param name="width">The number of columns.</param>
    /// <exception cref="EquivariantException">The move is not defined on such a grid.</exception>
    public int[] Permutation(int height, int width)
    {
        int[] permutation = new int[RequireGrid(height, width)];
        if (_needsSquare && height != width)
        {
            throw new EquivariantException(
                $"A {Name} is not defined on a grid of {height} × {width} pixels, because it is not square. Pad or crop the image, or use half turns and reflections.");
        }

        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                (int toY, int toX) = _move(y, x, height, width);
                permutation[y * width + x] = toY * width + toX;
            }
        }

        return permutation;
    }

    /// <summary>Says what the move is called.</summary>
    public override string ToString() => Name;

    /// <summary>Counts the pixels, and refuses grids with none or too many.</summary>
    internal static int RequireGrid(int height, int width)
    {
        if (height < 1 || width < 1)
        {
            throw new EquivariantException($"A grid of {height} × {width} pixels has none.");
        }

        PermutationAction.RequireDegree((long)height * width);
        return height * width;
    }

    private static int Mod(long value, int modulus) => (int)((value % modulus + modulus) % modulus);
}
