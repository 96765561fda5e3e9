using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Transversals U₁, …, U_k such that every element is a product u_k · … · u₁ in exactly one way, with the means to find it.
/// </summary>
internal abstract class GroupChain
{
    /// <summary>Boxed, so that threads see it whole.</summary>
    private object? _order;

    /// <summary>The number of transversals.</summary>
    public abstract int Length { get; }

    public BigInteger Order
    {
        get
        {
            if (_order is not BigInteger order)
            {
                order = BigInteger.One;
                for (int level = 0; level < Length; level++)
                {
                    order *= Size(level);
                }

                _order = order;
            }

            return order;
        }
    }

    /// <summary>The number of elements of a transversal, at least 1.</summary>
    public abstract int Size(int level);

    /// <summary>Writes an element of a transversal; index 0 is the identity.</summary>
    public abstract void Representative(int level, int index, Span<int> code);

    /// <summary>Finds the indices of the factors, or returns false for a non-member.</summary>
    public abstract bool TryFactor(ReadOnlySpan<int> code, Span<int> indices);

    /// <summary>Multiplies the factors with these indices.</summary>
    public abstract void Product(ReadOnlySpan<int> indices, Span<int> code);

    /// <summary>Draws a uniform element: independent uniform factors make one.</summary>
    public virtual void Random(Random random, Span<int> code)
    {
        using Scratch scratch = new(Length, stackalloc int[Scratch.StackSize(Length)]);
        for (int level = 0; level < Length; level++)
        {
            scratch.Span[level] = Uniform(random, Size(level));
        }

        Product(scratch.Span, code);
    }

    /// <summary>
    /// Draws from 0 … count − 1, each exactly as likely: what does not divide evenly is thrown away,
    /// since scaling a draw (as <see cref="System.Random.Next(int)"/> does for a seeded generator) favours some values.
    /// </summary>
    public static int Uniform(Random random, int count)
    {
        const int Range = int.MaxValue;
        int limit = Range - Range % count;
        int draw = random.Next();
        while (draw >= limit)
        {
            draw = random.Next();
        }

        return draw % count;
    }

    /// <summary>The position of an element in the order of enumeration, for groups whose order fits.</summary>
    public long Rank(ReadOnlySpan<int> indices)
    {
        long rank = 0;
        for (int level = Length - 1; level >= 0; level--)
        {
            rank = rank * Size(level) + indices[level];
        }

        return rank;
    }

    /// <summary>The indices of the element at a position in the order of enumeration.</summary>
    public void Unrank(long rank, Span<int> indices)
    {
        for (int level = 0; level < Length; level++)
        {
            (rank, long index) = Math.DivRem(rank, Size(level));
            indices[level] = (int)index;
        }
    }
}
