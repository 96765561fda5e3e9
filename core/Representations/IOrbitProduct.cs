using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>A way to multiply by the matrices that are constant on orbits of pairs without writing them.</summary>
internal interface IOrbitProduct
{
    /// <summary>Tells whether numbers of this type, where they are, are served.</summary>
    bool Serves(Tensor x);

    /// <summary>Estimates the time of a forward and a backward pass, in nanoseconds on a core or two.</summary>
    double Cost(long batch, long channelsOut, long channelsIn);

    /// <summary>Multiplies.</summary>
    /// <param name="x"><c>[B, c_in, n]</c>.</param>
    /// <param name="coefficients"><c>[c_out, d, c_in]</c>.</param>
    /// <returns><c>[B, c_out, m]</c>; gradients flow, any number of times.</returns>
    Tensor Apply(Tensor x, Tensor coefficients);
}
