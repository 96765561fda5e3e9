using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>The little number theory that the engine needs.</summary>
internal static class Primes
{
    /// <summary>The prime factors with multiplicity, in increasing order; none for 1.</summary>
    public static IEnumerable<int> Factors(int n)
    {
        for (int p = 2; (long)p * p <= n; p++)
        {
            while (n % p == 0)
            {
                yield return p;
                n /= p;
            }
        }

        if (n > 1)
        {
            yield return n;
        }
    }

    public static bool IsPrime(int n)
    {
        if (n < 2)
        {
            return false;
        }

        for (int p = 2; (long)p * p <= n; p++)
        {
            if (n % p == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The smallest number whose powers are all units mod a prime.</summary>
    public static int PrimitiveRoot(int prime)
    {
        int[] exponents = [.. Factors(prime - 1).Distinct().Select(factor => (prime - 1) / factor)];
        return Enumerable.Range(1, prime - 1).First(root => exponents.All(exponent => !BigInteger.ModPow(root, exponent, prime).IsOne));
    }
}
