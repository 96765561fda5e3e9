using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>What actions and layers ask of tensors, before torch refuses them in words of its own.</summary>
internal static class TensorChecks
{
    /// <summary>A shape as messages write it.</summary>
    public static string Shape(Tensor x) => $"[{string.Join(", ", x.shape)}]";

    /// <summary>Refuses sparse tensors, and none at all.</summary>
    public static void RequireDense(object what, Tensor? x)
    {
        if (x is null)
        {
            throw new EquivariantException($"{what} needs a tensor, but null was given.");
        }

        if (x.is_sparse)
        {
            throw new EquivariantException($"{what} needs a dense tensor, but a sparse one of shape {Shape(x)} was given; call to_dense first.");
        }
    }

    /// <summary>Refuses what is not dense, or has no batch axis.</summary>
    public static void RequireBatch(object what, Tensor x)
    {
        RequireDense(what, x);
        if (x.dim() == 0)
        {
            throw new EquivariantException($"{what} needs a batch, [B, …], but a single number was given; give it a batch axis with unsqueeze(0).");
        }
    }

    /// <summary>Refuses whole numbers and truth values, of which there are no averages or products with matrices.</summary>
    public static void RequireNumbers(object what, Tensor x)
    {
        if (!x.is_floating_point() && !x.is_complex())
        {
            throw new EquivariantException($"{what} needs a floating point tensor, but one of {x.dtype} was given; convert it first.");
        }
    }
}
