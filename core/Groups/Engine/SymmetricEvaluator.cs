namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// A homomorphism out of the symmetric group with generators c = (0 1 … n−1) and t = (0 1), checked on a presentation
/// (Coxeter and Moser, 6.28) instead of a stabiliser chain, and evaluated through the images of the transpositions (0 i).
/// </summary>
internal sealed class SymmetricEvaluator : Evaluator
{
    private readonly Group _target;
    private readonly int[][] _stars;

    private SymmetricEvaluator(Group target, int[][] stars)
    {
        _target = target;
        _stars = stars;
    }

    public static Evaluator? TryMake(int n, Group target, int[][] images, out BrokenRelation? broken)
    {
        broken = null;
        int[] c = images[0], t = images[1];
        int[] inverse = new int[target.Width];
        target.Invert(c, inverse);

        string? relation =
            !Trivial(target, c, n) ? $"a^{n} = 1" :
            !Trivial(target, t, 2) ? "b^2 = 1" :
            !Trivial(target, target.Multiplied(c, t), n - 1) ? $"(a b)^{n - 1} = 1" :
            null;
        if (relation is not null)
        {
            broken = new BrokenRelation(relation[0] == 'a' ? [0] : relation[0] == 'b' ? [1] : [0, 1], relation);
            return null;
        }

        // adjacent[i] is the image of (i i+1) = cⁱ t c⁻ⁱ.
        int[] shifted = t;
        int[][] stars = new int[n][];
        stars[1] = t;
        for (int i = 1; i < n - 1; i++)
        {
            shifted = target.Multiplied(target.Multiplied(c, shifted), inverse);
            int[] product = target.Multiplied(t, shifted);
            if (i <= n / 2 && !Trivial(target, product, i == 1 ? 3 : 2))
            {
                broken = new BrokenRelation([0, 1], i == 1 ? "(b a b a^-1)^3 = 1" : $"(b a^{i} b a^-{i})^2 = 1");
                return null;
            }

            stars[i + 1] = target.Multiplied(target.Multiplied(shifted, stars[i]), shifted);
        }

        return new SymmetricEvaluator(target, stars);
    }

    public override void Evaluate(ReadOnlySpan<int> code, Span<int> image)
    {
        int n = code.Length;
        using Scratch scratch = new(n, stackalloc int[Scratch.StackSize(n)]);
        Span<int> rest = scratch.Span;
        code.CopyTo(rest);
        _target.WriteIdentity(image);

        // g = s₁ s₂ … s_m in transpositions (0 i); right factors are found first: if g(0) = 0 then bring any moved point there.
        // Swapping entries 0 and i of g is g (0 i), so g (0 i₁)(0 i₂) … = 1 and g = … (0 i₂)(0 i₁).
        int next = 1;
        while (true)
        {
            int i;
            if (rest[0] != 0)
            {
                // Put the value at 0 where it belongs.
                i = rest[0];
            }
            else
            {
                while (next < n && rest[next] == next)
                {
                    next++;
                }

                if (next == n)
                {
                    return;
                }

                i = next;
            }

            (rest[0], rest[i]) = (rest[i], rest[0]);
            _target.MultiplyLeft(_stars[i], image);
        }
    }

    private static bool Trivial(Group target, int[] element, int exponent)
    {
        int[] power = new int[target.Width];
        target.Power(element, exponent, power);
        return target.IsIdentity(power);
    }
}
