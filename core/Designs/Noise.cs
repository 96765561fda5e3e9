using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Random tensors from a generator of .NET's, which may be shared.</summary>
internal static class Noise
{
    /// <summary>Independent standard normal numbers.</summary>
    public static Tensor Normal(Random random, long[] shape, ScalarType dtype, Device device)
    {
        using Generator generator = Fresh(random);
        return randn(shape, dtype, generator: generator).to(device);
    }

    /// <summary>Independent standard Gumbel numbers: the index of the largest sum with log-probabilities is a sample.</summary>
    public static Tensor Gumbel(Random random, long[] shape, ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        using Generator generator = Fresh(random);
        return empty(shape, dtype).exponential_(1, generator).log().neg().to(device).MoveToOuterDisposeScope();
    }

    private static Generator Fresh(Random random)
    {
        lock (random)
        {
            return new Generator((ulong)random.NextInt64(), CPU);
        }
    }
}
