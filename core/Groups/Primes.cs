namespace Equivariant.Core.Groups;

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
}
