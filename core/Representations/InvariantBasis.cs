using Equivariant.Core.Actions;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>
/// The vectors that a group fixes, <c>V^G</c>, with coordinates: reading them off (<see cref="Pool"/>) and building
/// vectors from them (<see cref="Expand"/>).
/// </summary>
/// <remarks>
/// For a permutation representation, the coordinates are the means over the orbits, and building copies each to its
/// orbit. For others, they are coordinates in a basis of <c>V^G</c> of vectors of mean square 1. In both,
/// <c>Expand(Pool(x))</c> is the average of <c>x</c> over the group.
/// </remarks>
public abstract class InvariantBasis
{
    private protected InvariantBasis(Representation representation, int count, RankCertificate? certificate)
    {
        Representation = representation;
        Count = count;
        Certificate = certificate;
    }

    /// <summary>Gets the representation.</summary>
    public Representation Representation { get; }

    /// <summary>Gets the dimension of <c>V^G</c>.</summary>
    public int Count { get; }

    /// <summary>Gets how the dimension was made certain; null where it is an exact count of orbits.</summary>
    public RankCertificate? Certificate { get; }

    /// <summary>Reads off the invariant part.</summary>
    /// <param name="x">Vectors along the last axis, <c>[…, n]</c>, floating point.</param>
    /// <returns>Coordinates, <c>[…, r]</c>.</returns>
    public abstract Tensor Pool(Tensor x);

    /// <summary>Builds fixed vectors.</summary>
    /// <param name="coordinates">Coordinates along the last axis, <c>[…, r]</c>, floating point.</param>
    /// <returns>Vectors, <c>[…, n]</c>.</returns>
    public abstract Tensor Expand(Tensor coordinates);

    /// <summary>The invariants of a representation.</summary>
    internal static InvariantBasis Of(Representation representation) =>
        representation.Permutation is { } action ? new OrbitInvariants(representation, action)
        : representation.Summands.Count > 1 ? new SumInvariants(representation)
        : new MatrixInvariants(representation);

    private protected void RequireLast(Tensor x, int length, string what)
    {
        TensorChecks.RequireDense(Representation, x);
        TensorChecks.RequireNumbers(Representation, x);
        if (x.dim() == 0 || x.shape[^1] != length)
        {
            throw new EquivariantException(
                $"{Representation} has {what} of length {length} along the last axis, but a tensor of shape [{string.Join(", ", x.shape)}] was given.");
        }
    }

    /// <summary>Orbits of points.</summary>
    private sealed class OrbitInvariants : InvariantBasis
    {
        private readonly DeviceTensor _orbitOf;
        private readonly DeviceTensor _reciprocalSizes;

        public OrbitInvariants(Representation representation, PermutationAction action)
            : base(representation, action.OrbitCount, null)
        {
            double[] sizes = new double[Count];
            foreach (int orbit in action.OrbitIndex)
            {
                sizes[orbit]++;
            }

            _orbitOf = new DeviceTensor(tensor(action.OrbitIndex, dtype: ScalarType.Int64));
            _reciprocalSizes = new DeviceTensor(tensor(sizes, dtype: ScalarType.Float64).reciprocal());
        }

        public override Tensor Pool(Tensor x)
        {
            RequireLast(x, Representation.Dimension, "vectors");
            if (Count == 1)
            {
                return x.mean([-1L], keepdim: true);
            }

            if (Count == Representation.Dimension)
            {
                return x.alias();
            }

            using var scope = NewDisposeScope();
            long[] shape = [.. x.shape[..^1], Count];
            return (zeros(shape, x.dtype, x.device).scatter_add(-1, _orbitOf.On(x.device).expand(x.shape), x) *
                _reciprocalSizes.On(x.device).to(x.dtype)).MoveToOuterDisposeScope();
        }

        public override Tensor Expand(Tensor coordinates)
        {
            RequireLast(coordinates, Count, "invariants");
            return Count == 1 ? coordinates.expand([.. coordinates.shape[..^1], Representation.Dimension])
                : Count == Representation.Dimension ? coordinates.alias()
                : coordinates.index_select(-1, _orbitOf.On(coordinates.device));
        }
    }

    /// <summary>A basis found numerically.</summary>
    private sealed class MatrixInvariants : InvariantBasis
    {
        private readonly DeviceTensor _pool;
        private readonly DeviceTensor _expand;

        public MatrixInvariants(Representation representation)
            : this(representation, Solve(Representation.Trivial(representation.Group), representation))
        {
        }

        private MatrixInvariants(Representation representation, (Tensor Basis, RankCertificate Certificate) solution)
            : base(representation, solution.Certificate.Rank, solution.Certificate)
        {
            using var scope = NewDisposeScope();
            using var noGradient = no_grad();

            // Orthonormal columns in orthogonal coordinates; back from them, with entries of mean square one.
            double size = Math.Sqrt(representation.Dimension);
            Tensor columns = solution.Basis.view(-1, representation.Dimension).t();
            Orthogonaliser? o = representation.Orthogonaliser;
            _expand = new DeviceTensor((o is null ? columns : o.Inverse.matmul(columns)).t().mul(size).contiguous());
            _pool = new DeviceTensor((o is null ? columns : o.Root.matmul(columns)).div(size).contiguous());
            solution.Basis.Dispose();
        }

        private static (Tensor Basis, RankCertificate Certificate) Solve(Representation input, Representation output)
        {
            if (!FibredBasis.Serves(input, output))
            {
                return NullSpace.Solve(input, output);
            }

            FibredBasis basis = new(input, output);
            return (basis.Orthonormal(), basis.Certificate!);
        }

        public override Tensor Pool(Tensor x)
        {
            RequireLast(x, Representation.Dimension, "vectors");
            using Tensor matrix = _pool.On(x.device).to(x.dtype, copy: true);
            return x.matmul(matrix);
        }

        public override Tensor Expand(Tensor coordinates)
        {
            RequireLast(coordinates, Count, "invariants");
            using Tensor matrix = _expand.On(coordinates.device).to(coordinates.dtype, copy: true);
            return coordinates.matmul(matrix);
        }
    }

    /// <summary>Invariants of a direct sum: those of its parts, side by side.</summary>
    private sealed class SumInvariants(Representation representation)
        : InvariantBasis(representation, representation.Summands.Sum(part => part.Invariants.Count), Weakest(representation))
    {
        public override Tensor Pool(Tensor x)
        {
            RequireLast(x, Representation.Dimension, "vectors");
            using var scope = NewDisposeScope();
            Tensor[] parts = x.split([.. Representation.Summands.Select(part => (long)part.Dimension)], -1);
            return cat([.. Representation.Summands.Zip(parts, (part, y) => part.Invariants.Pool(y))], -1).MoveToOuterDisposeScope();
        }

        public override Tensor Expand(Tensor coordinates)
        {
            RequireLast(coordinates, Count, "invariants");
            using var scope = NewDisposeScope();
            Tensor[] parts = coordinates.split([.. Representation.Summands.Select(part => (long)part.Invariants.Count)], -1);
            return cat([.. Representation.Summands.Zip(parts, (part, y) => part.Invariants.Expand(y))], -1).MoveToOuterDisposeScope();
        }

        private static RankCertificate? Weakest(Representation representation)
        {
            RankCertificate[] all = [.. representation.Summands.Select(part => part.Invariants.Certificate).OfType<RankCertificate>()];
            return all.Length == 0 ? null : all.MinBy(c => c.Gap)! with
            {
                Rank = representation.Summands.Sum(part => part.Invariants.Count),
                CrossChecked = all.All(c => c.CrossChecked),
            };
        }
    }
}
