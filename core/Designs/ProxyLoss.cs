using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Losses that need no label: how unsure a classifier is of its own answer. From logits <c>[R, C]</c> to <c>[R]</c>.</summary>
public static class ProxyLoss
{
    /// <summary>The entropy of the softmax distribution, in nats.</summary>
    /// <param name="logits">Logits, <c>[R, …, C]</c>; entropies over further axes are added.</param>
    public static Tensor Entropy(Tensor logits)
    {
        using var scope = NewDisposeScope();
        Tensor probabilities = logits.softmax(-1);
        Tensor logarithms = logits.log_softmax(-1);
        // In place where no gradient looks back: on a CPU the memory of another product costs more than the product.
        Tensor products = is_grad_enabled() && logits.requires_grad ? probabilities * logarithms : probabilities.mul_(logarithms);
        return PerRow(products.sum(-1).neg()).MoveToOuterDisposeScope();
    }

    /// <summary>One less the largest probability: small when the classifier is confident.</summary>
    /// <param name="logits">Logits, <c>[R, …, C]</c>; losses over further axes are added.</param>
    public static Tensor Confidence(Tensor logits)
    {
        using var scope = NewDisposeScope();
        return PerRow(1 - logits.softmax(-1).amax([-1L])).MoveToOuterDisposeScope();
    }

    private static Tensor PerRow(Tensor losses) => losses.dim() == 1 ? losses : losses.flatten(1).sum(1);
}
