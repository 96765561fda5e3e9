using System.Text;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// A group of invertible d × d matrices over the integers mod a prime p, given by generators. A packed element is the matrix row by row.
/// </summary>
public sealed class MatrixGroup : Group
{
    private const int MaximumPoints = 1 << 24;
    private readonly int[] _weights;

    internal MatrixGroup(int prime, int dimension, int[][] generators)
    {
        Prime = prime;
        Dimension = dimension;
        GeneratorCodes = generators;
        _weights = new int[dimension];
        long points = 1;
        for (int i = 0; i < dimension; i++)
        {
            _weights[i] = (int)points;
            points *= prime;
            if (points > MaximumPoints)
            {
                throw new EquivariantException(
                    $"{dimension} × {dimension} matrices mod {prime} act on {prime}^{dimension} vectors; at most {MaximumPoints} are possible. Use a smaller prime or dimension.");
            }
        }

        PointCount = (int)points;
    }

    /// <inheritdoc/>
    public override string Name =>
        GeneratorCodes.Length == 0 ? "1" : $"⟨{GeneratorCodes.Length} {Dimension} × {Dimension} matri{(GeneratorCodes.Length == 1 ? "x" : "ces")} mod {Prime}⟩";

    /// <summary>Gets the prime p.</summary>
    public int Prime { get; }

    /// <summary>Gets the number d of rows.</summary>
    public int Dimension { get; }

    /// <inheritdoc/>
    public override int Width => Dimension * Dimension;

    /// <summary>Gets the number of points: the p^d column vectors.</summary>
    public override int PointCount { get; }

    internal override int[][] GeneratorCodes { get; }

    /// <inheritdoc/>
    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product)
    {
        int d = Dimension;
        for (int row = 0; row < d; row++)
        {
            for (int column = 0; column < d; column++)
            {
                long sum = 0;
                for (int k = 0; k < d; k++)
                {
                    sum = (sum + (long)left[row * d + k] * right[k * d + column]) % Prime;
                }

                product[row * d + column] = (int)sum;
            }
        }
    }

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse)
    {
        if (!TryInvert(element, inverse))
        {
            throw new EquivariantException($"{Format(element)} has no inverse mod {Prime}.");
        }
    }

    /// <inheritdoc/>
    public override void WriteIdentity(Span<int> code)
    {
        code.Clear();
        for (int i = 0; i < Dimension; i++)
        {
            code[i * Dimension + i] = 1;
        }
    }

    /// <inheritdoc/>
    public override bool IsIdentity(ReadOnlySpan<int> code)
    {
        for (int i = 0; i < code.Length; i++)
        {
            if (code[i] != (i % (Dimension + 1) == 0 ? 1 : 0))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override int Image(ReadOnlySpan<int> code, int point)
    {
        int image = 0;
        for (int row = 0; row < Dimension; row++)
        {
            long sum = 0;
            int rest = point;
            for (int column = 0; column < Dimension; column++)
            {
                (rest, int digit) = Math.DivRem(rest, Prime);
                sum += (long)code[row * Dimension + column] * digit % Prime;
            }

            image += (int)(sum % Prime) * _weights[row];
        }

        return image;
    }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> code)
    {
        if (code.Length != Width)
        {
            return false;
        }

        foreach (int entry in code)
        {
            if ((uint)entry >= (uint)Prime)
            {
                return false;
            }
        }

        return TryInvert(code, new int[Width]) && Chain.TryFactor(code, new int[Chain.Length]);
    }

    /// <inheritdoc/>
    public override string Format(ReadOnlySpan<int> code)
    {
        StringBuilder text = new("[");
        for (int row = 0; row < Dimension; row++)
        {
            text.Append(row == 0 ? "" : "; ").AppendJoin(' ', code.Slice(row * Dimension, Dimension).ToArray());
        }

        return text.Append(']').ToString();
    }

    /// <inheritdoc/>
    public override int GetHashCode() =>
        GeneratorCodes.Aggregate(HashCode.Combine(nameof(MatrixGroup), Prime, Dimension), (hash, g) => HashCode.Combine(hash, HashOf(g)));

    internal static MatrixGroup Make(int prime, IReadOnlyList<int[,]> generators)
    {
        if (!Primes.IsPrime(prime))
        {
            throw new EquivariantException($"Matrices are taken mod a prime; {prime} is not one.");
        }

        if (generators.Count == 0)
        {
            throw new EquivariantException("An empty list of matrices does not say how large they are; give at least one, such as the identity.");
        }

        int d = generators[0].GetLength(0);
        int[][] codes = new int[generators.Count][];
        for (int g = 0; g < codes.Length; g++)
        {
            int[,] matrix = generators[g];
            if (d == 0 || matrix.GetLength(0) != d || matrix.GetLength(1) != d)
            {
                throw new EquivariantException(
                    $"Generator {g} is a {matrix.GetLength(0)} × {matrix.GetLength(1)} matrix; all generators must be square and as large as the first.");
            }

            codes[g] = new int[d * d];
            for (int i = 0; i < d * d; i++)
            {
                codes[g][i] = (matrix[i / d, i % d] % prime + prime) % prime;
            }
        }

        MatrixGroup group = new(prime, d, codes);
        int[] inverse = new int[d * d];
        for (int g = 0; g < codes.Length; g++)
        {
            if (!group.TryInvert(codes[g], inverse))
            {
                throw new EquivariantException(
                    $"Generator {g}, {group.Format(codes[g])}, has determinant 0 mod {prime}, so it has no inverse and belongs to no group.");
            }
        }

        return group;
    }

    internal override bool SameAs(Group other) =>
        other is MatrixGroup group && group.Prime == Prime && group.Dimension == Dimension &&
        group.GeneratorCodes.Length == GeneratorCodes.Length &&
        GeneratorCodes.Zip(group.GeneratorCodes).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    internal override bool HasArithmeticOf(Group other) => other is MatrixGroup group && group.Prime == Prime && group.Dimension == Dimension;

    internal override GroupChain BuildChain() => StabiliserChain.Build(this, GeneratorCodes);

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken) =>
        GraphEvaluator.TryMake(this, target, images, out broken);

    /// <summary>Gauss–Jordan elimination; false for a singular matrix.</summary>
    private bool TryInvert(ReadOnlySpan<int> matrix, Span<int> inverse)
    {
        int d = Dimension;
        using Scratch scratch = new(d * d, stackalloc int[Scratch.StackSize(d * d)]);
        Span<int> work = scratch.Span;
        matrix.CopyTo(work);
        WriteIdentity(inverse);
        MultiplierGroup units = new(Prime);
        Span<int> pivotInverse = stackalloc int[1];
        for (int column = 0; column < d; column++)
        {
            int pivot = column;
            while (pivot < d && work[pivot * d + column] == 0)
            {
                pivot++;
            }

            if (pivot == d)
            {
                return false;
            }

            for (int k = 0; k < d && pivot != column; k++)
            {
                (work[pivot * d + k], work[column * d + k]) = (work[column * d + k], work[pivot * d + k]);
                (inverse[pivot * d + k], inverse[column * d + k]) = (inverse[column * d + k], inverse[pivot * d + k]);
            }

            units.Invert([work[column * d + column]], pivotInverse);
            for (int k = 0; k < d; k++)
            {
                work[column * d + k] = (int)((long)work[column * d + k] * pivotInverse[0] % Prime);
                inverse[column * d + k] = (int)((long)inverse[column * d + k] * pivotInverse[0] % Prime);
            }

            for (int row = 0; row < d; row++)
            {
                long factor = Prime - work[row * d + column];
                if (row == column || factor == Prime)
                {
                    continue;
                }

                for (int k = 0; k < d; k++)
                {
                    work[row * d + k] = (int)((work[row * d + k] + factor * work[column * d + k]) % Prime);
                    inverse[row * d + k] = (int)((inverse[row * d + k] + factor * inverse[column * d + k]) % Prime);
                }
            }
        }

        return true;
    }
}
