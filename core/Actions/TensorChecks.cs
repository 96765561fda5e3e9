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

    /// <summary>Refuses what are no numbers of tokens; a negative one would count from the end of the vocabulary.</summary>
    public static void RequireTokens(PermutationAction vocabulary, Tensor tokens, string what = "token")
    {
        RequireDense($"A batch of {what}s", tokens);
        if (tokens.dtype != ScalarType.Int64)
        {
            throw new EquivariantException($"The {what}s have to be whole numbers, Int64, but a tensor of {tokens.dtype} was given; convert it first.");
        }

        if (tokens.numel() == 0)
        {
            return;
        }

        // Both ends at once: the device is waited for once.
        using DisposeScope scope = NewDisposeScope();
        foreach (long token in stack([tokens.min(), tokens.max()]).cpu().data<long>().ToArray())
        {
            if (token < 0 || token >= vocabulary.Degree)
            {
                throw new EquivariantException(
                    $"The {what} {token} is not in the vocabulary, whose tokens are 0 … {vocabulary.Degree - 1}: pad with a token of the vocabulary that the group does not move.");
            }
        }
    }
}
