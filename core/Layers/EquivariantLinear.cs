using Equivariant.Core.Representations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>All linear maps between two representations of a group that commute with it, with channels and a bias.</summary>
/// <remarks>
/// From <c>[B, c_in, n]</c> to <c>[B, c_out, m]</c>. A parameter for each basis map and pair of channels,
/// <c>weight [c_out, d, c_in]</c>; the bias lies in <c>W^G</c>, <c>bias [c_out, r]</c>.
/// Source: Maron et al., "Invariant and Equivariant Graph Networks" (ICLR 2019); Finzi, Welling, Wilson, "A Practical Method
/// for Constructing Equivariant Multilayer Perceptrons" (ICML 2021).
/// </remarks>
public sealed class EquivariantLinear : LinearModule
{
    private readonly Parameter weight;
    private readonly Parameter? bias;

    /// <summary>Makes a layer with fresh weights that keep the variance of activations, and a bias of zero.</summary>
    /// <param name="input">The representation <c>V</c> on the input.</param>
    /// <param name="output">The representation <c>W</c> on the output, of the same group.</param>
    /// <param name="inputChannels">The number of channels of the input.</param>
    /// <param name="outputChannels">The number of channels of the output.</param>
    /// <param name="bias">Whether to add a bias in <c>W^G</c>.</param>
    /// <param name="gain">By what to multiply the initial weights: √2 after or before a ReLU.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <param name="device">The device of the parameters; the CPU if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or the maps can't be solved for.</exception>
    public EquivariantLinear(
        Representation input,
        Representation output,
        long inputChannels = 1,
        long outputChannels = 1,
        bool bias = true,
        double gain = 1,
        ScalarType dtype = ScalarType.Float32,
        Device? device = null)
        : this(BasisBetween(input, output), inputChannels, outputChannels, bias, gain, 1, dtype, device)
    {
    }

    internal EquivariantLinear(
        EquivariantBasis basis, long inputChannels, long outputChannels, bool bias, double gain, double invariantShare, ScalarType dtype, Device? device)
        : base(nameof(EquivariantLinear), basis.Input, inputChannels, basis.Output, outputChannels)
    {
        Basis = basis;
        using DisposeScope scope = NewDisposeScope();
        Tensor drawn = basis.Draw(outputChannels, inputChannels, invariantShare) * gain;
        weight = LayerChecks.NewParameter(drawn, dtype, device);
        this.bias = bias ? LayerChecks.NewParameter(zeros([outputChannels, basis.Output.Invariants.Count]), dtype, device) : null;
        RegisterComponents();
    }

    /// <summary>Gets the basis of the maps.</summary>
    public EquivariantBasis Basis { get; }

    /// <summary>Gets the coefficients of the basis, <c>[c_out, d, c_in]</c>.</summary>
    public Parameter Weight => weight;

    /// <summary>Gets the coordinates of the bias in <c>W^G</c>, <c>[c_out, r]</c>; null without one.</summary>
    public Parameter? Bias => bias;

    /// <inheritdoc/>
    public override long TheoreticalDimension =>
        OutputChannels * (InputChannels * HomDimension.Between(Input, Output) + (bias is null ? 0 : HomDimension.OfInvariants(Output)));

    /// <summary>Applies the layer.</summary>
    /// <param name="input">The batch, <c>[B, c_in, n]</c>.</param>
    /// <returns><c>[B, c_out, m]</c>.</returns>
    /// <exception cref="EquivariantException">The batch does not fit; the message says what does.</exception>
    public override Tensor forward(Tensor input)
    {
        RequireInput(input, weight);
        using DisposeScope scope = NewDisposeScope();
        Tensor y = Basis.Apply(input, weight);
        return (bias is null ? y : y + Output.Invariants.Expand(bias)).MoveToOuterDisposeScope();
    }

    private static EquivariantBasis BasisBetween(Representation input, Representation output)
    {
        if (input.Group != output.Group)
        {
            throw new EquivariantException(
                $"{nameof(EquivariantLinear)} needs one group on both sides, but its input has {input.Group} and its output {output.Group}; " +
                "between different groups there are the invariant-symmetric maps.");
        }

        return EquivariantBasis.Between(input, output);
    }
}
