using Equivariant.Core.Representations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>
/// All linear maps that are invariant under the input's group and symmetric under the output's, with channels and a bias.
/// </summary>
/// <remarks>
/// From <c>[B, c_in, n]</c> to <c>[B, c_out, m]</c>: pools the input to its invariants (the orbits' means), multiplies by
/// a small matrix and expands to fixed vectors (copies to the orbits). The big matrix is never formed; the cost is
/// linear in <c>n + m</c>.
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024), Theorem 1.
/// </remarks>
public sealed class InvariantSymmetricLinear : LinearModule
{
    private readonly Parameter weight;
    private readonly Parameter? bias;

    /// <summary>Makes a layer with fresh weights that keep the variance of invariant inputs, and a bias of zero.</summary>
    /// <param name="input">The representation on the input, of any group.</param>
    /// <param name="output">The representation on the output, of the same or another group.</param>
    /// <param name="inputChannels">The number of channels of the input.</param>
    /// <param name="outputChannels">The number of channels of the output.</param>
    /// <param name="bias">Whether to add a bias in the invariants of the output.</param>
    /// <param name="gain">By what to multiply the initial weights.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <param name="device">The device of the parameters; the CPU if left out.</param>
    public InvariantSymmetricLinear(
        Representation input,
        Representation output,
        long inputChannels = 1,
        long outputChannels = 1,
        bool bias = true,
        double gain = 1,
        ScalarType dtype = ScalarType.Float32,
        Device? device = null)
        : base(nameof(InvariantSymmetricLinear), input, inputChannels, output, outputChannels)
    {
        using DisposeScope scope = NewDisposeScope();
        (long rows, long columns) = (outputChannels * output.Invariants.Count, inputChannels * input.Invariants.Count);
        Tensor drawn = randn([rows, columns], dtype: ScalarType.Float64) * (gain / Math.Sqrt(Math.Max(1, columns)));
        weight = LayerChecks.NewParameter(drawn, dtype, device);
        this.bias = bias ? LayerChecks.NewParameter(zeros([outputChannels, output.Invariants.Count]), dtype, device) : null;
        RegisterComponents();
    }

    /// <summary>Gets the small matrix, <c>[c_out·r_out, c_in·r_in]</c>, channels first.</summary>
    public Parameter Weight => weight;

    /// <summary>Gets the coordinates of the bias, <c>[c_out, r_out]</c>; null without one.</summary>
    public Parameter? Bias => bias;

    /// <inheritdoc/>
    public override long TheoreticalDimension =>
        OutputChannels * HomDimension.OfInvariants(Output) * (InputChannels * HomDimension.OfInvariants(Input) + (bias is null ? 0 : 1));

    /// <summary>Applies the layer.</summary>
    /// <param name="input">The batch, <c>[B, c_in, n]</c>.</param>
    /// <returns><c>[B, c_out, m]</c>.</returns>
    /// <exception cref="EquivariantException">The batch does not fit; the message says what does.</exception>
    public override Tensor forward(Tensor input)
    {
        RequireInput(input, weight);
        using DisposeScope scope = NewDisposeScope();
        return Output.Invariants.Expand(Mix(Input.Invariants.Pool(input))).MoveToOuterDisposeScope();
    }

    /// <summary>From pooled inputs <c>[B, c_in, r_in]</c> to invariants of the output <c>[B, c_out, r_out]</c>.</summary>
    internal Tensor Mix(Tensor pooled)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor mixed = pooled.flatten(1).matmul(weight.t()).view(pooled.shape[0], OutputChannels, Output.Invariants.Count);
        return (bias is null ? mixed : mixed + bias).MoveToOuterDisposeScope();
    }
}
