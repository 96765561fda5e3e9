using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>Initial weights that keep the variance of activations, for every representation.</summary>
/// <remarks>
/// An equivariant map is, for each irreducible constituent λ, a matrix of multiplicities b × a repeated dim λ times.
/// Normal coordinates in an orthonormal basis of the maps give its entries variance 1/dim λ; what keeps variance is
/// 1/a, as in a dense layer with a inputs. Multiplying by <c>S^(−1/2)</c>, <c>S = Σ Qₖ Qₖᵀ</c> (a/dim λ on every λ), does
/// that without computing constituents. White noise then comes out with variance 1 in every coordinate that any map
/// reaches, and for V = W the expected square length is kept for every input, however its coordinates are correlated:
/// which matters, since layers make them so, and a sum over n equal coordinates is n times one.
/// </remarks>
internal static class Initialisation
{
    /// <summary>The inverse square root of a symmetric positive matrix, 0 where it is 0.</summary>
    public static Tensor InverseRoot(Tensor moment)
    {
        const double Zero = 1e-9;
        (Tensor values, Tensor axes) = linalg.eigh(moment);
        Tensor roots = where(values > Zero, values.clamp_min(Zero).rsqrt(), zeros_like(values));
        return (axes * roots).matmul(axes.t());
    }

    /// <summary>Scales the variance of the part of maps <c>[…, m, n]</c>, in orthogonal coordinates, that maps V^G to W^G.</summary>
    public static Tensor ScaleInvariants(Tensor maps, Representation input, double share)
    {
        if (share == 1 || input.Invariants.Count == 0)
        {
            return maps;
        }

        // In orthogonal coordinates the average over the group is an orthogonal projection.
        Tensor projection = input.Invariants.Expand(input.Invariants.Pool(eye(input.Dimension, dtype: ScalarType.Float64))).t();
        if (input.Orthogonaliser is { } o)
        {
            projection = o.Root.matmul(projection).matmul(o.Inverse);
        }

        return maps - maps.matmul(projection) * (1 - Math.Sqrt(share));
    }
}
