using Equivariant.Core.Representations;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>Layer normalisation that is right for each summand of a representation.</summary>
/// <remarks>
/// Each permutation summand gets mean 0 and variance 1 over its channels and coordinates. Other summands get mean
/// square 1 in the inner product that the group keeps, and no mean is subtracted. Then every channel and orbit (or
/// other summand) has a scale, and a bias lies in the invariants.
/// </remarks>
public sealed class EquivariantLayerNorm : EquivariantModule
{
    private readonly double _epsilon;
    private readonly CoordinateParts _parts;
    private readonly SummandNorm?[] _norms;
    private readonly Parameter weight;
    private readonly Parameter bias;

    /// <summary>Makes the norm of a representation.</summary>
    /// <param name="representation">The representation.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="epsilon">Added to variances before dividing.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <param name="device">Their device; the CPU if left out.</param>
    public EquivariantLayerNorm(
        Representation representation, long channels = 1, double epsilon = 1e-5, ScalarType dtype = ScalarType.Float32, Device? device = null)
        : base(nameof(EquivariantLayerNorm), representation, channels, representation, channels)
    {
        _epsilon = epsilon;
        _parts = new CoordinateParts(representation);
        _norms = [.. representation.Summands.Select(part => part.IsPermutation ? null : new SummandNorm(part))];
        weight = LayerChecks.NewParameter(ones([channels, _parts.Count]), dtype, device);
        bias = LayerChecks.NewParameter(zeros([channels, representation.Invariants.Count]), dtype, device);
        RegisterComponents();
    }

    /// <summary>Gets the scales, <c>[c, parts]</c>.</summary>
    public Parameter Weight => weight;

    /// <summary>Gets the coordinates of the bias, <c>[c, r]</c>.</summary>
    public Parameter Bias => bias;

    /// <summary>Normalises.</summary>
    /// <param name="input">The batch, <c>[B, c, n]</c>.</param>
    /// <returns><c>[B, c, n]</c>.</returns>
    public override Tensor forward(Tensor input)
    {
        RequireInput(input, weight);
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = input.split([.. Input.Summands.Select(part => (long)part.Dimension)], -1);
        for (int i = 0; i < parts.Length; i++)
        {
            Tensor x = parts[i];
            if (_norms[i] is { } norm)
            {
                parts[i] = x * (norm.MeanSquare(x).mean([1L], keepdim: true) + _epsilon).rsqrt();
            }
            else
            {
                Tensor centred = x - x.mean([1L, 2L], keepdim: true);
                parts[i] = centred * (centred.square().mean([1L, 2L], keepdim: true) + _epsilon).rsqrt();
            }
        }

        return (cat(parts, -1) * _parts.Spread(weight) + Output.Invariants.Expand(bias)).MoveToOuterDisposeScope();
    }
}
