using System.Numerics;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>Arithmetic of the small dense matrices by which generators act.</summary>
internal static class DenseMatrices
{
    /// <summary>The most entries of what is written out as dense matrices: 1 GiB.</summary>
    private const int MostEntries = 1 << 27;

    /// <summary>Refuses dense matrices that no memory holds.</summary>
    public static void RequireEntries(string what, BigInteger entries)
    {
        if (entries > MostEntries)
        {
            throw new EquivariantException(
                $"{what} would have {entries} entries, {entries * sizeof(double) >> 20} MiB; at most {MostEntries} can be written out. " +
                "Take smaller representations, or permutation representations, which need no matrices.");
        }
    }

    /// <summary>A square matrix of zeros.</summary>
    public static double[,] Zero(int n)
    {
        RequireEntries($"A matrix of {n} × {n}", (BigInteger)n * n);
        return new double[n, n];
    }

    public static double[,] Identity(int n)
    {
        double[,] identity = Zero(n);
        for (int i = 0; i < n; i++)
        {
            identity[i, i] = 1;
        }

        return identity;
    }

    public static double[,] Multiply(double[,] left, double[,] right)
    {
        int rows = left.GetLength(0), inner = right.GetLength(0), columns = right.GetLength(1);
        double[,] product = new double[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < inner; k++)
            {
                double factor = left[i, k];
                if (factor == 0)
                {
                    continue;
                }

                for (int j = 0; j < columns; j++)
                {
                    product[i, j] += factor * right[k, j];
                }
            }
        }

        return product;
    }

    public static double[,] Transpose(double[,] matrix)
    {
        double[,] transpose = new double[matrix.GetLength(1), matrix.GetLength(0)];
        for (int i = 0; i < matrix.GetLength(0); i++)
        {
            for (int j = 0; j < matrix.GetLength(1); j++)
            {
                transpose[j, i] = matrix[i, j];
            }
        }

        return transpose;
    }

    public static double[,] Kronecker(double[,] left, double[,] right)
    {
        int n = left.GetLength(0), m = right.GetLength(0);
        double[,] product = Zero(n * m);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                for (int k = 0; k < m; k++)
                {
                    for (int l = 0; l < m; l++)
                    {
                        product[i * m + k, j * m + l] = left[i, j] * right[k, l];
                    }
                }
            }
        }

        return product;
    }

    public static double[,] Power(double[,] matrix, long exponent)
    {
        double[,] power = Identity(matrix.GetLength(0));
        double[,] square = matrix;
        for (; exponent > 0; exponent >>= 1)
        {
            if ((exponent & 1) == 1)
            {
                power = Multiply(square, power);
            }

            square = Multiply(square, square);
        }

        return power;
    }

    public static double[,] Inverse(double[,] matrix)
    {
        using var scope = NewDisposeScope();
        double[] values = linalg.inv(ToTensor(matrix)).data<double>().ToArray();
        double[,] inverse = new double[matrix.GetLength(0), matrix.GetLength(1)];
        Buffer.BlockCopy(values, 0, inverse, 0, values.Length * sizeof(double));
        return inverse;
    }

    /// <summary>Whether a square matrix has a one in each row and column, and zeros elsewhere.</summary>
    public static bool IsPermutation(double[,] matrix)
    {
        int n = matrix.GetLength(0);
        return matrix.Cast<double>().All(entry => entry is 0 or 1) &&
            Enumerable.Range(0, n).All(i => Enumerable.Range(0, n).Sum(j => matrix[i, j]) == 1 && Enumerable.Range(0, n).Sum(j => matrix[j, i]) == 1);
    }

    /// <summary>Where a permutation matrix takes each axis.</summary>
    public static int[] ToPermutation(double[,] matrix) =>
        [.. Enumerable.Range(0, matrix.GetLength(0)).Select(axis => Enumerable.Range(0, matrix.GetLength(0)).First(image => matrix[image, axis] == 1))];

    /// <summary>The largest entry, in absolute value.</summary>
    public static double Largest(double[,] matrix) => matrix.Cast<double>().Max(Math.Abs);

    /// <summary>The largest difference of two matrices of one shape; NaN where one has NaN.</summary>
    public static double Distance(double[,] left, double[,] right)
    {
        double largest = 0;
        for (int i = 0; i < left.GetLength(0); i++)
        {
            for (int j = 0; j < left.GetLength(1); j++)
            {
                largest = Math.Max(largest, Math.Abs(left[i, j] - right[i, j]));
            }
        }

        return largest;
    }

    public static Tensor ToTensor(double[,] matrix) =>
        tensor(matrix.Cast<double>().ToArray(), [matrix.GetLength(0), matrix.GetLength(1)], dtype: ScalarType.Float64);
}
