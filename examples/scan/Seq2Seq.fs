namespace Equivariant.Scan

open System
open TorchSharp
open TorchSharp.Modules
open Equivariant.Core.Designs
open Equivariant.Core.Sequences

/// <summary>The kind of recurrent network.</summary>
type Cell =
    | Gru
    | Lstm
    | Rnn

/// <summary>What a sequence-to-sequence model is made of.</summary>
type Architecture = {
    Cell: Cell
    /// <summary>The width of the embeddings and of each recurrent network.</summary>
    Hidden: int64
    /// <summary>The probability of dropping an embedding's component in training.</summary>
    Dropout: float
}

/// <summary>One of TorchSharp's recurrent networks; its state is a list of one tensor, or of two for an LSTM.</summary>
[<RequireQualifiedAccess>]
type internal Recurrent =
    | Gru of GRU
    | Lstm of LSTM
    | Rnn of RNN

    member this.Module: torch.nn.Module =
        match this with
        | Gru layer -> layer
        | Lstm layer -> layer
        | Rnn layer -> layer

module internal Recurrent =

    let create cell inputSize hidden bidirectional =
        match cell with
        | Cell.Gru ->
            Recurrent.Gru(torch.nn.GRU(inputSize, hidden, batchFirst = true, bidirectional = bidirectional))
        | Cell.Lstm ->
            Recurrent.Lstm(torch.nn.LSTM(inputSize, hidden, batchFirst = true, bidirectional = bidirectional))
        | Cell.Rnn ->
            Recurrent.Rnn(torch.nn.RNN(inputSize, hidden, batchFirst = true, bidirectional = bidirectional))

    let stateSize cell =
        match cell with
        | Cell.Lstm -> 2
        | Cell.Gru
        | Cell.Rnn -> 1

    /// Runs over whole sequences [B, T, E] from a given state.
    let run recurrent (input: torch.Tensor) (state: torch.Tensor list) =
        match recurrent, state with
        | Recurrent.Gru layer, [ h ] ->
            let struct (output, h) = layer.call (input, h)
            output, [ h ]
        | Recurrent.Rnn layer, [ h ] ->
            let struct (output, h) = layer.call (input, h)
            output, [ h ]
        | Recurrent.Lstm layer, [ h; c ] ->
            let struct (output, h, c) = layer.call (input, struct (h, c))
            output, [ h; c ]
        | _ -> invalidArg (nameof state) "An LSTM has two state tensors, the other cells have one."

    /// Runs over packed sequences from the zero state.
    let runPacked recurrent (input: torch.nn.utils.rnn.PackedSequence) =
        match recurrent with
        | Recurrent.Gru layer ->
            let struct (output, h) = layer.call input
            output, [ h ]
        | Recurrent.Rnn layer ->
            let struct (output, h) = layer.call input
            output, [ h ]
        | Recurrent.Lstm layer ->
            let struct (output, h, c) = layer.call input
            output, [ h; c ]

/// <summary>The source sentences as the decoder sees them.</summary>
[<Struct>]
type internal Memory = {
    /// [B, S, H]: what the attention compares with.
    Keys: torch.Tensor
    /// [B, S, 2H]: what it collects.
    Values: torch.Tensor
    /// [B, 1, S]: true at padding.
    Padding: torch.Tensor
}

/// <summary>A decoder's state; its tensors belong to it alone, whatever dispose scope they were made in.</summary>
type internal Seq2SeqState(memory: Memory, hidden: torch.Tensor list) =
    inherit DecoderState()

    let tensors memory hidden =
        memory.Keys :: memory.Values :: memory.Padding :: hidden

    let own (tensors: torch.Tensor list) =
        for tensor in tensors do
            tensor.DetachFromDisposeScope() |> ignore

    let dispose (tensors: torch.Tensor list) =
        for tensor in tensors do
            tensor.Dispose()

    let mutable memory = memory
    let mutable hidden = hidden

    do own (tensors memory hidden)

    member _.Memory = memory
    member _.Hidden = hidden

    /// Puts another state of the decoder's network in place of the old one.
    member _.Advance next =
        own next
        dispose hidden
        hidden <- next

    override _.Select rows =
        let keep dimension (tensor: torch.Tensor) = tensor.index_select (dimension, rows)
        let old = tensors memory hidden

        memory <- {
            Keys = keep 0 memory.Keys
            Values = keep 0 memory.Values
            Padding = keep 0 memory.Padding
        }

        hidden <- List.map (keep 1) hidden
        own (tensors memory hidden)
        dispose old

    override _.Dispose(_disposing: bool) = dispose (tensors memory hidden)

/// <summary>
/// A bidirectional encoder and a decoder that attends to it (Luong's way: the attention follows the decoder's
/// recurrent network, so that teacher forcing is one call of it over the whole prefix).
/// </summary>
type Seq2Seq(architecture: Architecture, inputCount: int, outputCount: int) as this =
    inherit SequenceModel("seq2seq")

    let hidden = architecture.Hidden
    let pad = Vocabulary.Pad

    let readEmbedding = torch.nn.Embedding(int64 inputCount, hidden, padding_idx = pad)

    let writeEmbedding =
        torch.nn.Embedding(int64 outputCount, hidden, padding_idx = pad)

    let encoder = Recurrent.create architecture.Cell hidden hidden true
    let decoder = Recurrent.create architecture.Cell hidden hidden false

    let bridges = [
        for index in 1 .. Recurrent.stateSize architecture.Cell ->
            $"bridge{index}", torch.nn.Linear(2L * hidden, hidden)
    ]

    let keys = torch.nn.Linear(2L * hidden, hidden, hasBias = false)
    let combine = torch.nn.Linear(3L * hidden, hidden)
    let readout = torch.nn.Linear(hidden, int64 outputCount)
    let dropout = torch.nn.Dropout architecture.Dropout

    do
        this.RegisterComponents()
        // Reflection doesn't see these.
        this.register_module ("encoder", encoder.Module)
        this.register_module ("decoder", decoder.Module)

        for name, bridge in bridges do
            this.register_module (name, bridge)

    /// <summary>What the model is made of.</summary>
    member _.Architecture = architecture

    /// Reads the source: what to attend to, and the decoder's first state. The caller owns the tensors.
    member private _.Encode(source: torch.Tensor) =
        use scope = torch.NewDisposeScope()
        let embedded = dropout.call (readEmbedding.call source)
        let lengths = source.ne(pad.ToScalar()).sum(1L).cpu()

        let packed =
            torch.nn.utils.rnn.pack_padded_sequence (
                embedded,
                lengths,
                batch_first = true,
                enforce_sorted = false
            )

        let output, final = Recurrent.runPacked encoder packed

        let struct (values, _) =
            torch.nn.utils.rnn.pad_packed_sequence (
                output,
                batch_first = true,
                total_length = Nullable source.shape[1]
            )

        // [2, B, H] to [1, B, 2H] to [1, B, H]: both directions' last states together start the decoder.
        let start =
            (bridges, final)
            ||> List.map2 (fun (_, bridge) state ->
                let both = state.transpose(0L, 1L).reshape(1L, -1L, 2L * hidden)
                torch.tanh (bridge.call both))

        let memory = {
            Keys = (keys.call values).MoveToOuterDisposeScope()
            Values = values.MoveToOuterDisposeScope()
            Padding = source.eq(pad.ToScalar()).unsqueeze(1L).MoveToOuterDisposeScope()
        }

        memory, [ for state in start -> state.MoveToOuterDisposeScope() ]

    /// Scores [B, T, H] decoder outputs: attention over the source, then the readout.
    member private _.Score(memory: Memory, output: torch.Tensor) =
        let scores = torch.bmm (output, memory.Keys.transpose (1L, 2L))

        let weights =
            scores.masked_fill(memory.Padding, Single.NegativeInfinity.ToScalar()).softmax 2L

        let context = torch.bmm (weights, memory.Values)
        let combined = torch.tanh (combine.call (torch.cat ([| output; context |], 2L)))
        readout.call (dropout.call combined)

    override this.forward(source, prefix) =
        use scope = torch.NewDisposeScope()
        let memory, state = this.Encode source
        let embedded = dropout.call (writeEmbedding.call prefix)
        let output, _ = Recurrent.run decoder embedded state
        this.Score(memory, output).MoveToOuterDisposeScope()

    override this.Start source =
        let memory, hidden = this.Encode source
        new Seq2SeqState(memory, hidden)

    override this.Step(state, tokens) =
        use scope = torch.NewDisposeScope()
        let state = state :?> Seq2SeqState
        let embedded = dropout.call (writeEmbedding.call (tokens.unsqueeze 1L))
        let output, next = Recurrent.run decoder embedded state.Hidden
        state.Advance next
        this.Score(state.Memory, output).squeeze(1L).MoveToOuterDisposeScope()
