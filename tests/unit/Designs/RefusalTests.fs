/// What designs refuse, in a sentence rather than an error of libtorch's, and rather than a wrong answer.
module Equivariant.Tests.Designs.RefusalTests

open System
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Orbits
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private c4 = Group.Cyclic 4
let private four = PermutationAction.Natural c4
let private onFour = AxisAction(four, -1)

let private batch () =
    torch.manual_seed 2L |> ignore
    torch.randn ([| 3L; 4L |], dtype = torch.float64)

let private model (f: torch.Tensor -> torch.Tensor) = {
    new Model("given") with
        member _.forward rows = f rows
}

let private evaluations = [
    "plain", Evaluation()
    "chunks", Evaluation(ChunkRows = 8)
    "distinct", Evaluation(Distinct = true)
    "checkpoint", Evaluation(Checkpoint = true)
    "all", Evaluation(true, 5, true)
]

/// Every design from one tensor to one tensor, by name.
let private designs
    (input: TensorAction)
    (output: TensorAction)
    (network: Model)
    evaluation
    : (string * Model) list =
    let energy (rows: torch.Tensor) =
        rows.flatten(1L).``to``(torch.float64).select(1L, 0L).sin()

    let half = QuotientTerm.Of(c4, c4.Subgroup [| c4.Element 2 |])
    let whole = QuotientTerm.Equitune c4

    let of' terms reduction =
        new QuotientDesign(network, input, output, terms, ?reduction = reduction, evaluation = evaluation)
        :> Model

    [
        "equitune", new Equitune(network, input, output, evaluation = evaluation) :> Model
        "weighted", of' [| whole |] (Some(Reduction.Fixed(fun rows -> (energy rows).exp())))
        "least loss", of' [| whole |] (Some(Reduction.LeastLoss energy))
        "frame", new FrameAverage(network, input, output, Frame.LeastEnergy energy, evaluation)
        "canonical", new Canonicalise(network, input, output, energy, evaluation)
        "Monte Carlo", new MonteCarloEquitune(network, input, output, 3, Random 1, evaluation)
        "invariant-symmetric", new InvariantSymmetricBlock(network, input, output, evaluation)
        if input.IsLinear then
            "kernel", of' [| half |] None
            "family", of' [| half; whole |] None
            "family, weighted", of' [| half; whole |] (Some(Reduction.Fixed(fun rows -> (energy rows).exp())))

            "pose",
            new QuotientDesign(
                network,
                input,
                output,
                [| half; whole |],
                invariance = Invariance.LeastEnergy energy,
                evaluation = evaluation
            )

            "model for each term",
            new QuotientDesign(
                [| network :> torch.nn.IModule<_, _>; network |],
                input,
                output,
                [| half; whole |],
                evaluation = evaluation
            )
    ]

let private refusedByAll parts input output f x =
    for _, evaluation in evaluations do
        for name, design in designs input output (model f) evaluation do
            try
                refused parts (fun () -> design.call x)
            with e ->
                failwith $"{name}, {evaluation}: {e.Message}"

let private twice (rows: torch.Tensor) = torch.cat ([| rows; rows |], 0L)

let private half (rows: torch.Tensor) =
    rows.narrow (0L, 0L, rows.shape[0] / 2L)

[<Fact>]
let ``a model that does not give one value a row is refused by every design, with the shapes`` () =
    let wrong = [
        "twice", twice
        "half", half
        "one more", (fun rows -> torch.cat ([| rows; rows.narrow (0L, 0L, 1L) |], 0L))
        "none", (fun rows -> rows.narrow (0L, 0L, 0L))
        "a number", (fun rows -> rows.sum ())
        "without the rows", (fun rows -> rows.sum 0L)
    ]

    for _, f in wrong do
        refusedByAll [ "The model 'given'"; "one value for each row"; "4]" ] onFour onFour f (batch ())

[<Fact>]
let ``a model whose values have no mean is refused by every design`` () =
    refusedByAll
        [ "The model 'given'"; "Int64" ]
        onFour
        onFour
        (fun rows -> rows.``to`` torch.int64)
        (batch ())

    refusedByAll [ "Bool" ] onFour onFour (fun rows -> rows.gt (0.0.ToScalar())) (batch ())

[<Fact>]
let ``what the model's layers do not take is said with both types`` () =
    let linear = torch.nn.Linear(4L, 4L)

    let wide = {
        new Model("wide") with
            member _.forward rows = linear.call rows
    }

    wide.register_module ("linear", linear)

    for _, evaluation in evaluations do
        for _, design in designs onFour onFour wide evaluation do
            refused [ "The model 'wide'"; "Float64"; "Float32"; "convert" ] (fun () -> design.call (batch ()))

    let narrow = torch.nn.Linear(5L, 4L, dtype = torch.float64)

    for _, design in designs onFour onFour narrow (Evaluation()) do
        refused [ "rows of shape ["; "4]"; "libtorch says" ] (fun () -> design.call (batch ()))

[<Fact>]
let ``sparse tensors, tensors without a batch and wrong shapes are refused by every design`` () =
    let sparse =
        torch.sparse_coo_tensor (
            torch.tensor([| 0L; 1L; 2L; 3L |]).view(2L, 2L),
            torch.ones (2L, dtype = torch.float64),
            [| 4L; 4L |]
        )

    refusedByAll [ "sparse"; "to_dense" ] onFour onFour id sparse
    refusedByAll [ "batch" ] onFour onFour id (torch.tensor 1.0)
    refusedByAll [ "3]" ] onFour onFour id (batch().narrow(1L, 0L, 3L))

[<Fact>]
let ``batches that no memory holds are refused by every design`` () =
    let endless = torch.zeros(1L, 1L, 4L).expand(1L <<< 30, 1L <<< 27, 4L)
    refusedByAll [ "[1073741824, 134217728, 4]" ] onFour onFour id endless

[<Fact>]
let ``tokens outside the vocabulary are refused by every design, and so is what is no token`` () =
    let onTokens = TokenAction four

    let embed (rows: torch.Tensor) =
        torch.nn.functional.one_hot(rows, 4L).sum(1L).``to`` torch.float64

    let refusedTokens parts x =
        refusedByAll parts onTokens onFour embed x

    refusedTokens [ "token -1"; "0 … 3" ] (torch.tensor([| 1L; -1L |]).view(2L, 1L))
    refusedTokens [ "token 4"; "0 … 3" ] (torch.tensor([| 1L; 4L |]).view(1L, 2L))
    refusedTokens [ "whole numbers"; "Float32" ] (torch.ones (2L, 2L))

    let collapsed =
        new QuotientDesign(
            model embed,
            onTokens,
            onFour,
            [| QuotientTerm.Of(c4, c4.WholeSubgroup) |],
            invariance = Invariance.Tokens()
        )

    refused [ "token -1" ] (fun () -> collapsed.call (torch.tensor([| 1L; -1L |]).view(2L, 1L)))
    refusedTokens [ "Int64"; "Int32" ] (torch.ones (2L, 2L, dtype = torch.int32))

/// A sequence model that gives something made of its logits.
let private scoring (f: torch.Tensor -> torch.Tensor) =
    let toy = new ToySequenceModel(4, 4, torch.float64)

    {
        new SequenceModel("scoring") with
            member _.forward(x, y) = f (toy.call (x, y))
            member _.Start x = toy.Start x
            member _.Step(state, tokens) = f (toy.Step(state, tokens))
    }

let private sequenceDesigns (model: SequenceModel) : QuotientSequenceModel list = [
    new EquituneSequenceModel(model, four, four)
    for invariance in [ SequenceInvariance.Collapse(); SequenceInvariance.Canonicalise() ] do
        new QuotientSequenceModel(
            model,
            four,
            four,
            [|
                QuotientTerm.Split(c4, c4.WholeSubgroup, c4.TrivialSubgroup)
                QuotientTerm.Equitune c4
            |],
            invariance
        )
]

[<Fact>]
let ``a sequence model that does not score every sentence at every position is refused`` () =
    let x, y = tokens (Random 1) 0 4 [ 2L; 3L ], tokens (Random 2) 0 4 [ 2L; 2L ]

    for f in
        [
            twice
            half
            (fun logits -> logits.transpose (0L, 1L))
            (fun logits -> logits.sum 1L)
        ] do
        for design in sequenceDesigns (scoring f) do
            refused [ "The model" ] (fun () -> design.call (x, y))

    for f in [ twice; half; (fun logits -> logits.unsqueeze 1L) ] do
        for design in sequenceDesigns (scoring f) do
            refused [ "The model" ] (fun () ->
                use state = design.Start x
                design.Step(state, y.select (1L, 0L)))

[<Fact>]
let ``sentences that are none are refused, at every entrance`` () =
    for design in sequenceDesigns (scoring id) do
        let x, y = tokens (Random 1) 0 4 [ 2L; 3L ], tokens (Random 2) 0 4 [ 2L; 2L ]
        let bad = torch.tensor([| 1L; -1L |]).view(2L, 1L)
        let far = torch.tensor([| 1L; 4L |]).view(2L, 1L)
        refused [ "source token -1" ] (fun () -> design.call (bad, y))
        refused [ "target token 4"; "0 … 3" ] (fun () -> design.call (x, far))
        refused [ "[2]" ] (fun () -> design.call (x, y.select (1L, 0L)))
        refused [ "[1, 2]" ] (fun () -> design.call (x, y.narrow (0L, 0L, 1L)))
        refused [ "whole numbers" ] (fun () -> design.call (x.``to`` torch.float32, y))
        refused [ "source token 4" ] (fun () -> design.Start far)
        use state = design.Start x
        refused [ "target token -1" ] (fun () -> design.Step(state, bad.select (1L, 0L)))
        refused [ "2 sentences" ] (fun () -> design.Step(state, torch.tensor [| 1L |]))
        refused [ "2 sentences" ] (fun () -> design.Step(state, y))
        // A refused step is none.
        assertClose 1e-12 (design.call(x, y).select(1L, 0L)) (design.Step(state, y.select (1L, 0L)))
        use other = (new EquituneSequenceModel(scoring id, four, four)).Start x
        refused [ "state" ] (fun () -> design.Step(other, y.select (1L, 0L)))
        refused [ "-1 tokens" ] (fun () -> Decoding.Decode(design, x, 0L, TokenChoice.Greedy, -1, [| 1L |]))

        refused [ "target token 9" ] (fun () ->
            Decoding.Decode(design, x, 9L, TokenChoice.Greedy, 3, [| 1L |]))

[<Fact>]
let ``tokens preferred twice, and tokens that are none, are refused by name`` () =
    let term = [| QuotientTerm.Split(c4, c4.WholeSubgroup, c4.TrivialSubgroup) |]
    let toy = scoring id

    for invariance in
        [
            SequenceInvariance.Collapse [ 2; 1; 2 ]
            SequenceInvariance.Collapse([], [ 2; 1; 2 ])
            SequenceInvariance.Canonicalise [ 2; 1; 2 ]
        ] do
        refused [ "Token 2"; "2 times" ] (fun () ->
            new QuotientSequenceModel(toy, four, four, term, invariance))

    refused [ "Token 3"; "2 times" ] (fun () ->
        new QuotientDesign(model id, TokenAction four, onFour, term, invariance = Invariance.Tokens(3, 3)))

    refused [ "Token -1" ] (fun () ->
        new QuotientDesign(model id, TokenAction four, onFour, term, invariance = Invariance.Tokens -1))

[<Fact>]
let ``tables are bounded by their memory, whatever makes them`` () =
    let large = Group.Cyclic 10000
    let regular = PermutationAction.Regular large
    let onPoints = AxisAction(regular, -1)
    let trivial = TrivialAction large
    let parts = [ "10000 elements"; "10000 numbers"; "763 MiB"; "256 MiB" ]
    Assert.Equal(256L <<< 20, OrbitLimit.MostTableBytes)
    refused parts (fun () -> new Equitune(model id, onPoints, onPoints))
    refused parts (fun () -> new Equitune(model id, onPoints, trivial))

    refused parts (fun () ->
        new Equitune(model id, onPoints, onPoints, Reduction.LeastLoss(fun x -> x.sum 1L)))

    refused parts (fun () ->
        new Canonicalise(model id, onPoints, onPoints, (fun (x: torch.Tensor) -> x.sum 1L)))

    refused parts (fun () -> new InvariantSymmetricBlock(model id, onPoints, trivial))
    refused parts (fun () -> new EquituneSequenceModel(scoring id, regular, regular))
    let term = QuotientTerm.Of(large, large.WholeSubgroup)

    refused parts (fun () ->
        new QuotientSequenceModel(
            scoring id,
            regular,
            regular,
            [| QuotientTerm.Split(large, large.WholeSubgroup, large.TrivialSubgroup) |],
            SequenceInvariance.Canonicalise()
        ))

    refused [ "100000 elements"; "76294 MiB" ] (fun () ->
        let larger = AxisAction(PermutationAction.Regular(Group.Cyclic 100000), -1)
        new Equitune(model id, larger, larger))

    let samples = new MonteCarloEquitune(model id, onPoints, onPoints, 10000, Random 1)
    refused parts (fun () -> samples.call (torch.zeros (1L, 10000L)))
    // Kernels of small index need small tables, however large the group.
    let cheap = new QuotientDesign(model id, onPoints, onPoints, [| term |])

    assertClose
        1e-2
        (torch.full ([| 1L; 10000L |], 4999.5.ToScalar()))
        (cheap.call (torch.arange(10000L).``to``(torch.float32).unsqueeze 0L))

[<Fact>]
let ``a kernel too large to choose a member of its orbits is refused`` () =
    let group = Group.Symmetric 12
    let action = PermutationAction.Natural group
    let whole = [| QuotientTerm.Split(group, group.WholeSubgroup, group.TrivialSubgroup) |]
    let parts = [ "479001600 elements"; "representative" ]

    refused parts (fun () ->
        new QuotientSequenceModel(scoring id, action, action, whole, SequenceInvariance.Canonicalise()))

    let onTwelve = AxisAction(action, -1)

    refused parts (fun () ->
        new QuotientDesign(
            model id,
            onTwelve,
            onTwelve,
            whole,
            invariance = Invariance.LeastEnergy(fun (rows: torch.Tensor) -> rows.sum 1L)
        ))

[<Fact>]
let ``an estimate of memory leaves every layer in its mode`` () =
    let frozen = torch.nn.BatchNorm1d(4L, dtype = torch.float64)

    let inner =
        torch.nn.Sequential(torch.nn.Linear(4L, 4L, dtype = torch.float64), frozen)

    let outer = torch.nn.Sequential(inner, torch.nn.Dropout 0.5)
    let design = new Equitune(outer, onFour, onFour)
    design.train ()
    frozen.eval ()
    let x = batch ()
    let state = randomState ()
    let modes () = [ for m in design.modules () -> m.training ]
    let before = modes ()
    Assert.True(MemoryEstimate.Of(design, x) > 0L)
    Assert.Equal<bool list>(before, modes ())
    Assert.False frozen.training
    Assert.Equal<byte[]>(state, randomState ())
