/// Rows of orbits shared by ranks: values and gradients of every kind are those of one process.
module Equivariant.RankChecks.OrbitParallel

open System
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Distributed
open Equivariant.Core.Groups
open Equivariant.Core.Orbits
open Equivariant.Core.Sequences
open Equivariant.RankChecks.Check
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private c4 = Group.Cyclic 4
let private vocabulary = PermutationAction.Natural c4
let private onFour = AxisAction(vocabulary, -1)
let private half = QuotientTerm.Of(c4, c4.Subgroup [| c4.Element 2 |])

let private network seed =
    torch.manual_seed (int64 seed) |> ignore
    new Perceptron(4L, [ 4L ], torch.float64)

let private batch rows seed =
    torch.manual_seed (int64 seed) |> ignore
    torch.randn ([| rows; 4L |], dtype = torch.float64)

/// Every way to evaluate, by name, on some ranks or on none.
let private evaluations (ranks: Ranks) = [
    "plain", Evaluation(Ranks = ranks)
    "distinct", Evaluation(Distinct = true, Ranks = ranks)
    "chunks", Evaluation(ChunkRows = 2, Ranks = ranks)
    "checkpoints", Evaluation(Checkpoint = true, Ranks = ranks)
    "all options", Evaluation(Distinct = true, ChunkRows = 3, Checkpoint = true, Ranks = ranks)
]

let private scorer seed : Model =
    torch.manual_seed (int64 seed) |> ignore

    torch.nn.Sequential(
        torch.nn.Linear(4L, 3L, dtype = torch.float64),
        torch.nn.Tanh(),
        torch.nn.Linear(3L, 1L, dtype = torch.float64)
    )

/// Every design from one tensor to one tensor, by name, made anew with the same weights.
let private designs: (string * (Evaluation -> Model)) list = [
    "equitune", fun e -> new Equitune(network 1, onFour, onFour, evaluation = e)
    "quotient",
    fun e ->
        new QuotientDesign(network 1, onFour, onFour, [| half; QuotientTerm.Equitune c4 |], evaluation = e)
    "a model for each term",
    fun e ->
        new QuotientDesign(
            [| network 1 :> torch.nn.IModule<_, _>; network 2 |],
            onFour,
            onFour,
            [| half; QuotientTerm.Equitune c4 |],
            evaluation = e
        )
    "weighted", fun e -> new Equitune(network 1, onFour, onFour, Reduction.Weighted(scorer 3), e)
    "equizero",
    fun e -> new Equitune(network 1, onFour, onFour, Reduction.LeastLoss(fun y -> y.square().sum 1L), e)
    "canonical",
    fun e ->
        new Canonicalise(
            network 1,
            onFour,
            onFour,
            (fun (rows: torch.Tensor) -> (rows * torch.tensor [| 0.3; 1.1; 2.3; 4.1 |]).sin().sum 1L),
            e
        )
    "learned frame", fun e -> new Canonicalise(network 1, onFour, onFour, scorer 4, e)
    "Monte Carlo", fun e -> new MonteCarloEquitune(network 1, onFour, onFour, 5, Random 1, e)
    "invariant-symmetric block", fun e -> new InvariantSymmetricBlock(network 1, onFour, onFour, e)
    "nested",
    fun e ->
        new Equitune(new Equitune(network 1, onFour, onFour, evaluation = e), onFour, onFour, evaluation = e)
]

let private parameters (model: Model) = [ for p in model.parameters () -> p :> torch.Tensor ]

let private kept (tensors: torch.Tensor list) = [ for x in tensors -> if isNull x then null else x.clone () ]

let private gradients (output: torch.Tensor) (inputs: torch.Tensor list) create =
    torch.autograd.grad (
        ResizeArray [ output ],
        ResizeArray inputs,
        retain_graph = true,
        create_graph = create
    )
    |> List.ofSeq

/// Every design, evaluated in some ways, by one process against the ranks.
let private eachBy ways (measure: Model -> torch.Tensor list) (ranks: Ranks) =
    for name, make in designs do
        for (way, alone), (_, shared) in ways (List.zip (evaluations null) (evaluations ranks)) do
            use scope = torch.NewDisposeScope()
            let expected = measure (make alone)
            let actual = measure (make shared)
            allClose 1e-12 $"{name}, {way}" expected actual

            for x in actual do
                if not (isNull x) then
                    common ranks $"{name}, {way}" x

let private each measure ranks = eachBy id measure ranks

/// Plainly, and with all options.
let private eachAtTheEnds measure ranks =
    eachBy (fun ways -> [ List.head ways; List.last ways ]) measure ranks

let private values (model: Model) =
    use _ = torch.no_grad ()
    [ for rows in [ 3L; 1L ] -> model.call (batch rows 7) ]

let private backward (model: Model) =
    let x = (batch 3L 7).requires_grad_ true
    (model.call x).square().sum().backward()
    // A second one adds to the first.
    (model.call (batch 1L 8)).exp().sum().backward()
    x.grad :: [ for p in parameters model -> p.grad ]

/// Inputs that have no gradient: equal rows are evaluated once then.
let private backwardToParameters (model: Model) =
    let x =
        torch.cat ([| batch 2L 7; torch.ones ([| 1L; 4L |], dtype = torch.float64) |], 0L)

    (model.call x).square().sum().backward()
    [ for p in parameters model -> p.grad ]

let private chosen (model: Model) =
    let x = (batch 3L 7).requires_grad_ true
    let found = gradients ((model.call x).square().sum()) (x :: parameters model) false
    require (parameters model |> List.forall (fun p -> isNull p.grad)) "autograd.grad adds to no gradient"
    found

let private behindAnEncoder (model: Model) =
    torch.manual_seed 5L |> ignore
    let encoder = torch.nn.Linear(4L, 4L, dtype = torch.float64)
    let head = torch.nn.Linear(4L, 1L, dtype = torch.float64)
    (head.call (model.call (encoder.call (batch 3L 7)))).square().sum().backward()

    [
        for p in Seq.concat [ encoder.parameters (); head.parameters (); model.parameters () ] -> p.grad
    ]

/// Second and third derivatives, of designs without jumps in between.
let private higher (ranks: Ranks) =
    for name in [ "equitune"; "quotient"; "weighted"; "nested" ] do
        let make = designs |> List.find (fst >> (=) name) |> snd

        for (way, alone), (_, shared) in List.zip (evaluations null) (evaluations ranks) do
            use scope = torch.NewDisposeScope()

            let measure (model: Model) =
                let x = (batch 3L 7).requires_grad_ true
                let first = gradients ((model.call x).square().sum()) [ x ] true
                let second = gradients (first[0].square().sum()) [ x ] true
                second[0].square().sum().backward()
                let added = x.grad :: [ for p in parameters model -> p.grad ]
                kept (first @ second @ List.filter (isNull >> not) added)

            allClose 1e-11 $"{name}, {way}" (measure (make alone)) (measure (make shared))

let private trajectories (ranks: Ranks) =
    let train evaluation =
        let model = designs |> List.find (fst >> (=) "quotient") |> snd <| evaluation
        let optimiser = torch.optim.Adam(model.parameters (), 1e-2)

        for step in 1..20 do
            use scope = torch.NewDisposeScope()
            optimiser.zero_grad ()
            (model.call (batch 5L step)).square().mean().backward()
            optimiser.step () |> ignore

        parameters model

    allClose 1e-12 "the parameters after 20 steps" (train (Evaluation())) (train (Evaluation(Ranks = ranks)))

let private sequences (ranks: Ranks) =
    let random = Random 3

    let tokens (shape: int64 list) =
        torch
            .tensor([| for _ in 1L .. List.fold (*) 1L shape -> int64 (random.Next(0, 4)) |])
            .reshape(Array.ofList shape)

    let source, target = tokens [ 5L; 3L ], tokens [ 5L; 4L ]

    let make reduction evaluation =
        torch.manual_seed 6L |> ignore
        let model = new ToySequenceModel(4, 4, torch.float64)
        let terms = [| QuotientTerm.Equitune c4; QuotientTerm.Equitune c4 |]

        new QuotientSequenceModel(
            model,
            vocabulary,
            vocabulary,
            terms,
            SequenceInvariance.Collapse(),
            evaluation,
            reduction ()
        )

    let weight (rows: torch.Tensor) =
        (rows * torch.tensor [| 0.3; 1.1; 2.3 |]).sum(1L).sin() + 1.5.ToScalar()

    for kind, reduction in
        [
            "mean", Reduction.Mean
            "weighted", (fun () -> Reduction.Fixed weight)
            "equizero", (fun () -> Reduction.LeastLoss(fun y -> ProxyLoss.Entropy y))
        ] do
        for (way, alone), (_, shared) in List.zip (evaluations null) (evaluations ranks) do
            let measure evaluation =
                let model = make reduction evaluation
                let logits = model.call (source, target)
                logits.square().sum().backward()
                logits :: [ for p in model.parameters () -> p.grad ]

            allClose 1e-12 $"forward and backward, {kind}, {way}" (measure alone) (measure shared)

        let decode evaluation rows =
            use _ = torch.no_grad ()
            let model = make reduction evaluation
            let first = source.narrow (0L, 0L, rows)
            use state = model.Start first
            let before = model.Step(state, target.select(1L, 0L).narrow(0L, 0L, rows))
            // The last sentences stay: whole ranks are left without rows.
            let keep = torch.arange (rows - 1L, -1L, -2L)
            state.Select keep
            let after = model.Step(state, target.select(1L, 1L).index_select(0L, keep))
            // One of them, twice.
            state.Select(torch.zeros (2L, dtype = torch.int64))
            let last = model.Step(state, target.select(1L, 2L).narrow(0L, 0L, 1L).expand 2L)

            let greedy = Decoding.Decode(model, first, 0L, TokenChoice.Greedy, 7, [| 3L |])

            use generator = new torch.Generator(5uL)

            let drawn =
                Decoding.Decode(model, first, 0L, TokenChoice.Sample generator, 7, [| 3L |], 3)

            [ before; after; last ]
            @ [
                for tokens in [ greedy; drawn ] -> (tokens + 1.0.ToScalar()).``to`` torch.float64
            ]

        for rows in [ 1L; 4L; 5L ] do
            allClose
                1e-12
                $"decoding {rows} sentences, {kind}"
                (decode (Evaluation()) rows)
                (decode (Evaluation(Ranks = ranks)) rows)

    refused [ "no_grad" ] (fun () -> (make Reduction.Mean (Evaluation(Ranks = ranks))).Start source |> ignore)

let private dropout (ranks: Ranks) =
    let run evaluation =
        torch.manual_seed 1L |> ignore

        let model =
            torch.nn.Sequential(torch.nn.Linear(4L, 4L, dtype = torch.float64), torch.nn.Dropout 0.5)

        let design = new Equitune(model, onFour, onFour, evaluation = evaluation)
        design.train ()
        let x = torch.ones([| 6L; 4L |], dtype = torch.float64).requires_grad_ true
        let y = design.call x
        y.square().sum().backward()
        let first = [ y; x.grad; yield! [ for p in parameters model -> p.grad ] ]
        first @ [ design.call x; torch.rand (5L, dtype = torch.float64) ]

    let plain = run (Evaluation(Ranks = ranks))

    allClose
        1e-12
        "the backward pass repeats the masks"
        plain
        (run (Evaluation(Checkpoint = true, Ranks = ranks)))

    for x in plain do
        common ranks "values, gradients and random numbers" x

    require
        ((plain[0] - plain[plain.Length - 2]).abs().max().item<double>() > 1e-3)
        "two calls have different masks"

    let draws =
        let design =
            new Equitune(
                {
                    new Model("noise") with
                        member _.forward x = torch.rand_like x
                },
                onFour,
                AxisAction(PermutationAction(c4, 4, [| [| 0; 1; 2; 3 |] |]), -1),
                Reduction.Fixed(fun rows -> rows.select (1L, 0L)),
                Evaluation(Ranks = ranks)
            )

        use _ = torch.no_grad ()
        // Only the weight of one transform is not zero, so that the values of single rows of one draw show.
        [
            for place in 0L .. 3L do
                torch.manual_seed 3L |> ignore
                design.call (torch.nn.functional.one_hot(torch.tensor [| place |], 4L).``to`` torch.float64)
        ]

    for i in 0..3 do
        for j in 0 .. i - 1 do
            require
                ((draws[i] - draws[j]).abs().max().item<double>() > 1e-6)
                "rows of different ranks have different masks"

let private runningMeans (ranks: Ranks) =
    let norm = torch.nn.BatchNorm1d(4L, dtype = torch.float64)

    let design =
        new Equitune(
            torch.nn.Sequential(norm, torch.nn.Linear(4L, 4L, dtype = torch.float64)),
            onFour,
            onFour,
            evaluation = Evaluation(Ranks = ranks)
        )

    torch.manual_seed 1L |> ignore

    for p in design.parameters () do
        torch.nn.init.normal_ p |> ignore

    design.train ()
    (design.call (batch 4L 7)).square().sum().backward()
    common ranks "the running mean" norm.running_mean
    common ranks "the running variance" norm.running_var
    let alone = torch.nn.BatchNorm1d(4L, dtype = torch.float64)
    let rows = torch.cat ([| for g in c4.Elements -> onFour.Apply(g, batch 4L 7) |], 0L)
    alone.call rows |> ignore
    close 1e-12 "the mean over ranks" alone.running_mean norm.running_mean
    design.eval ()
    common ranks "the values afterwards" (design.call (batch 4L 9))

let private flatMemory (ranks: Ranks) =
    for _, evaluation in evaluations ranks do
        let design = new Equitune(network 8, onFour, onFour, evaluation = evaluation)
        let optimiser = torch.optim.SGD(design.parameters (), 1e-3)
        let x = batch 3L 8

        let step () =
            use scope = torch.NewDisposeScope()
            optimiser.zero_grad ()
            (design.call x).square().mean().backward()
            optimiser.step () |> ignore

        for _ in 1..5 do
            step ()

        let alive () =
            for _ in 1..2 do
                GC.Collect()
                GC.WaitForPendingFinalizers()

            torch.Tensor.TotalCount

        let before = alive ()

        for _ in 1..30 do
            step ()

        require
            (torch.Tensor.TotalCount <= before)
            $"30 steps leave {torch.Tensor.TotalCount - before} tensors behind"

let private differences (ranks: Ranks) =
    let evaluation = Evaluation(Ranks = ranks)
    let other = min 1 ranks.Rank

    refused [ "given to rank"; "same command" ] (fun () ->
        (new Equitune(network other, onFour, onFour, evaluation = evaluation)).call(batch 3L 7)
        |> ignore)

    refused [ "given to rank" ] (fun () ->
        (new Equitune(network 1, onFour, onFour, evaluation = evaluation)).call(batch 3L (7 + other))
        |> ignore)

    let design = new Equitune(network 1, onFour, onFour, evaluation = evaluation)
    design.call (batch 3L 7) |> ignore
    refused [ "given to rank" ] (fun () -> design.call (batch (3L + int64 other) 7) |> ignore)

    refused [ "given to rank" ] (fun () ->
        (new MonteCarloEquitune(network 1, onFour, onFour, 5, Random other, evaluation)).call(batch 3L 7)
        |> ignore)

let private unregistered (ranks: Ranks) =
    let hidden = [ network 2 ]

    let hiding = {
        new Model("hiding") with
            member _.forward x = hidden.Head.call x
    }

    for checkpoint in [ false; true ] do
        let evaluation = Evaluation(Checkpoint = checkpoint, Ranks = ranks)

        refused [ "'hiding'"; "register" ] (fun () ->
            (new Equitune(hiding, onFour, onFour, evaluation = evaluation)).call(batch 3L 7)
            |> ignore)

let checks: Check list = [
    "values of every design", each values
    "backward through every design", each (backward >> kept)
    "backward to the parameters of every design", eachAtTheEnds (backwardToParameters >> kept)
    "autograd.grad of every design", eachAtTheEnds chosen
    "encoders before and heads behind every design", eachAtTheEnds (behindAnEncoder >> kept)
    "derivatives of higher order", higher
    "an optimiser's steps", trajectories
    "sequence designs and decoding", sequences
    "dropout", dropout
    "running means", runningMeans
    "training leaves no tensor behind", flatMemory
    "other rows, weights and draws are refused", differences
    "parameters that are not registered are refused", unregistered
]
