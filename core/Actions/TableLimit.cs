using System.Numerics;

namespace Equivariant.Core.Actions;

/// <summary>Bounds the memory of what is tabulated for elements of a group: elements × numbers for each.</summary>
internal static class TableLimit
{
    /// <summary>The most bytes of one table.</summary>
    public const long MostBytes = 1L << 28;

    /// <summary>Refuses a table that would take too much memory, before it is made.</summary>
    /// <param name="elements">The number of elements.</param>
    /// <param name="numbers">The numbers for each element, such as the points that it moves.</param>
    /// <param name="size">Bytes of a number.</param>
    /// <param name="what">Who acts on what, for the message.</param>
    /// <exception cref="EquivariantException">It would take more than <see cref="MostBytes"/>.</exception>
    public static void Require(long elements, long numbers, int size, string what)
    {
        BigInteger bytes = (BigInteger)elements * numbers * size;
        if (bytes > MostBytes)
        {
            throw new EquivariantException(
                $"{what}: a table of {elements} elements with {numbers} numbers each would take {Mebibytes(bytes)} MiB, above the limit of {Mebibytes(MostBytes)} MiB. Let fewer elements act at once (kernels of smaller index, or fewer samples of a Monte Carlo average), or act on fewer points.");
        }
    }

    private static BigInteger Mebibytes(BigInteger bytes) => (bytes + (1 << 20) - 1) >> 20;
}
