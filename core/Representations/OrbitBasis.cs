using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>The basis for permutation representations: the orbits on pairs of coordinates, from generators alone.</summary>
internal sealed class OrbitBasis : EquivariantBasis
{
    private readonly PairOrbits _orbits;
    private readonly SharedWeight _shared;

    // Made on first use: each way does without what the others need.
    private readonly Lazy<DeviceTensor> _labels;
    private readonly Lazy<IOrbitProduct[]> _products;

    public OrbitBasis(Representation input, Representation output)
        : this(input, output, PairOrbits.Of(input.Permutation!, output.Permutation!))
    {
    }

    private OrbitBasis(Representation input, Representation output, PairOrbits orbits)
        : base(input, output, orbits.Count, null)
    {
        _orbits = orbits;
        _shared = new SharedWeight(orbits);
        _labels = new(() => new DeviceTensor(tensor(orbits.Labels, dtype: ScalarType.Int64)));
        _products = new(() => Products(input.Permutation!, output.Permutation!, orbits));
    }

    /// <summary>Gets the ways to multiply without writing matrices, where the orbits have a structure.</summary>
    internal IReadOnlyList<IOrbitProduct> MatrixFree => _products.Value;

    public override Tensor Matrices()
    {
        RequireMatrices();
        using DisposeScope scope = NewDisposeScope();
        Tensor labels = _labels.Value.On(CPU).unsqueeze(0);
        return zeros([Count, labels.shape[1]], ScalarType.Float64)
            .scatter(0, labels, ones(labels.shape, ScalarType.Float64))
            .view(Count, Output.Dimension, Input.Dimension).MoveToOuterDisposeScope();
    }

    internal override Tensor Weight(Tensor coefficients)
    {
        using DisposeScope scope = NewDisposeScope();
        long channelsOut = coefficients.shape[0], channelsIn = coefficients.shape[2];
        return coefficients.index_select(1, _labels.Value.On(coefficients.device))
            .view(channelsOut, Output.Dimension, Input.Dimension, channelsIn)
            .transpose(0, 1)
            .reshape(Output.Dimension * channelsOut, Input.Dimension * channelsIn).MoveToOuterDisposeScope();
    }

    internal override Tensor Apply(Tensor x, Tensor coefficients) =>
        Cheapest(x, coefficients)?.Apply(x, coefficients) ?? ApplyDense(x, coefficients);

    internal override bool AvoidsMatrix(Tensor x, Tensor coefficients) => Cheapest(x, coefficients) is not null;

    /// <summary>The way that takes the least time; null for the dense matrix.</summary>
    internal IOrbitProduct? Cheapest(Tensor x, Tensor coefficients)
    {
        (long batch, long channelsOut, long channelsIn) = (x.shape[0], coefficients.shape[0], coefficients.shape[2]);
        double Cost(IOrbitProduct product) => product.Cost(batch, channelsOut, channelsIn);
        IOrbitProduct? best = MatrixFree.Where(product => product.Serves(x)).MinBy(Cost);
        return best is not null && Cost(best) < DenseCost(batch, channelsOut, channelsIn) ? best : null;
    }

    /// <summary>Applies the combination by its dense matrix, which serves all orbits.</summary>
    internal Tensor ApplyDense(Tensor x, Tensor coefficients) => base.Apply(x, coefficients);

    internal override Tensor Moment() => new OrbitInitialisation(_orbits, Input, Output).Moment();

    internal override Tensor Whiten(Tensor normal, Tensor a, double invariantShare) =>
        new OrbitInitialisation(_orbits, Input, Output).Whiten(normal, a, invariantShare);

    private protected override Tensor Scale(Tensor normal, double invariantShare) =>
        new OrbitInitialisation(_orbits, Input, Output).Scale(normal, invariantShare);

    private protected override Tensor Multiply(Tensor x, Tensor coefficients) =>
        _shared.Serves(x, coefficients) ? _shared.Apply(x, coefficients) : base.Multiply(x, coefficients);

    private static IOrbitProduct[] Products(PermutationAction input, PermutationAction output, PairOrbits orbits)
    {
        using DisposeScope scope = NewDisposeScope();
        using var noGradient = no_grad();
        OrbitClosures? closures = OrbitClosures.Of(orbits, output.OrbitIndex, input.OrbitIndex);
        CommutingCycles? cycles = CommutingCycles.Find(input.GeneratorPermutations, output.GeneratorPermutations);
        return
        [
            .. closures is null ? Array.Empty<IOrbitProduct>() : [new PooledProduct(closures)],
            .. cycles is null ? Array.Empty<IOrbitProduct>() : [new CirculantProduct(cycles, orbits)],
        ];
    }

    private double DenseCost(long batch, long channelsOut, long channelsIn)
    {
        double runs = (double)_orbits.Labels.Length * channelsOut, entries = runs * channelsIn;
        return 10 * OrbitCost.Kernel + runs * OrbitCost.Run + entries * (OrbitCost.Entry + batch * OrbitCost.Product);
    }
}
