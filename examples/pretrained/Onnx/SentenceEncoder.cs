using Equivariant.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>Sentences as unit vectors: a BERT in ONNX, averaged over a sentence's tokens.</summary>
/// <remarks>Source: Reimers and Gurevych, "Sentence-BERT" (2019).</remarks>
public sealed class SentenceEncoder : IDisposable
{
    private readonly SentenceTokens _tokens;

    /// <summary>Joins a model and its vocabulary.</summary>
    /// <param name="model">A model from <c>input_ids</c>, <c>attention_mask</c> and maybe <c>token_type_ids</c> to features of every token; disposed with this.</param>
    /// <param name="vocabulary">WordPiece's <c>vocab.txt</c>.</param>
    /// <param name="contextLength">The most tokens of a sentence; longer ones are cut.</param>
    public SentenceEncoder(OnnxModel model, Stream vocabulary, int contextLength = 256) =>
        (Model, _tokens) = (model, new SentenceTokens(vocabulary, contextLength));

    /// <summary>The model.</summary>
    public OnnxModel Model { get; }

    /// <summary>The most tokens of a sentence.</summary>
    public int ContextLength => _tokens.ContextLength;

    /// <summary>The features of sentences.</summary>
    /// <param name="sentences">The sentences.</param>
    /// <returns>Unit vectors <c>[sentences, width]</c>.</returns>
    /// <exception cref="EquivariantException">There are no sentences.</exception>
    public Tensor Encode(IReadOnlyList<string> sentences)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor features, Tensor mask) = _tokens.Run(Model, sentences);
        Tensor weights = mask.unsqueeze(-1).to(features.dtype);
        Tensor mean = (features * weights).sum(1) / weights.sum(1);
        return nn.functional.normalize(mean, dim: -1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
