using Equivariant.Core;
using Microsoft.ML.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>Sentences as a BERT in ONNX takes them: WordPiece tokens, padded, with a mask.</summary>
internal sealed class SentenceTokens(Stream vocabulary, int contextLength)
{
    private const string Ids = "input_ids", Mask = "attention_mask", Kinds = "token_type_ids";
    private readonly BertTokenizer _tokenizer = BertTokenizer.Create(vocabulary);

    /// <summary>The most tokens of a sentence; longer ones are cut.</summary>
    public int ContextLength => contextLength;

    /// <summary>Runs a model on sentences.</summary>
    /// <param name="model">The model, of one output that is wanted.</param>
    /// <param name="sentences">The sentences.</param>
    /// <returns>The output, rows first, and which tokens are there, <c>[sentences, length]</c>.</returns>
    public (Tensor Output, Tensor Mask) Run(OnnxModel model, IReadOnlyList<string> sentences)
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
        if (model.Inputs.Any(port => port.Name == Kinds))
        {
            inputs.Add(Kinds, zeros_like(tokens));
        }

        return (model.Run(inputs, [model.Output])[model.Output].MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope());
    }

    private int[] Tokens(string sentence)
    {
        IReadOnlyList<int> ids = _tokenizer.EncodeToIds(sentence);
        return ids.Count <= contextLength ? [.. ids] : [.. ids.Take(contextLength - 1), _tokenizer.SeparatorTokenId];
    }
}
