using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>The basis for permutation representations: the orbits on pairs of coordinates, from generators alone.</summary>
internal sealed class OrbitBasis : EquivariantBasis
{
    private readonly PairOrbits _orbits;
    private readonly SharedWeight _shared;
    // Made on first use: the fast path on the CPU does without them.
    private readonly Lazy<DeviceTensor> _labels;

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
    }

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
        _shared.Serves(x, coefficients) ? _shared.Apply(x, coefficients) : base.Apply(x, coefficients);

    internal override Tensor Moment() => new OrbitInitialisation(_orbits, Input, Output).Moment();

    internal override Tensor Whiten(Tensor normal, Tensor a, double invariantShare) =>
        new OrbitInitialisation(_orbits, Input, Output).Whiten(normal, a, invariantShare);

    private protected override Tensor Scale(Tensor normal, double invariantShare) =>
        new OrbitInitialisation(_orbits, Input, Output).Scale(normal, invariantShare);
}
