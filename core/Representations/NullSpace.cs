using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>
/// Solves for the equivariant matrices of two representations that are not both by permutations, in coordinates in
/// which both are orthogonal.
/// </summary>
/// <remarks>
/// Small systems: the null space of the generators' constraints <c>W(s) X = X V(s)</c>, stacked, by singular values.
/// Large ones: random matrices averaged over the group (along the transversals, exact), until their rank stops growing;
/// that is the same space, found from its other side.
/// </remarks>
internal static class NullSpace
{
    private const int MostUnknowns = 784;
    private const int MostAverageElements = 4096;

    /// <summary>Finds an orthonormal basis.</summary>
    /// <returns>The basis, <c>[d, m, n]</c>, float64, on the CPU, and its certificate.</returns>
    /// <exception cref="EquivariantException">The singular values have no gap.</exception>
    public static (Tensor Basis, RankCertificate Certificate) Solve(Representation input, Representation output)
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        int n = input.Dimension, m = output.Dimension;
        Group group = input.Group;
        if (group.Generators.Count == 0)
        {
            Tensor all = eye((long)m * n, dtype: ScalarType.Float64).view(-1, m, n);
            return (all.MoveToOuterDisposeScope(), new RankCertificate(m * n, double.PositiveInfinity, 0, true));
        }

        bool averages = group.Transversals.Sum(u => (long)u.Count) <= MostAverageElements;
        bool small = (long)m * n <= MostUnknowns;
        if (!small && !averages)
        {
            throw new EquivariantException(
                $"The equivariant maps from {input} to {output} are too large to solve for: {(long)m * n} unknowns and a factorisation with more than {MostAverageElements} elements. " +
                "Write the representations as sums of smaller ones, or as permutation representations.");
        }

        (Tensor basis, double kept, double dropped) = small ? ByConstraints(input, output) : ByAverages(input, output);
        int rank = (int)basis.shape[0];
        if (averages)
        {
            CrossCheck(input, output, basis);
        }

        return (basis.MoveToOuterDisposeScope(), new RankCertificate(rank, kept, dropped, averages));
    }

    private static (Tensor Basis, double Kept, double Dropped) ByConstraints(Representation input, Representation output)
    {
        long n = input.Dimension, m = output.Dimension;
        Tensor v = Orthogonal(input, input.Group.Generators);
        Tensor w = Orthogonal(output, output.Group.Generators);
        Tensor identity = eye(m * n, dtype: ScalarType.Float64);

        // In row-major order, W X Vᵀ is (W ⊗ V) x; V is orthogonal, so W X = X V says that it equals x.
        Tensor[] constraints = [.. Enumerable.Range(0, (int)v.shape[0]).Select(s => kron(w[s], v[s]) - identity)];
        (_, Tensor values, Tensor right) = linalg.svd(cat(constraints, 0), fullMatrices: false);
        (int notZero, double kept, double dropped) = Cut(values, input, output);
        return (right.narrow(0, notZero, m * n - notZero).reshape(-1, m, n), kept, dropped);
    }

    private static (Tensor Basis, double Kept, double Dropped) ByAverages(Representation input, Representation output)
    {
        long n = input.Dimension, m = output.Dimension;
        const int Spare = 8;
        using var generator = new Generator(0);
        for (long samples = 32; ; samples *= 2)
        {
            samples = Math.Min(samples, m * n + Spare);
            Tensor random = randn([samples, m, n], dtype: ScalarType.Float64, generator: generator);
            Tensor averaged = Average(input, output, random).view(samples, m * n) / Math.Sqrt(samples);
            (_, Tensor values, Tensor right) = linalg.svd(averaged, fullMatrices: false);
            (int rank, double kept, double dropped) = Cut(values, input, output);
            if (rank <= samples - Spare)
            {
                return (right.narrow(0, 0, rank).reshape(-1, m, n), kept, dropped);
            }
        }
    }

    /// <summary>Counts the singular values that are not zero, or refuses where that is not clear.</summary>
    public static (int Rank, double Kept, double Dropped) Cut(Tensor values, Representation input, Representation output)
    {
        // In both kinds of system, singular values that are not zero are of size one, at worst the inverse of a cycle's length;
        // those that are zero come out as rounding. What is in between is neither.
        const double LargestZero = 1e-9, Threshold = 1e-7, SmallestNotZero = 1e-5;
        double[] sorted = values.data<double>().ToArray();
        int rank = sorted.Count(value => value > Threshold);
        double kept = rank > 0 ? sorted[rank - 1] : double.PositiveInfinity;
        double dropped = rank < sorted.Length ? sorted[rank] : 0;
        if (dropped > LargestZero || kept < SmallestNotZero)
        {
            throw new EquivariantException(
                $"The dimension of the equivariant maps from {input} to {output} is not clear: singular values {kept:G3} and {dropped:G3} are next to the cut, " +
                $"which have to be above {SmallestNotZero} and below {LargestZero}. The matrices represent the group too inaccurately; give them in full double precision.");
        }

        return (rank, kept, dropped);
    }

    private static void CrossCheck(Representation input, Representation output, Tensor basis)
    {
        const double Tolerance = 1e-7;
        const int Samples = 2;
        using var generator = new Generator(1);
        Tensor random = randn([Samples, output.Dimension, input.Dimension], dtype: ScalarType.Float64, generator: generator);
        Tensor averaged = Average(input, output, random).view(Samples, -1);
        Tensor flat = basis.view(basis.shape[0], averaged.shape[1]);
        double outside = (averaged - averaged.matmul(flat.t()).matmul(flat)).abs().max().item<double>();
        Tensor v = Orthogonal(input, input.Group.Generators);
        Tensor w = Orthogonal(output, output.Group.Generators);
        double moved = 0;
        for (int s = 0; s < v.shape[0] && basis.shape[0] > 0; s++)
        {
            moved = Math.Max(moved, (w[s].matmul(basis) - basis.matmul(v[s])).abs().max().item<double>());
        }

        if (!(outside <= Tolerance && moved <= Tolerance))
        {
            throw new EquivariantException(
                $"The {basis.shape[0]} maps found from {input} to {output} failed their cross-check: averages over the group lie {outside:G3} outside, and generators move the maps by {moved:G3}. " +
                "The matrices represent the group too inaccurately; give them in full double precision.");
        }
    }

    /// <summary><c>1/|G| Σ W(g) X V(g)ᵀ</c> for a stack of matrices, along the transversals.</summary>
    private static Tensor Average(Representation input, Representation output, Tensor x)
    {
        foreach (Transversal transversal in input.Group.Transversals)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor sum = zeros_like(x);
            foreach (GroupElement u in transversal)
            {
                using DisposeScope step = NewDisposeScope();
                Tensor w = Orthogonal(output, [u])[0];
                Tensor v = Orthogonal(input, [u])[0];
                sum.add_(w.matmul(x).matmul(v.t()));
            }

            x = (sum / transversal.Count).MoveToOuterDisposeScope();
        }

        return x;
    }

    /// <summary>The elements' matrices in coordinates in which they are orthogonal, <c>[T, n, n]</c>.</summary>
    private static Tensor Orthogonal(Representation representation, IReadOnlyList<GroupElement> elements)
    {
        Tensor matrices = representation.Stack(elements);
        return representation.Orthogonaliser is { } o ? o.Root.matmul(matrices).matmul(o.Inverse) : matrices;
    }
}
