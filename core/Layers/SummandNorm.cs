using Equivariant.Core.Actions;
using Equivariant.Core.Representations;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>The length of vectors in the inner product that the group keeps.</summary>
internal sealed class SummandNorm(Representation representation)
{
    private readonly DeviceTensor? _root = representation.Orthogonaliser is { } o ? new DeviceTensor(o.Root.clone()) : null;

    /// <summary>Squared lengths along the last axis divided by the dimension: <c>[…, n]</c> to <c>[…, 1]</c>.</summary>
    public Tensor MeanSquare(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor orthogonal = _root is null ? x : x.matmul(_root.On(x.device).to(x.dtype));
        return orthogonal.square().mean([-1L], keepdim: true).MoveToOuterDisposeScope();
    }
}
