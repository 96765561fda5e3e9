namespace Equivariant.Core.Groups.Engine;

/// <summary>Chooses how to find the chain of a group given by generators inside another.</summary>
internal static class ChainBuilder
{
    /// <summary>Builds the chain of the group that packed elements of <paramref name="ambient"/> generate.</summary>
    /// <param name="ambient">Does the arithmetic.</param>
    /// <param name="generators">Packed elements.</param>
    /// <param name="largest">An order that the group is known not to exceed, if there is one: a chain that reaches it needs no proof.</param>
    public static GroupChain Build(Group ambient, int[][] generators, System.Numerics.BigInteger? largest = null) => ambient switch
    {
        CyclicGroup cyclic => BuildCyclic(cyclic.Modulus, generators),
        PermutationGroup when GiantChain.TryRecognise(ambient, generators) is GiantChain giant => giant,
        PermutationGroup when SmallerActionSearch.Find(ambient.Width, generators) is SmallerAction action => new SmallerActionChain(action),
        _ => StabiliserChain.Build(ambient, generators, largest),
    };

    private static CyclicChain BuildCyclic(int n, int[][] generators)
    {
        int divisor = generators.Aggregate(n, (d, g) => (int)System.Numerics.BigInteger.GreatestCommonDivisor(d, g[0]));
        return new CyclicChain(n / divisor, divisor);
    }
}
