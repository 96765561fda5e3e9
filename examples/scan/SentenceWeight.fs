namespace Equivariant.Scan

open TorchSharp

/// <summary>
/// How much a sentence counts among those of its orbit, as a logarithm: a small network on the mean of its words. It
/// gives all sentences the same until it has learnt something.
/// </summary>
type SentenceWeight(width: int64) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("sentence weight")

    let embedding =
        torch.nn.Embedding(int64 Vocabularies.input.Count, width, padding_idx = Vocabulary.Pad)

    let hidden = torch.nn.Linear(width, width)
    let last = torch.nn.Linear(width, 1L)

    do
        this.RegisterComponents()
        torch.nn.init.zeros_ last.weight |> ignore
        torch.nn.init.zeros_ last.bias |> ignore

    /// <summary>From tokens <c>[R, S]</c> to <c>[R]</c>; padding does not count.</summary>
    override _.forward tokens =
        use scope = torch.NewDisposeScope()
        let isWord = tokens.ne(Vocabulary.Pad.ToScalar()).unsqueeze -1L

        let mean =
            (embedding.call tokens * isWord).sum(1L)
            / isWord.sum(1L).clamp_min((1).ToScalar())

        (last.call (torch.tanh (hidden.call mean))).squeeze(-1L).MoveToOuterDisposeScope()
