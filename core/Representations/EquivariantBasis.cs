using System.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>A basis of all linear maps between two representations that commute with the group: <c>Hom_G(V, W)</c>.</summary>
/// <remarks>
/// For permutation representations: one map for each orbit on pairs of coordinates, found from generators alone, with
/// ones where the pair is in the orbit. Otherwise an orthonormal basis of the null space of the generators' constraints
/// (orthonormal in the inner products that the group keeps). Direct sums are solved block by block, and products of representations
/// by permutations and by matrices, such as vectors at pixels, orbit by orbit of pairs of points.
/// Tensors of coefficients are <c>[c_out, d, c_in]</c>: one coefficient for each basis map and pair of channels.
/// </remarks>
public abstract class EquivariantBasis
{
    private protected EquivariantBasis(Representation input, Representation output, int count, RankCertificate? certificate)
    {
        Input = input;
        Output = output;
        Count = count;
        Certificate = certificate;
    }

    /// <summary>Gets the representation <c>V</c> of the inputs.</summary>
    public Representation Input { get; }

    /// <summary>Gets the representation <c>W</c> of the outputs.</summary>
    public Representation Output { get; }

    /// <summary>Gets the dimension of <c>Hom_G(V, W)</c>, <c>d</c>.</summary>
    public int Count { get; }

    /// <summary>Gets how the dimension was made certain; null where it is an exact count of orbits.</summary>
    public RankCertificate? Certificate { get; }

    /// <summary>Finds the basis.</summary>
    /// <param name="input">The representation <c>V</c>.</param>
    /// <param name="output">The representation <c>W</c> of the same group.</param>
    /// <exception cref="EquivariantException">The groups differ, or the problem is too large or too inaccurate to solve.</exception>
    public static EquivariantBasis Between(Representation input, Representation output)
    {
        Representation.RequireSameGroup([input, output], "joined by equivariant maps");
        return input.IsPermutation && output.IsPermutation ? new OrbitBasis(input, output)
            : input.Summands.Count > 1 || output.Summands.Count > 1 ? new BlockBasis(input, output)
            : FibredBasis.Serves(input, output) ? new FibredBasis(input, output)
            : new MatrixBasis(input, output);
    }

    /// <summary>Writes the basis out.</summary>
    /// <returns>The matrices, <c>[d, m, n]</c>, float64, on the CPU.</returns>
    /// <exception cref="EquivariantException">They are too large to write out.</exception>
    public abstract Tensor Matrices();

    /// <summary>Combines the basis: the dense matrix of a layer, on vectors with channels last.</summary>
    /// <param name="coefficients"><c>[c_out, d, c_in]</c>.</param>
    /// <returns><c>[m·c_out, n·c_in]</c>; gradients flow, any number of times.</returns>
    internal abstract Tensor Weight(Tensor coefficients);

    /// <summary>Applies the combination with these coefficients.</summary>
    /// <param name="x"><c>[B, c_in, n]</c>.</param>
    /// <param name="coefficients"><c>[c_out, d, c_in]</c>.</param>
    /// <returns><c>[B, c_out, m]</c>; gradients flow, any number of times.</returns>
    internal virtual Tensor Apply(Tensor x, Tensor coefficients)
    {
        using DisposeScope scope = NewDisposeScope();
        (long batch, long channelsOut, long channelsIn) = (x.shape[0], coefficients.shape[0], coefficients.shape[2]);
        Tensor last = x.transpose(1, 2).reshape(batch, Input.Dimension * channelsIn);
        return Multiply(last, coefficients).view(batch, Output.Dimension, channelsOut).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Draws coefficients for a new layer; see <see cref="Initialisation"/>.</summary>
    /// <param name="channelsOut"><c>c_out</c>.</param>
    /// <param name="channelsIn"><c>c_in</c>.</param>
    /// <param name="invariantShare">By what to multiply the variance of the part that maps <c>V^G</c> to <c>W^G</c>.</param>
    /// <returns><c>[c_out, d, c_in]</c>, float64.</returns>
    internal Tensor Draw(long channelsOut, long channelsIn, double invariantShare = 1)
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor normal = randn([channelsOut, Count, channelsIn], dtype: ScalarType.Float64) / Math.Sqrt(channelsIn);
        return (Count == 0 ? normal : Scale(normal, invariantShare)).MoveToOuterDisposeScope();
    }

    /// <summary>Tells whether <see cref="Apply"/> would write no dense matrix for these, or not for all of it.</summary>
    internal virtual bool AvoidsMatrix(Tensor x, Tensor coefficients) => false;

    /// <summary>Multiplies by the dense matrix, on vectors with channels last.</summary>
    /// <param name="x"><c>[B, n·c_in]</c>.</param>
    /// <param name="coefficients"><c>[c_out, d, c_in]</c>.</param>
    /// <returns><c>[B, m·c_out]</c>.</returns>
    private protected virtual Tensor Multiply(Tensor x, Tensor coefficients) => x.matmul(Weight(coefficients).t());

    /// <summary>Refuses to write out what no memory holds.</summary>
    private protected void RequireMatrices() =>
        DenseMatrices.RequireEntries($"The {Count} maps from {Input} to {Output}", (BigInteger)Count * Output.Dimension * Input.Dimension);

    /// <summary>Turns independent normal coordinates into the coefficients of an initial layer.</summary>
    private protected virtual Tensor Scale(Tensor normal, double invariantShare) =>
        Whiten(normal, Initialisation.InverseRoot(Moment()), invariantShare);

    /// <summary>
    /// <c>S = Σ Qₖ Qₖᵀ</c> over an orthonormal basis in orthogonal coordinates, <c>[m, m]</c>, float64: what a map with independent normal
    /// coordinates makes of white noise.
    /// </summary>
    internal abstract Tensor Moment();

    /// <summary>
    /// The coefficients of <c>A X</c> (and its invariant part scaled), X the map with these orthonormal coordinates,
    /// A a matrix <c>[m, m]</c> in orthogonal coordinates that commutes with the group.
    /// </summary>
    internal abstract Tensor Whiten(Tensor normal, Tensor a, double invariantShare);
}
