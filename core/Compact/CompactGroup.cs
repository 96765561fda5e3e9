using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Compact;

/// <namespacedoc><summary>Infinite groups, O(n) and its like: actions on vectors, draws, and frames of principal axes.</summary></namespacedoc>
/// <summary>
/// An infinite compact group of matrices: it can be drawn from, and can tell its members, but not be listed, counted or generated.
/// </summary>
/// <remarks>So no design that sums over a group takes it: averages over it are over a frame, or over samples.</remarks>
public sealed class CompactGroup : IEquatable<CompactGroup>
{
    private CompactGroup(int dimension, bool hasReflections)
    {
        if (dimension < 1)
        {
            throw new EquivariantException($"There are no rotations in {dimension} dimensions: give 1 or more.");
        }

        Dimension = dimension;
        HasReflections = hasReflections;
    }

    /// <summary>The dimension <c>d</c> of the space that the group turns.</summary>
    public int Dimension { get; }

    /// <summary>Whether reflections belong to it.</summary>
    public bool HasReflections { get; }

    /// <summary>The name, such as <c>O(3)</c>.</summary>
    public string Name => $"{(HasReflections ? "" : "S")}O({Dimension})";

    /// <summary>The orthogonal group <c>O(d)</c>: rotations and reflections.</summary>
    public static CompactGroup Orthogonal(int dimension) => new(dimension, hasReflections: true);

    /// <summary>The special orthogonal group <c>SO(d)</c>: rotations only.</summary>
    public static CompactGroup Rotations(int dimension) => new(dimension, hasReflections: false);

    /// <summary>Draws members, by the uniform (Haar) distribution and independent of each other.</summary>
    /// <param name="count">How many, <c>R</c>.</param>
    /// <param name="random">Draws them.</param>
    /// <param name="device">Where they are wanted; on the CPU, if left out.</param>
    /// <returns><c>[R, d, d]</c>, <c>float64</c>.</returns>
    /// <remarks>Source: Mezzadri, "How to Generate Random Matrices from the Classical Compact Groups" (Notices of the AMS 2007).</remarks>
    public Tensor Random(long count, Random random, Device? device = null)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor normal = Designs.Noise.Normal(random, [count, Dimension, Dimension], ScalarType.Float64, CPU);
        (Tensor q, Tensor r) = linalg.qr(normal);
        // The signs that QR leaves open have to be fixed, or the distribution is not uniform.
        Tensor matrices = q * r.diagonal(0, 1, 2).sign().unsqueeze(1);
        if (!HasReflections)
        {
            Tensor signs = ones([count, 1, Dimension], ScalarType.Float64);
            signs.select(2, 0).copy_(matrices.det().sign().unsqueeze(1));
            matrices = matrices * signs;
        }

        return matrices.to(device ?? CPU).MoveToOuterDisposeScope();
    }

    /// <summary>Whether matrices are members, up to rounding.</summary>
    /// <param name="matrices">The matrices, <c>[R, d, d]</c>.</param>
    /// <param name="tolerance">How far <c>g·gᵀ</c> may be from the identity, and the determinant from 1.</param>
    public bool Contains(Tensor matrices, double tolerance = 1e-6)
    {
        if (matrices.dim() != 3 || matrices.shape[1] != Dimension || matrices.shape[2] != Dimension || !matrices.is_floating_point())
        {
            return false;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor wide = matrices.to(ScalarType.Float64);
        bool orthogonal = (wide.matmul(wide.transpose(1, 2)) - eye(Dimension, dtype: ScalarType.Float64, device: wide.device)).abs().le(tolerance).all().item<bool>();
        return orthogonal && (HasReflections || wide.det().gt(0).all().item<bool>());
    }

    /// <inheritdoc/>
    public bool Equals(CompactGroup? other) => other is not null && other.Dimension == Dimension && other.HasReflections == HasReflections;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CompactGroup);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Dimension, HasReflections);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
