using Equivariant.Core;
using Microsoft.ML.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>Sentences as unit vectors: a BERT in ONNX, averaged over a sentence's tokens.</summary>
/// <remarks>Source: Reimers and Gurevych, "Sentence-BERT" (2019).</remarks>
public sealed class SentenceEncoder : IDisposable
{
    private const string Ids = "input_ids", Mask = "attention_mask", Kinds = "token_type_ids";
    private readonly BertTokenizer _tokenizer;

    /// <summary>Joins a model and its vocabulary.</summary>
    /// <param name="model">A model from <c>input_ids</c>, <c>attention_mask</c> and maybe <c>token_type_ids</c> to features of every token; disposed with this.</param>
    /// <param name="vocabulary">WordPiece's <c>vocab.txt</c>.</param>
    /// <param name="contextLength">The most tokens of a sentence; longer ones are cut.</param>
    public SentenceEncoder(OnnxModel model, Stream vocabulary, int contextLength = 256)
    {
        (Model, ContextLength) = (model, contextLength);
        _tokenizer = BertTokenizer.Create(vocabulary);
    }

    /// <summary>The model.</summary>
    public OnnxModel Model { get; }

    /// <summary>The most tokens of a sentence.</summary>
    public int ContextLength { get; }

    /// <summary>The features of sentences.</summary>
    /// <param name="sentences">The sentences.</param>
    /// <returns>Unit vectors <c>[sentences, width]</c>.</returns>
    public Tensor Encode(IReadOnlyList<string> sentences)
    {
        if (sentences.Count == 0)
        {
            throw new EquivariantException("There are no sentences to encode.");
        }

        using DisposeScope scope = NewDisposeScope();
        int[][] ids = [.. sentences.Select(Tokens)];
        int length = ids.Max(row => row.Length);
        Tensor tokens = full([ids.Length, length], _tokenizer.PaddingTokenId, ScalarType.Int64), mask = zeros(ids.Length, length, dtype: ScalarType.Int64);
        for (int row = 0; row < ids.Length; row++)
        {
            tokens[row].narrow(0, 0, ids[row].Length).copy_(tensor(ids[row]));
            mask[row].narrow(0, 0, ids[row].Length).fill_(1);
        }

        Dictionary<string, Tensor> inputs = new() { [Ids] = tokens, [Mask] = mask };
        if (Model.Inputs.Any(port => port.Name == Kinds))
        {
            inputs.Add(Kinds, zeros_like(tokens));
        }

        Tensor features = Model.Run(inputs, [Model.Output])[Model.Output], weights = mask.unsqueeze(-1).to(features.dtype);
        Tensor mean = (features * weights).sum(1) / weights.sum(1);
        return nn.functional.normalize(mean, dim: -1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    private int[] Tokens(string sentence)
    {
        IReadOnlyList<int> ids = _tokenizer.EncodeToIds(sentence);
        return ids.Count <= ContextLength ? [.. ids] : [.. ids.Take(ContextLength - 1), _tokenizer.SeparatorTokenId];
    }
}
