using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>
/// The symmetric matrix <c>H</c> for which every <c>H ρ(g) H⁻¹</c> is orthogonal, and its inverse; float64, on the CPU.
/// </summary>
/// <remarks><c>H²</c> is the average of <c>ρ(g)ᵀ ρ(g)</c>, an inner product that the group keeps.</remarks>
internal sealed class Orthogonaliser
{
    private Orthogonaliser(Tensor root, Tensor inverse)
    {
        Root = root.DetachFromDisposeScope();
        Inverse = inverse.DetachFromDisposeScope();
    }

    /// <summary>Gets <c>H</c>, <c>[n, n]</c>.</summary>
    public Tensor Root { get; }

    /// <summary>Gets <c>H⁻¹</c>, <c>[n, n]</c>.</summary>
    public Tensor Inverse { get; }

    public static Orthogonaliser For(Representation representation)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor form = eye(representation.Dimension, dtype: ScalarType.Float64);

        // ρ(u_k … u₁)ᵀ M ρ(u_k … u₁) has u_k innermost: the last transversal is averaged first.
        foreach (var transversal in representation.Group.Transversals.Reverse())
        {
            Tensor matrices = representation.Stack(transversal);
            form = matrices.transpose(1, 2).matmul(form).matmul(matrices).mean([0L]);
        }

        (Tensor squares, Tensor axes) = linalg.eigh((form + form.t()) / 2);
        Tensor roots = squares.sqrt();
        return new Orthogonaliser((axes * roots).matmul(axes.t()), (axes / roots).matmul(axes.t()));
    }
}
