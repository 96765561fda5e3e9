using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>A basis found as a null space.</summary>
internal sealed class MatrixBasis : EquivariantBasis
{
    // Orthonormal in orthogonal coordinates; and the same maps in the user's.
    private readonly Tensor _orthonormal;
    private readonly DeviceTensor _matrices;

    public MatrixBasis(Representation input, Representation output)
        : this(input, output, NullSpace.Solve(input, output))
    {
    }

    private MatrixBasis(Representation input, Representation output, (Tensor Basis, RankCertificate Certificate) solution)
        : base(input, output, solution.Certificate.Rank, solution.Certificate)
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        _orthonormal = solution.Basis.DetachFromDisposeScope();
        Tensor matrices = _orthonormal;
        if (output.Orthogonaliser is { } w)
        {
            matrices = w.Inverse.matmul(matrices);
        }

        if (input.Orthogonaliser is { } v)
        {
            matrices = matrices.matmul(v.Root);
        }

        _matrices = new DeviceTensor(matrices.clone());
    }

    public override Tensor Matrices() => _matrices.On(CPU).clone();

    internal override Tensor Weight(Tensor coefficients)
    {
        using DisposeScope scope = NewDisposeScope();
        long channelsOut = coefficients.shape[0], channelsIn = coefficients.shape[2];
        Tensor basis = _matrices.On(coefficients.device).to(coefficients.dtype).reshape(Count, (long)Output.Dimension * Input.Dimension);
        return coefficients.transpose(1, 2).reshape(channelsOut * channelsIn, Count).matmul(basis)
            .view(channelsOut, channelsIn, Output.Dimension, Input.Dimension)
            .permute(2, 0, 3, 1)
            .reshape(Output.Dimension * channelsOut, Input.Dimension * channelsIn)
            .MoveToOuterDisposeScope();
    }

    internal override Tensor Moment() => _orthonormal.matmul(_orthonormal.transpose(1, 2)).sum([0L]);

    internal override Tensor Whiten(Tensor normal, Tensor a, double invariantShare)
    {
        Tensor flat = _orthonormal.view(Count, -1);
        Tensor maps = normal.transpose(1, 2).matmul(flat).unflatten(2, Output.Dimension, Input.Dimension);
        maps = Initialisation.ScaleInvariants(a.matmul(maps), Input, invariantShare);
        return maps.flatten(2).matmul(flat.t()).transpose(1, 2).contiguous();
    }
}
