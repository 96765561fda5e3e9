/// Checkpointed evaluation against plain evaluation: values, gradients of every order and kind, and what it leaves as it was.
module Equivariant.Tests.Designs.CheckpointTests

open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Orbits
open Equivariant.Tests.Tensors
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private c4 = Group.Cyclic 4
let private onFour = AxisAction(PermutationAction.Natural c4, -1)
let private plain = Evaluation(ChunkRows = 5)
let private checkpointed = Evaluation(ChunkRows = 5, Checkpoint = true)

let private network seed =
    torch.manual_seed (int64 seed) |> ignore
    new Perceptron(4L, [ 4L ], torch.float64)

let private batch seed =
    torch.manual_seed (int64 seed) |> ignore
    torch.randn ([| 3L; 4L |], dtype = torch.float64)

let private trained () = (batch 7).requires_grad_ true

/// Every design from one tensor to one tensor, by name.
let private designs (model: Model) (evaluation: Evaluation) : (string * Model) list =
    let energy (rows: torch.Tensor) =
        (rows * torch.tensor [| 0.3; 1.1; 2.3; 4.1 |]).sin().sum 1L

    [
        "equitune", new Equitune(model, onFour, onFour, evaluation = evaluation)
        "quotient",
        new QuotientDesign(
            model,
            onFour,
            onFour,
            [|
                QuotientTerm.Of(c4, c4.Subgroup [| c4.Element 2 |])
                QuotientTerm.Equitune c4
            |],
            evaluation = evaluation
        )
        let halves = [| QuotientTerm.Of(c4, c4.Subgroup [| c4.Element 2 |]) |]
        "one term", new QuotientDesign(model, onFour, onFour, halves, evaluation = evaluation)

        "one term of least energy",
        new QuotientDesign(
            model,
            onFour,
            onFour,
            halves,
            invariance = Invariance.LeastEnergy energy,
            evaluation = evaluation
        )

        "canonical", new Canonicalise(model, onFour, onFour, energy, evaluation)
        "Monte Carlo", new MonteCarloEquitune(model, onFour, onFour, 6, System.Random 1, evaluation)
        "invariant-symmetric", new InvariantSymmetricBlock(model, onFour, onFour, evaluation)
    ]

let private gradients (outputs: torch.Tensor) (inputs: torch.Tensor list) create =
    torch.autograd.grad (
        ResizeArray [ outputs ],
        ResizeArray inputs,
        retain_graph = true,
        create_graph = create
    )
    |> List.ofSeq

/// The same for both evaluations, for every design.
let private agree (measure: string -> Perceptron -> Model -> torch.Tensor list) =
    let model = network 1

    for (name, left), (_, right) in List.zip (designs model plain) (designs model checkpointed) do
        let expected = measure name model left
        let actual = measure name model right
        Assert.Equal(expected.Length, actual.Length)
        List.iter2 (assertClose 1e-12) expected actual

let private parameters (model: Model) = [ for p in model.parameters () -> p :> torch.Tensor ]

[<Fact>]
let ``backward gives the values and the gradients of inputs and parameters of plain evaluation`` () =
    agree (fun _ model design ->
        let x = trained ()
        model.zero_grad ()
        let y = design.call x
        y.square().sum().backward()

        [
            y.detach ()
            x.grad
            yield! [ for p in model.parameters () -> p.grad.clone () ]
        ])

[<Fact>]
let ``backward adds to gradients that are there, of chosen leaves only where they are chosen`` () =
    agree (fun _ model design ->
        let x = trained ()
        let first = Seq.head (model.parameters ())
        model.zero_grad ()
        (design.call x).sum().backward()
        (design.call x).square().sum().backward(inputs = ResizeArray [ first :> torch.Tensor ])
        [ x.grad; yield! [ for p in model.parameters () -> p.grad.clone () ] ])

[<Fact>]
let ``autograd.grad gives the gradients and adds to none`` () =
    agree (fun name model design ->
        let x = trained ()

        for p in model.parameters () do
            p.grad <- null

        let found = gradients ((design.call x).square().sum()) (x :: parameters model) false
        Assert.All(model.parameters (), fun p -> Assert.True(isNull p.grad, name))
        Assert.True(isNull x.grad, name)
        found)

[<Fact>]
let ``autograd.grad of some tensors leaves out the others`` () =
    agree (fun name model design ->
        let x = trained ()

        for p in model.parameters () do
            p.grad <- null

        let last = Seq.last (model.parameters ()) :> torch.Tensor
        let found = gradients ((design.call x).square().sum()) [ last ] false
        Assert.All(model.parameters (), fun p -> Assert.True(isNull p.grad, name))
        found)

[<Fact>]
let ``second derivatives are those of plain evaluation`` () =
    agree (fun _ model design ->
        let x = trained ()
        let slope = gradients ((design.call x).square().sum()) [ x ] true |> List.head
        model.zero_grad ()
        x.grad <- null
        slope.square().sum().backward()

        [
            x.grad
            yield! [
                for p in model.parameters () -> if isNull p.grad then torch.ones 1L else p.grad.clone ()
            ]
        ])

[<Fact>]
let ``third derivatives and mixed ones are those of plain evaluation`` () =
    agree (fun _ model design ->
        let x = trained ()
        let weight = Seq.head (model.parameters ()) :> torch.Tensor
        let first = gradients ((design.call x).square().sum()) [ x; weight ] true

        let second =
            gradients (first[0].square().sum() + first[1].sin().sum()) [ x; weight ] true

        first
        @ second
        @ gradients (second[0].square().sum() + second[1].square().sum()) [ x; weight ] false)

[<Fact>]
let ``backward with a graph of its own can be gone back through`` () =
    agree (fun _ model design ->
        let x = trained ()
        let weight = Seq.head (model.parameters ()) :> torch.Tensor

        for p in model.parameters () do
            p.grad <- null

        (design.call x).square().sum().backward(create_graph = true, retain_graph = true)
        let found = [ x.grad.clone (); weight.grad.clone () ]

        found
        @ gradients (found[0].square().sum() + found[1].square().sum()) [ x; weight ] false)

[<Fact>]
let ``an input that comes from the model's own parameters gets no gradient twice`` () =
    agree (fun _ model design ->
        let x = trained ()
        let twice = design.call (design.call x)
        let first = gradients (twice.square().sum()) (x :: parameters model) true

        let slope =
            gradients ((design.call (design.call x)).square().sum()) [ x ] true |> List.head

        let second =
            gradients (slope.square().sum()) (x :: List.truncate 3 (parameters model)) false

        first @ second)

[<Fact>]
let ``parameters that the model does not register are reached by backward`` () =
    // TorchSharp finds modules in fields, but not in lists.
    let hidden = [ network 2 ]
    let inner = hidden.Head

    let hiding = {
        new Model("hiding") with
            member _.forward x = hidden.Head.call x
    }

    let run evaluation create =
        for p in inner.parameters () do
            p.grad <- null

        let x = trained ()
        let y = (new Equitune(hiding, onFour, onFour, evaluation = evaluation)).call x
        y.square().sum().backward(create_graph = create, retain_graph = create)
        [ yield x.grad.clone (); for p in inner.parameters () -> p.grad.clone () ]

    for create in [ false; true ] do
        List.iter2 (assertClose 1e-12) (run plain create) (run checkpointed create)

    Assert.Empty(hiding.parameters ())

[<Fact>]
let ``frozen models, inputs without gradients and heads behind them`` () =
    let model = network 3

    for p in model.parameters () do
        p.requires_grad <- false

    torch.manual_seed 5L |> ignore
    let head = torch.nn.Linear(4L, 1L, dtype = torch.float64)

    let run evaluation =
        head.zero_grad ()
        let design = new Equitune(model, onFour, onFour, evaluation = evaluation)
        (head.call (design.call (batch 7))).square().sum().backward()
        [ for p in head.parameters () -> p.grad.clone () ]

    List.iter2 (assertClose 1e-12) (run plain) (run checkpointed)
    Assert.All(model.parameters (), fun p -> Assert.True(isNull p.grad))

[<Fact>]
let ``nested designs, checkpointed inside and outside`` () =
    let model = network 4

    let run evaluation =
        let inner = new Equitune(model, onFour, onFour, evaluation = evaluation)
        let outer = new Equitune(inner, onFour, onFour, evaluation = evaluation)
        let x = trained ()
        model.zero_grad ()
        (outer.call x).square().sum().backward()
        let added = [ yield x.grad.clone (); for p in model.parameters () -> p.grad.clone () ]
        let slope = gradients ((outer.call x).square().sum()) [ x ] true |> List.head

        added
        @ gradients (slope.square().sum()) (x :: List.truncate 3 (parameters model)) false

    List.iter2 (assertClose 1e-12) (run plain) (run checkpointed)

[<Fact>]
let ``models that write to their input`` () =
    let model = network 5

    let inPlace = {
        new Model("in place") with
            member this.forward x = model.call (x.mul_ (0.5.ToScalar()))
    }

    inPlace.register_module ("inner", model)

    let run evaluation =
        let x = trained ()
        model.zero_grad ()
        let design = new Equitune(inPlace, onFour, onFour, evaluation = evaluation)
        (design.call x).square().sum().backward()
        [ yield x.grad.clone (); for p in model.parameters () -> p.grad.clone () ]

    List.iter2 (assertClose 1e-12) (run (Evaluation())) (run checkpointed)

[<Fact>]
let ``sequence models`` () =
    torch.manual_seed 6L |> ignore
    let model = new ToySequenceModel(4, 4, torch.float64)
    let vocabulary = PermutationAction.Natural c4
    let x = tokens (System.Random 1) 0 4 [ 3L; 2L ]
    let y = tokens (System.Random 2) 0 4 [ 3L; 3L ]

    let run evaluation =
        let design = new EquituneSequenceModel(model, vocabulary, vocabulary, evaluation)
        model.zero_grad ()
        (design.call (x, y)).square().sum().backward()
        let added = [ for p in model.parameters () -> p.grad.clone () ]

        let found =
            gradients ((design.call (x, y)).square().sum()) [ for p in model.parameters () -> p ] false

        List.iter2 (assertClose 1e-12) added found
        List.iter2 (assertClose 0.0) added [ for p in model.parameters () -> p.grad ]
        added

    List.iter2 (assertClose 1e-12) (run plain) (run checkpointed)

[<Fact>]
let ``the backward pass repeats the masks and leaves the random state as it was`` () =
    torch.manual_seed 1L |> ignore

    let model =
        torch.nn.Sequential(torch.nn.Linear(4L, 4L, dtype = torch.float64), torch.nn.Dropout 0.5)

    let run evaluation useGrad =
        let design = new Equitune(model, onFour, onFour, evaluation = evaluation)
        design.train ()
        let x = trained ()
        model.zero_grad ()
        torch.manual_seed 11L |> ignore
        let loss = (design.call x).square().sum()
        let before = randomState ()

        let found =
            if useGrad then
                gradients loss [ yield x; for p in model.parameters () -> p ] false
            else
                loss.backward ()
                [ yield x.grad.clone (); for p in model.parameters () -> p.grad.clone () ]

        Assert.Equal<byte[]>(before, randomState ())
        found @ [ torch.rand 5L ]

    for useGrad in [ false; true ] do
        List.iter2 (assertClose 1e-12) (run plain useGrad) (run checkpointed useGrad)

[<Fact>]
let ``running means see every batch once`` () =
    torch.manual_seed 1L |> ignore
    let norm = torch.nn.BatchNorm1d(4L, dtype = torch.float64)


    let whole =
        torch.nn.Sequential(norm, torch.nn.Linear(4L, 4L, dtype = torch.float64))

    let run (model: Model) evaluation =
        norm.reset_running_stats ()
        let design = new Equitune(model, onFour, onFour, evaluation = evaluation)
        design.train ()
        let x = trained ()
        model.zero_grad ()
        (design.call x).square().sum().backward()
        let slope = gradients ((design.call x).square().sum()) [ x ] true |> List.head
        let second = gradients (slope.square().sum()) [ x ] false

        [
            x.grad.clone ()
            norm.running_mean.clone ()
            norm.running_var.clone ()
            yield! second
        ]

    for model in [ whole :> Model; norm ] do
        List.iter2 (assertClose 1e-12) (run model plain) (run model checkpointed)

[<Fact>]
let ``training with checkpoints leaves no tensor behind`` () =
    let model = network 8
    use design = new Equitune(model, onFour, onFour, evaluation = checkpointed)
    use optimiser = torch.optim.SGD(design.parameters (), 1e-3)
    use x = batch 8

    leavesNoTensors 100 (fun () ->
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        (design.call x).square().mean().backward()
        optimiser.step () |> ignore)
