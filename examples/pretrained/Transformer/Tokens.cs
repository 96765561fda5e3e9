using Equivariant.Core;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>What all models ask of tokens.</summary>
internal static class Tokens
{
    /// <summary>Refuses what are no texts of a model: another type or shape, too many tokens, or tokens that it does not know.</summary>
    /// <param name="ids">The tokens, <c>[B, T]</c>.</param>
    /// <param name="length">Tokens of a text in all.</param>
    /// <param name="context">The most that the model reads.</param>
    /// <param name="vocabulary">How many tokens it knows.</param>
    public static void Require(Tensor ids, long length, int context, int vocabulary)
    {
        if (ids.dtype != ScalarType.Int64)
        {
            throw new EquivariantException($"Texts are int64 tokens [texts, length]; {ids.dtype} [{string.Join(", ", ids.shape)}] are none.");
        }

        if (length > context)
        {
            throw new EquivariantException($"A text of {length} tokens is too long: this model's context is {context}. Cut it.");
        }

        if (ids.numel() == 0)
        {
            return;
        }

        using Tensor smallest = ids.min(), greatest = ids.max();
        long least = smallest.item<long>(), most = greatest.item<long>();
        if (least < 0 || most >= vocabulary)
        {
            throw new EquivariantException(
                $"The token {(least < 0 ? least : most)} is not in the model's vocabulary of {vocabulary}: the tokenizer is another model's.");
        }
    }

    /// <summary>Refuses a vocabulary that an embedding does not hold.</summary>
    public static void RequireFit(int vocabulary, int embedding)
    {
        if (vocabulary > embedding)
        {
            throw new EquivariantException($"The vocabulary has {vocabulary} tokens and the model's embedding {embedding}: they are not of one model.");
        }
    }

    /// <summary>The length of texts <c>[B, T]</c>; other shapes are refused.</summary>
    public static long Length(Tensor ids) => ids.shape is [_, long length]
        ? length
        : throw new EquivariantException($"Texts are int64 tokens [texts, length]; {ids.dtype} [{string.Join(", ", ids.shape)}] are none.");
}
