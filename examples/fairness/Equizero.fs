namespace Equivariant.Fairness

open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Orbits
open Equivariant.Core.Sequences

/// <summary>What equizero remembers: the model's state, and which transform each text is read in.</summary>
type internal EquizeroState(inner: DecoderState, which: torch.Tensor) =
    inherit DecoderState()
    let mutable which = which.DetachFromDisposeScope()
    member _.Inner = inner
    member _.Which = which

    override _.Select rows =
        inner.Select rows
        let old = which
        which <- old.index_select(0L, rows).DetachFromDisposeScope()
        old.Dispose()

    override _.Dispose(_: bool) =
        inner.Dispose()
        which.Dispose()

/// <summary>
/// Equizero for language models: of all transforms of a text the model goes on with the one that surprises it least, and
/// its scores are moved back. Which one is decided by the source alone, so decoding stays causal and costs one
/// evaluation a token.
/// </summary>
/// <remarks>
/// Equizero is by Basu et al., "Efficient Equivariant Transfer Learning from Pretrained Models" (NeurIPS 2023), where
/// the language model's loss is left open; here it is the mean negative log likelihood of the source.
/// </remarks>
type EquizeroModel(model: SequenceModel, words: PermutationAction) as this =
    inherit SequenceModel("equizero")

    let elements = OrbitLimit.List words.Group
    let onTokens = TokenAction(words).Over elements
    let back = AxisAction(words, -1).Over [| for g in elements -> g.Inverse() |]
    let symmetry = SequenceSymmetry(words, words)

    do this.register_module ("model", model)

    /// The transform of each source that the model finds likeliest, by its number.
    let choose (source: torch.Tensor) =
        use _ = torch.no_grad ()
        let batch, length = source.shape[0], source.shape[1]

        if length < 2L then
            torch.zeros (batch, dtype = torch.int64, device = source.device)
        else
            let rows = onTokens.Expand source

            let known, next =
                rows.narrow (1L, 0L, length - 1L), rows.narrow (1L, 1L, length - 1L)

            let logits = model.call (known.narrow (1L, 0L, 0L), known)

            let surprise =
                logits
                    .``to``(torch.float64)
                    .log_softmax(-1L)
                    .gather(-1L, next.unsqueeze -1L)
                    .squeeze(-1L)
                    .neg()

            let counted =
                match Option.ofNullable model.PaddingToken with
                | Some padding -> surprise.masked_fill (next.eq (padding.ToScalar()), 0.0.ToScalar())
                | None -> surprise

            counted.sum(1L).view(int64 elements.Count, batch).argmin 0L

    override _.Symmetry = symmetry

    override _.PaddingToken
        with get () = model.PaddingToken
        and set value = model.PaddingToken <- value

    override _.forward(source, prefix) =
        use scope = torch.NewDisposeScope()
        let which = choose source

        let logits =
            model.call (onTokens.Select(source, which), onTokens.Select(prefix, which))

        (back.Select(logits, which)).MoveToOuterDisposeScope()

    override _.Start source =
        use scope = torch.NewDisposeScope()
        let which = choose source
        new EquizeroState(model.Start(onTokens.Select(source, which)), which)

    override _.Step(state, tokens) =
        use scope = torch.NewDisposeScope()
        let state = state :?> EquizeroState
        let logits = model.Step(state.Inner, onTokens.Select(tokens, state.Which))
        (back.Select(logits, state.Which)).MoveToOuterDisposeScope()
