/// Networks without any symmetry of their own, for designs to wrap.
module Equivariant.Tests.ToyModels

open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Layers
open Equivariant.Core.Orbits

/// Counts the calls of a model and the rows that it was given.
type Meter() =
    member val Calls = 0 with get, set
    member val Rows = 0L with get, set

    member this.Count(rows: int64) =
        this.Calls <- this.Calls + 1
        this.Rows <- this.Rows + rows

/// A perceptron on the flattened input; the output has the given shape.
type Perceptron(inputs: int64, outputs: int64 list, dtype: torch.ScalarType) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("perceptron")

    let first = torch.nn.Linear(inputs, 16L, dtype = dtype)
    let second = torch.nn.Linear(16L, List.fold (*) 1L outputs, dtype = dtype)
    let meter = Meter()
    do this.RegisterComponents()

    member _.Meter = meter

    override _.forward input =
        use scope = torch.NewDisposeScope()
        meter.Count input.shape[0]
        let hidden = torch.tanh (first.call (input.flatten 1L))
        (second.call hidden).reshape([| input.shape[0]; yield! outputs |]).MoveToOuterDisposeScope()

type private ToyState(source: torch.Tensor, sum: torch.Tensor) =
    inherit DecoderState()
    member val Source = source.DetachFromDisposeScope() with get, set
    member val Sum = sum.DetachFromDisposeScope() with get, set

    override this.Select rows =
        this.Source <- this.Source.index_select(0L, rows).DetachFromDisposeScope()
        this.Sum <- this.Sum.index_select(0L, rows).DetachFromDisposeScope()

    override this.Dispose(_: bool) =
        this.Source.Dispose()
        this.Sum.Dispose()

/// A sequence model that remembers the decaying sum of what it has read: enough to depend on every token and its place.
type ToySequenceModel(sourceCount: int, targetCount: int, dtype: torch.ScalarType) as this =
    inherit SequenceModel("toy")

    let width = 12L
    let read = torch.nn.Embedding(int64 sourceCount, width, dtype = dtype)
    let write = torch.nn.Embedding(int64 targetCount, width, dtype = dtype)
    let score = torch.nn.Linear(2L * width, int64 targetCount, dtype = dtype)
    let meter = Meter()
    do this.RegisterComponents()

    let advance (sum: torch.Tensor) tokens =
        torch.tanh (sum * 0.7.ToScalar() + write.call tokens)

    let encode (source: torch.Tensor) =
        meter.Count source.shape[0]

        let places =
            torch.arange(1L, source.shape[1] + 1L, dtype = dtype).reciprocal().view(1L, -1L, 1L)

        (read.call source * places).sum 1L

    member _.Meter = meter

    override _.forward(source, prefix) =
        use scope = torch.NewDisposeScope()
        let context = encode source

        let logits =
            [ 0L .. prefix.shape[1] - 1L ]
            |> List.mapFold
                (fun sum place ->
                    let sum = advance sum (prefix.select (1L, place))
                    score.call (torch.cat ([| context; sum |], 1L)), sum)
                (torch.zeros_like context)
            |> fst

        torch.stack(logits, 1L).MoveToOuterDisposeScope()

    override _.Start source =
        use scope = torch.NewDisposeScope()
        let context = encode source
        new ToyState(context, torch.zeros_like context)

    override _.Step(state, tokens) =
        use scope = torch.NewDisposeScope()
        let state = state :?> ToyState
        let sum = advance state.Sum tokens

        let logits =
            (score.call (torch.cat ([| state.Source; sum |], 1L))).MoveToOuterDisposeScope()

        state.Sum.Dispose()
        state.Sum <- sum.DetachFromDisposeScope()
        logits

/// A layer of one invariant-symmetric block, as a module from one tensor to one tensor.
type InvariantSymmetricBlock
    (
        model: torch.nn.IModule<torch.Tensor, torch.Tensor>,
        input: TensorAction,
        output: TensorAction,
        ?evaluation: Evaluation
    ) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("invariant-symmetric block")

    let block =
        Block.InvariantSymmetric("x", "y", model, null, defaultArg evaluation Evaluation.Plain)

    let layer =
        new MultiInputLayer([| Port("x", input) |], [| Port("y", output) |], [| block |])

    do this.register_module ("layer", layer)
    override _.forward x = (layer.call [| x |])[0]
