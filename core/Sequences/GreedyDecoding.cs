using Equivariant.Core.Designs;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>Decodes by taking the best-scored token at every position.</summary>
public static class GreedyDecoding
{
    /// <summary>Finished sentences leave the batch when this share of it is finished: leaving costs a copy of the state.</summary>
    private const double WorthLeaving = 0.125;

    /// <summary>Translates a batch of sentences.</summary>
    /// <param name="model">The model, in the mode (train or eval) that it is in.</param>
    /// <param name="source">Source tokens, <c>[B, S]</c>, <c>int64</c>.</param>
    /// <param name="start">The token that every target starts with.</param>
    /// <param name="end">The token that ends a target.</param>
    /// <param name="maximumLength">The most tokens to produce for a sentence.</param>
    /// <returns>
    /// Target tokens without the start token, <c>[B, maximumLength]</c>, <c>int64</c>; from a sentence's end on,
    /// every token is <paramref name="end"/>.
    /// </returns>
    public static Tensor Decode(SequenceModel model, Tensor source, long start, long end, int maximumLength)
    {
        if (maximumLength < 0)
        {
            throw new EquivariantException($"A target can't have {maximumLength} tokens: give a maximum length of 0 or more.");
        }

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor output = full([source.shape[0], maximumLength], end, ScalarType.Int64, source.device);
        Tensor rows = arange(source.shape[0], device: source.device);
        Tensor tokens = full_like(rows, start);
        Tensor unfinished = ones_like(rows, ScalarType.Bool);
        using DecoderState state = model.Start(source);
        for (int position = 0; position < maximumLength && rows.shape[0] > 0; position++)
        {
            using DisposeScope step = NewDisposeScope();
            Tensor best = model.Step(state, tokens).argmax(-1).where(unfinished, full_like(rows, end));
            output.index_put_(best, [TensorIndex.Tensor(rows), TensorIndex.Single(position)]);
            Tensor open = best.ne(end);
            long left = open.sum().item<long>();
            if (left <= (1 - WorthLeaving) * rows.shape[0])
            {
                Tensor keep = open.nonzero().flatten();
                state.Select(keep);
                rows = rows.index_select(0, keep).MoveToOuterDisposeScope();
                best = best.index_select(0, keep);
                open = open.index_select(0, keep);
            }

            tokens = best.MoveToOuterDisposeScope();
            unfinished = open.MoveToOuterDisposeScope();
        }

        return output.MoveToOuterDisposeScope();
    }
}
