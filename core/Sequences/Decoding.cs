using Equivariant.Core.Designs;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>Writes target sentences token by token, by any rule of choosing the next: greedy, or at random.</summary>
/// <remarks>
/// A model with a <see cref="SequenceModel.Symmetry"/> is decoded in each sentence's own frame: the sentence is turned
/// to the first of its orbit, decoded there, and what is decoded is turned back. So from one state of the generator a
/// transformed sentence has the transformed target, token by token and whatever the rounding; and the distribution is
/// the model's, since its scores move with the sentence. (Noise that is laid out over the vocabulary once and for all
/// can't do this: a token would have to share its noise with its images.) Where a sentence is fixed by some elements, its target is
/// determined up to these: for every <c>g</c> some <c>s</c> that fixes the sentence has
/// <c>Decode(g·x) = g·s·Decode(x)</c>, with <c>s = 1</c> where nothing but the identity fixes it. Stop tokens should be
/// tokens that the group does not move.
/// </remarks>
public static class Decoding
{
    /// <summary>Finished sentences leave the batch when this share of it is finished: leaving costs a copy of the state.</summary>
    private const double WorthLeaving = 0.125;

    /// <summary>Decodes a batch of sentences whose targets all start with one token.</summary>
    /// <inheritdoc cref="Decode(SequenceModel, Tensor, Tensor, TokenChoice, int, IReadOnlyList{long}, int)"/>
    public static Tensor Decode(
        SequenceModel model, Tensor source, long start, TokenChoice choice, int maximumLength, IReadOnlyList<long> stops, int continuations = 1)
    {
        using Tensor tokens = full([source.shape[0]], start, ScalarType.Int64, source.device);
        return Decode(model, source, tokens, choice, maximumLength, stops, continuations);
    }

    /// <summary>Decodes a batch of sentences.</summary>
    /// <param name="model">The model, in the mode (train or eval) that it is in.</param>
    /// <param name="source">Source tokens, <c>[B, S]</c>, <c>int64</c>.</param>
    /// <param name="start">The token that every target starts with, or one for each, <c>[B]</c>, <c>int64</c>.</param>
    /// <param name="choice">The rule that chooses tokens.</param>
    /// <param name="maximumLength">The most tokens to decode for a sentence.</param>
    /// <param name="stops">Tokens that end a target.</param>
    /// <param name="continuations">How many targets to decode for each sentence, <c>N</c>; sentences are read once.</param>
    /// <returns>
    /// Target tokens without the start token, <c>[B·N, maximumLength]</c>, <c>int64</c>: row <c>b·N + n</c> is target
    /// <c>n</c> of sentence <c>b</c>. From a target's end on, every token is the one that ended it.
    /// </returns>
    /// <exception cref="EquivariantException">A number is too small, or the model refuses the sentences.</exception>
    public static Tensor Decode(
        SequenceModel model, Tensor source, Tensor start, TokenChoice choice, int maximumLength, IReadOnlyList<long> stops, int continuations = 1)
    {
        if (maximumLength < 0)
        {
            throw new EquivariantException($"A target can't have {maximumLength} tokens: give a maximum length of 0 or more.");
        }

        if (continuations < 1)
        {
            throw new EquivariantException($"{continuations} targets of a sentence are none: ask for at least 1.");
        }

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        SentenceFrames frames = SentenceFrames.Of(model, source, start);
        Tensor rows = arange(source.shape[0] * continuations, device: source.device);
        Tensor output = zeros([rows.shape[0], maximumLength], ScalarType.Int64, device: source.device);
        Tensor ends = tensor([.. stops], ScalarType.Int64, source.device);
        Tensor sentence = rows.div(continuations, RoundingMode.floor);
        // In the frames; what is given out and compared with the stop tokens is turned back.
        Tensor tokens = frames.Start.index_select(0, sentence);
        Tensor unfinished = ones_like(rows, ScalarType.Bool);
        using DecoderState state = model.Start(frames.Source);
        if (continuations > 1)
        {
            state.Select(sentence);
        }

        for (int position = 0; position < maximumLength; position++)
        {
            using DisposeScope step = NewDisposeScope();
            Tensor chosen = choice.Choose(model.Step(state, tokens)).where(unfinished, tokens);
            Tensor said = frames.TurnBack(chosen, sentence);
            int left = maximumLength - position;
            output.narrow(1, position, left).index_copy_(0, rows, said.unsqueeze(-1).expand(-1, left));
            Tensor open = unfinished & said.unsqueeze(-1).eq(ends).any(-1).logical_not();
            long stay = open.sum().item<long>();
            if (stay == 0)
            {
                break;
            }

            if (stay <= (1 - WorthLeaving) * rows.shape[0])
            {
                Tensor keep = open.nonzero().flatten();
                state.Select(keep);
                (chosen, open) = (chosen.index_select(0, keep), open.index_select(0, keep));
                Replace(ref rows, rows.index_select(0, keep));
                Replace(ref sentence, sentence.index_select(0, keep));
            }

            Replace(ref tokens, chosen);
            Replace(ref unfinished, open);
        }

        return output.MoveToOuterDisposeScope();
    }

    /// <summary>Continues texts of a model whose sources and targets are of one language, such as GPT-2.</summary>
    /// <param name="model">The model; texts of different lengths need its <see cref="SequenceModel.PaddingToken"/>.</param>
    /// <param name="prompts">The texts, none empty: a target starts with its text's last token.</param>
    /// <param name="choice">The rule that chooses tokens.</param>
    /// <param name="maximumLength">The most tokens to add.</param>
    /// <param name="stops">Tokens that end a text; they are not part of it.</param>
    /// <param name="continuations">How many continuations of each text, <c>N</c>; texts are read once.</param>
    /// <returns>What was added, of text <c>b</c> at places <c>b·N</c> to <c>b·N + N − 1</c>.</returns>
    /// <exception cref="EquivariantException">A text is empty, or the lengths differ and there is no padding.</exception>
    public static IReadOnlyList<long[]> Continue(
        SequenceModel model, IReadOnlyList<IReadOnlyList<long>> prompts, TokenChoice choice, int maximumLength, IReadOnlyList<long> stops, int continuations = 1)
    {
        if (prompts.Count == 0)
        {
            return [];
        }

        int longest = prompts.Max(prompt => prompt.Count);
        for (int i = 0; i < prompts.Count; i++)
        {
            if (prompts[i].Count == 0)
            {
                throw new EquivariantException($"Text {i} is empty: give it a token to continue, such as the one that stands between texts.");
            }

            if (prompts[i].Count < longest && model.PaddingToken is null)
            {
                throw new EquivariantException(
                    $"Texts of {prompts[i].Count} and {longest} tokens can't be read together by '{model.GetName()}' without a padding token: set its {nameof(SequenceModel.PaddingToken)}, or continue them one by one.");
            }
        }

        using DisposeScope scope = NewDisposeScope();
        Device device = model.parameters().FirstOrDefault()?.device ?? CPU;
        long[] sources = [.. prompts.SelectMany(prompt =>
            prompt.SkipLast(1).Concat(Enumerable.Repeat(model.PaddingToken ?? 0, longest - prompt.Count)))];
        if (maximumLength == 0)
        {
            return [.. Enumerable.Repeat(Array.Empty<long>(), prompts.Count * continuations)];
        }

        long[] added = Decode(
            model,
            longest == 1 ? empty([prompts.Count, 0], ScalarType.Int64, device) : tensor(sources, [prompts.Count, longest - 1], ScalarType.Int64, device),
            tensor([.. prompts.Select(prompt => prompt[^1])], ScalarType.Int64, device),
            choice,
            maximumLength,
            stops,
            continuations).cpu().data<long>().ToArray();
        return [.. Enumerable.Range(0, prompts.Count * continuations).Select(row =>
            added.AsSpan(row * maximumLength, maximumLength).ToArray().TakeWhile(token => !stops.Contains(token)).ToArray())];
    }

    /// <summary>What is remembered from step to step: the old goes at once, so that a long sentence takes no more than a short one.</summary>
    private static void Replace(ref Tensor kept, Tensor next)
    {
        if (!ReferenceEquals(kept, next))
        {
            kept.Dispose();
            kept = next.MoveToOuterDisposeScope();
        }
    }
}
