namespace Equivariant.Core.Groups;

/// <summary>Chooses how to find the chain of a group given by generators inside another.</summary>
internal static class ChainBuilder
{
    /// <summary>Builds the chain of the group that packed elements of <paramref name="ambient"/> generate.</summary>
    public static GroupChain Build(Group ambient, int[][] generators) => ambient switch
    {
        CyclicGroup cyclic => BuildCyclic(cyclic.Modulus, generators),
        PermutationGroup when GiantChain.TryRecognise(ambient, generators) is GiantChain giant => giant,
        _ => StabiliserChain.Build(ambient, generators),
    };

    private static CyclicChain BuildCyclic(int n, int[][] generators)
    {
        int divisor = generators.Aggregate(n, (d, g) => (int)System.Numerics.BigInteger.GreatestCommonDivisor(d, g[0]));
        return new CyclicChain(n / divisor, divisor);
    }
}
