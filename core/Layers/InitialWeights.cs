using Equivariant.Core.Representations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>Fresh weights of a layer's linear blocks: what all of them together give an output keeps the variance of activations.</summary>
internal sealed class InitialWeights(BlockPlaces places, double gain, ScalarType dtype, Device? device)
{
    /// <summary>The linear map of a block.</summary>
    public LinearModule MapOf(Block block)
    {
        (Port input, Port output) = places.EndsOf(block);
        (Block Block, Port Input)[] together = [.. places.LinearInto(places.EdgesOf(block)[0].Output)];
        double share = input.Representation.Invariants.Count / (double)Math.Max(1, together.Sum(other => other.Input.Representation.Invariants.Count));
        if (block.Kind == BlockKind.InvariantSymmetric)
        {
            // Weights whose variance is 1 over all invariants that the output reads.
            return new InvariantSymmetricLinear(
                input.Representation, output.Representation, input.Channels, output.Channels, false, gain * Math.Sqrt(share), dtype, device);
        }

        double moving = together.Count(other => other.Block.Kind == BlockKind.Equivariant);
        EquivariantBasis basis = EquivariantBasis.Between(input.Representation, output.Representation);
        return new EquivariantLinear(basis, input.Channels, output.Channels, false, gain / Math.Sqrt(moving), moving * share, dtype, device);
    }

    /// <summary>A bias of zero, <c>[c, r]</c> in the invariants of an output.</summary>
    public Parameter BiasOf(Block block)
    {
        Port port = places.Outputs[places.EdgesOf(block)[0].Output];
        return LayerChecks.NewParameter(zeros([port.Channels, port.Representation.Invariants.Count]), dtype, device);
    }
}
