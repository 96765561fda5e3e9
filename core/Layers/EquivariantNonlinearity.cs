using Equivariant.Core.Representations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>A nonlinearity that is right for each summand of a representation.</summary>
/// <remarks>
/// On permutation summands, a function of each coordinate. On others that would not be equivariant: there the vector
/// is multiplied by a gate, <c>x · 2σ(a (‖x‖/√n − 1) + b)</c>, with the length in the inner product that the group keeps and
/// <c>a</c>, <c>b</c> learned for each channel; at first it leaves vectors of mean square 1 alone.
/// </remarks>
public sealed class EquivariantNonlinearity : EquivariantModule
{
    private readonly Func<Tensor, Tensor> _pointwise;
    private readonly SummandNorm?[] _norms;
    private readonly Parameter? slope;
    private readonly Parameter? shift;

    /// <summary>Makes the nonlinearity of a representation.</summary>
    /// <param name="representation">The representation.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="pointwise">The function on coordinates that are permuted, elementwise; ReLU if left out.</param>
    /// <param name="dtype">The type of the gates' parameters.</param>
    /// <param name="device">Their device; the CPU if left out.</param>
    public EquivariantNonlinearity(
        Representation representation,
        long channels = 1,
        Func<Tensor, Tensor>? pointwise = null,
        ScalarType dtype = ScalarType.Float32,
        Device? device = null)
        : base(nameof(EquivariantNonlinearity), representation, channels, representation, channels)
    {
        _pointwise = pointwise ?? (x => nn.functional.relu(x));
        _norms = [.. representation.Summands.Select(part => part.IsPermutation ? null : new SummandNorm(part))];
        long gates = _norms.Count(norm => norm is not null);
        if (gates > 0)
        {
            slope = LayerChecks.NewParameter(ones([gates, channels, 1]), dtype, device);
            shift = LayerChecks.NewParameter(zeros([gates, channels, 1]), dtype, device);
        }

        RegisterComponents();
    }

    /// <summary>Applies the nonlinearity.</summary>
    /// <param name="input">The batch, <c>[B, c, n]</c>.</param>
    /// <returns><c>[B, c, n]</c>.</returns>
    public override Tensor forward(Tensor input)
    {
        RequireInput(input, slope);
        if (slope is null)
        {
            return _pointwise(input);
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = input.split([.. Input.Summands.Select(part => (long)part.Dimension)], -1);
        long gate = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = _norms[i] is { } norm ? Gated(parts[i], norm, gate++) : _pointwise(parts[i]);
        }

        return cat(parts, -1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <remarks>A function of each coordinate needs no layout.</remarks>
    internal override Tensor ApplyTo(Tensor x, TensorLayout input, TensorLayout output) =>
        slope is null ? _pointwise(x) : base.ApplyTo(x, input, output);

    private Tensor Gated(Tensor x, SummandNorm norm, long gate)
    {
        // Without the small number the length has no slope at zero.
        const double Small = 1e-12;
        Tensor length = (norm.MeanSquare(x) + Small).sqrt();
        return x * (2 * (slope![gate] * (length - 1) + shift![gate]).sigmoid());
    }
}
