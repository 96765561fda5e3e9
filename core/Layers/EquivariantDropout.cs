using Equivariant.Core.Representations;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>
/// Dropout that is equivariant for every mask: whole orbits of coordinates, or whole summands where the group does not
/// permute coordinates, of each channel.
/// </summary>
/// <remarks>Masks come from torch's generator. In evaluation mode the input is returned as it is.</remarks>
public sealed class EquivariantDropout : EquivariantModule
{
    private readonly double _probability;
    private readonly CoordinateParts _parts;

    /// <summary>Makes the dropout of a representation.</summary>
    /// <param name="representation">The representation.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="probability">The probability with which a part is set to zero, from 0 to below 1; the rest is scaled up.</param>
    /// <exception cref="EquivariantException">The probability is outside that range.</exception>
    public EquivariantDropout(Representation representation, long channels = 1, double probability = 0.5)
        : base(nameof(EquivariantDropout), representation, channels, representation, channels)
    {
        if (!(probability >= 0 && probability < 1))
        {
            throw new EquivariantException($"{nameof(EquivariantDropout)} needs a probability from 0 to below 1; {probability} was given.");
        }

        _probability = probability;
        _parts = new CoordinateParts(representation);
    }

    /// <summary>Drops parts.</summary>
    /// <param name="input">The batch, <c>[B, c, n]</c>.</param>
    /// <returns><c>[B, c, n]</c>.</returns>
    public override Tensor forward(Tensor input)
    {
        RequireInput(input);
        if (!training || _probability == 0)
        {
            return input.alias();
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor kept = rand([input.shape[0], InputChannels, _parts.Count], device: input.device).ge(_probability).to(input.dtype);
        return (input * _parts.Spread(kept / (1 - _probability))).MoveToOuterDisposeScope();
    }
}
