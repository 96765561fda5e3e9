using Equivariant.Core.Groups;

namespace Equivariant.Core.Actions;

/// <summary>Actions of groups on the pixels of a grid; pixel (y, x) has number y · width + x.</summary>
public static class GridActions
{
    /// <summary>Lets a group act with a move for each of its generators; checked.</summary>
    /// <param name="group">The group.</param>
    /// <param name="height">The number of rows.</param>
    /// <param name="width">The number of columns.</param>
    /// <param name="moves">One move for each generator, in order.</param>
    /// <exception cref="EquivariantException">A move is not defined on the grid, or the moves do not obey the group's relations.</exception>
    public static PermutationAction Of(Group group, int height, int width, params IReadOnlyList<GridMove> moves) => new(
        group, GridMove.RequireGrid(height, width), [.. moves.Select(move => move.Permutation(height, width))], $"{height} × {width} pixels");

    /// <summary>Lets a cyclic group of order 1, 2 or 4 turn the grid: by half turns, or by quarter turns on a square.</summary>
    /// <exception cref="EquivariantException">The order is another, or the grid is not square where it must be.</exception>
    public static PermutationAction Rotations(CyclicGroup group, int height, int width) => group.Modulus switch
    {
        1 => Of(group, height, width),
        2 => Of(group, height, width, GridMove.HalfTurn),
        4 => Of(group, height, width, GridMove.QuarterTurn),
        _ => throw new EquivariantException(
            $"{group.Name} cannot turn a grid of pixels: a turn by 1/{group.Modulus} of a circle does not take pixels to pixels. Only C1, C2 and C4 can."),
    };

    /// <summary>Lets C2 reflect the grid, left to right unless another move is given.</summary>
    /// <exception cref="EquivariantException">The group is not of order 2, or the move is not defined on the grid.</exception>
    public static PermutationAction Reflections(CyclicGroup group, int height, int width, GridMove? reflection = null) => group.Modulus == 2
        ? Of(group, height, width, reflection ?? GridMove.FlipLeftRight)
        : throw new EquivariantException($"{group.Name} cannot act by reflections: they need C2.");

    /// <summary>
    /// Lets a dihedral group turn and reflect the grid: D4 by quarter turns on squares, D2 by half turns on any grid, and D1 by reflections alone.
    /// </summary>
    /// <exception cref="EquivariantException">The group is another, or the grid is not square where it must be.</exception>
    public static PermutationAction Symmetries(DihedralGroup group, int height, int width) => (int)group.Normal.Order switch
    {
        1 => Of(group, height, width, GridMove.FlipLeftRight),
        2 => Of(group, height, width, GridMove.HalfTurn, GridMove.FlipLeftRight),
        4 => Of(group, height, width, GridMove.QuarterTurn, GridMove.FlipLeftRight),
        int n => throw new EquivariantException(
            $"{group.Name} cannot act on a grid of pixels: a turn by 1/{n} of a circle does not take pixels to pixels. Only D1, D2 and D4 can."),
    };

    /// <summary>Lets C_height × C_width shift the grid cyclically: rows by the first factor, columns by the second.</summary>
    /// <exception cref="EquivariantException">The factors are not cyclic groups whose orders divide the grid's sides.</exception>
    public static PermutationAction Shifts(DirectProduct group, int height, int width)
    {
        if (group.Factors.Count != 2 || group.Factors[0] is not CyclicGroup rows || group.Factors[1] is not CyclicGroup columns ||
            height % rows.Modulus != 0 || width % columns.Modulus != 0)
        {
            throw new EquivariantException(
                $"{group.Name} cannot shift a grid of {height} × {width} pixels; that takes a product of two cyclic groups whose orders divide {height} and {width}.");
        }

        List<GridMove> moves = [];
        if (rows.Modulus > 1)
        {
            moves.Add(GridMove.Shift(height / rows.Modulus, 0));
        }

        if (columns.Modulus > 1)
        {
            moves.Add(GridMove.Shift(0, width / columns.Modulus));
        }

        return Of(group, height, width, moves);
    }
}
