using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>A batch of sentences, each turned to the first of its orbit under a model's symmetry, and the way back.</summary>
internal sealed class SentenceFrames
{
    /// <summary><c>[F, V]</c>: where each frame's inverse takes the target tokens; null where no sentence is turned.</summary>
    private readonly Tensor? _back;

    /// <summary>The frame of each sentence, <c>[B]</c>.</summary>
    private readonly Tensor? _which;

    private SentenceFrames(Tensor source, Tensor start, Tensor? back = null, Tensor? which = null) =>
        (Source, Start, _back, _which) = (source, start, back, which);

    /// <summary>The turned sources, <c>[B, S]</c>.</summary>
    public Tensor Source { get; }

    /// <summary>The turned first tokens of their targets, <c>[B]</c>.</summary>
    public Tensor Start { get; }

    /// <summary>Turns sentences; where the model states no symmetry, they stay as they are.</summary>
    /// <exception cref="EquivariantException">They are no sentences of the model's vocabularies.</exception>
    public static SentenceFrames Of(SequenceModel model, Tensor source, Tensor start)
    {
        if (start.dim() != 1 || source.dim() == 0 || start.shape[0] != source.shape[0])
        {
            throw new EquivariantException(
                $"Every source sentence needs a token that its target starts with, but sources of shape {DesignChecks.Shape(source)} and start tokens of shape {DesignChecks.Shape(start)} were given.");
        }

        if (model.Symmetry is not { } symmetry)
        {
            return new(source, start);
        }

        DesignChecks.RequireSentences(symmetry.Source, source, "source token");
        TensorChecks.RequireTokens(symmetry.Target, start, "target token");
        (int batch, int length) = ((int)source.shape[0], (int)source.shape[1]);
        long[] sources = Numbers(source), starts = Numbers(start);
        FirstOfOrbit.Walk walk = symmetry.First.Begin();
        Dictionary<GroupElement, long> frames = [];
        var which = new long[batch];
        for (int row = 0; row < batch; row++)
        {
            GroupElement frame = walk.Take(sources.AsSpan(row * length, length), ref starts[row]);
            frames.TryAdd(frame, frames.Count);
            which[row] = frames[frame];
        }

        if (frames.Keys.All(frame => frame.IsIdentity))
        {
            return new(source, start);
        }

        long[] back = [.. frames.Keys.SelectMany(frame => walk.Images(isTarget: true, frame.Inverse())).Select(token => (long)token)];
        return new(
            length == 0 ? source : tensor(sources, source.shape, ScalarType.Int64, source.device),
            tensor(starts, ScalarType.Int64, start.device),
            tensor(back, [frames.Count, symmetry.Target.Degree], ScalarType.Int64, source.device),
            tensor(which, ScalarType.Int64, source.device));
    }

    /// <summary>Turns target tokens back.</summary>
    /// <param name="tokens">One token a row, <c>[R]</c>.</param>
    /// <param name="sentence">Which of the sentences a row is of, <c>[R]</c>.</param>
    /// <returns><c>[R]</c>.</returns>
    public Tensor TurnBack(Tensor tokens, Tensor sentence) =>
        _back is null ? tokens : _back.index([TensorIndex.Tensor(_which!.index_select(0, sentence)), TensorIndex.Tensor(tokens)]);

    private static long[] Numbers(Tensor tokens)
    {
        // TorchSharp reads no empty tensor.
        if (tokens.numel() == 0)
        {
            return [];
        }

        using Tensor whole = tokens.to(ScalarType.Int64), here = whole.cpu(), dense = here.contiguous();
        return dense.data<long>().ToArray();
    }
}
