using Equivariant.Core.Designs;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <namespacedoc><summary>Models that read and write sequences of tokens, designs around them, and decoding step by step.</summary></namespacedoc>
/// <summary>Chooses the next token of every sentence by its scores: what <see cref="Decoding"/> does at each step.</summary>
public abstract class TokenChoice
{
    /// <summary>The best-scored token; of several that tie, the first.</summary>
    public static TokenChoice Greedy { get; } = new Best();

    /// <summary>A random token, of probability <c>softmax(logits / temperature)</c> among those that are left.</summary>
    /// <param name="generator">Draws the tokens; on the device of the logits.</param>
    /// <param name="temperature">Above 0: the lower, the likelier are the best tokens.</param>
    /// <param name="topK">Only this many best tokens are left, at least 1; all, if left out.</param>
    /// <param name="topP">
    /// Of those, only the fewest best ones whose probabilities add up to this, above 0 and at most 1; all, if left out.
    /// </param>
    /// <exception cref="EquivariantException">A number is outside its range.</exception>
    /// <remarks>Source of top-p: Holtzman et al., "The Curious Case of Neural Text Degeneration" (ICLR 2020).</remarks>
    public static TokenChoice Sample(Generator generator, double temperature = 1, int? topK = null, double? topP = null)
    {
        if (!(temperature > 0 && double.IsFinite(temperature)))
        {
            throw new EquivariantException($"A temperature of {temperature} gives no probabilities: give one above 0, or choose greedily.");
        }

        if (topK < 1)
        {
            throw new EquivariantException($"Of the best {topK} tokens none can be drawn: give a top-k of at least 1.");
        }

        if (topP is not (null or > 0 and <= 1))
        {
            throw new EquivariantException($"A top-p is a probability, above 0 and at most 1, but {topP} was given.");
        }

        return new Random(generator, temperature, topK, topP);
    }

    /// <summary>Chooses a token for each row.</summary>
    /// <param name="logits">The scores, <c>[R, V]</c>.</param>
    /// <returns>The tokens, <c>[R]</c>, <c>int64</c>.</returns>
    public abstract Tensor Choose(Tensor logits);

    private sealed class Best : TokenChoice
    {
        public override Tensor Choose(Tensor logits)
        {
            using DisposeScope scope = NewDisposeScope();
            (Tensor best, Tensor tokens) = logits.max(-1);
            if (best.isnan().any().item<bool>())
            {
                throw new EquivariantException($"Some scores of shape {DesignChecks.Shape(logits)} are NaN, so none of them is the best.");
            }

            return tokens.MoveToOuterDisposeScope();
        }
    }

    private sealed class Random(Generator generator, double temperature, int? topK, double? topP) : TokenChoice
    {
        public override Tensor Choose(Tensor logits)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor scores = logits.to(ScalarType.Float32);
            long count = Math.Min(topK ?? long.MaxValue, topP is null or 1 ? long.MaxValue : scores.shape[^1]);
            // Tokens in the order of their scores, where that is needed.
            Tensor? tokens = null;
            if (count < scores.shape[^1] || topP < 1)
            {
                (scores, tokens) = scores.topk((int)Math.Min(count, scores.shape[^1]), -1, largest: true, sorted: true);
            }

            Tensor probabilities = (temperature == 1 ? scores : scores / temperature).softmax(-1);
            if (topP < 1)
            {
                Tensor before = probabilities.cumsum(-1) - probabilities;
                probabilities = probabilities.masked_fill(before >= topP.Value, 0);
            }

            Tensor drawn = TorchErrors.Explain(
                () => multinomial(probabilities, 1, generator: generator),
                () => $"No token can be drawn by scores of shape {DesignChecks.Shape(logits)}");
            return (tokens is null ? drawn : tokens.gather(-1, drawn)).squeeze(-1).MoveToOuterDisposeScope();
        }
    }
}
