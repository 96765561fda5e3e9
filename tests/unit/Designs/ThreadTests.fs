/// One design, made once, used by many threads at a time.
module Equivariant.Tests.Designs.ThreadTests

open System
open System.Threading
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Orbits
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private threads = 16
let private calls = 12
let private group = Group.Dihedral 4
let private four = PermutationAction.Natural group
let private onFour = AxisAction(four, -1)

/// Does some work on all threads at once, each with its number; what one throws fails the test.
let private together (work: int -> unit) =
    let failures = Collections.Concurrent.ConcurrentQueue<exn>()
    use start = new Barrier(threads)

    let running = [
        for number in 0 .. threads - 1 ->
            let thread =
                Thread(fun () ->
                    try
                        start.SignalAndWait()

                        for _ in 1..calls do
                            use scope = torch.NewDisposeScope()
                            work number
                    with e ->
                        failures.Enqueue e)

            thread.Start()
            thread
    ]

    running |> List.iter (fun thread -> thread.Join())
    Assert.Empty failures

let private network () =
    torch.manual_seed 1L |> ignore
    new Perceptron(4L, [ 4L ], torch.float64)

let private inputs () =
    torch.manual_seed 2L |> ignore
    [ for _ in 1..threads -> torch.randn ([| 3L; 4L |], dtype = torch.float64) ]

let private energy (rows: torch.Tensor) =
    (rows * torch.tensor [| 0.3; 1.1; 2.3; 4.1 |]).sin().sum 1L

let private designs (model: Model) evaluation : (string * Model) list =
    let turns = QuotientTerm.Of(group, group.NormalClosure [| group.Turn |])
    let family = [| turns; QuotientTerm.Equitune group |]

    [
        "equitune", new Equitune(model, onFour, onFour, evaluation = evaluation)
        "quotient", new QuotientDesign(model, onFour, onFour, family, evaluation = evaluation)
        "weighted",
        new QuotientDesign(
            model,
            onFour,
            onFour,
            family,
            (Reduction.Learned 4L).``to`` torch.float64,
            evaluation = evaluation
        )
        "least loss",
        new QuotientDesign(model, onFour, onFour, family, Reduction.LeastLoss energy, evaluation = evaluation)
        "frame", new FrameAverage(model, onFour, onFour, Frame.LeastEnergy energy, evaluation)
        "canonical", new Canonicalise(model, onFour, onFour, energy, evaluation)
        "invariant-symmetric", new InvariantSymmetricBlock(model, onFour, onFour, evaluation)
    ]

[<Fact>]
let ``sixteen threads that share a design each get their own values`` () =
    for evaluation in [ Evaluation(); Evaluation(true, 5, false) ] do
        let inputs = inputs ()

        for name, design in designs (network ()) evaluation do
            let expected = inputs |> List.map design.call

            together (fun number ->
                Assert.True(distance expected[number] (design.call inputs[number]) < 1e-12, name))

[<Fact>]
let ``sixteen threads that share a checkpointed design each get their own gradients`` () =
    let inputs = inputs ()

    for name, design in designs (network ()) (Evaluation(false, 5, true)) do
        let slope (x: torch.Tensor) =
            let x = x.clone().detach().requires_grad_ true
            Seq.head (torch.autograd.grad (ResizeArray [ (design.call x).square().sum() ], ResizeArray [ x ]))

        let expected = inputs |> List.map slope
        together (fun number -> Assert.True(distance expected[number] (slope inputs[number]) < 1e-12, name))

/// A generator that notices when two threads ask it at once.
type private WatchedRandom() =
    inherit Random()
    let inner = Random 1
    let mutable inside = 0
    let mutable crowded = false

    let alone (draw: Random -> 'T) =
        if Interlocked.Increment &inside > 1 then
            crowded <- true

        Thread.SpinWait 2000
        let drawn = draw inner
        Interlocked.Decrement &inside |> ignore
        drawn

    member _.Crowded = crowded
    override _.Next() = alone (fun random -> random.Next())
    override _.Next(most: int) = alone (fun random -> random.Next most)

    override _.Next(least: int, most: int) =
        alone (fun random -> random.Next(least, most))

    override _.NextInt64(most: int64) =
        alone (fun random -> random.NextInt64 most)

[<Fact>]
let ``sixteen threads that share a Monte Carlo average, its error and its random numbers`` () =
    let group = Group.Symmetric 6
    let action = AxisAction(PermutationAction.Natural group, -1)
    let random = WatchedRandom()
    // Equivariant itself, so that every sample gives the same: what threads get can be told.
    let doubled = {
        new Model("doubled") with
            member _.forward x = x * 2.0.ToScalar()
    }

    let design = new MonteCarloEquitune(doubled, action, action, 2, random)
    let other = new MonteCarloEquitune(doubled, action, action, 2, random)

    let inputs = [
        for i in 1..threads ->
            torch.full ([| 2L; 6L |], i.ToScalar(), dtype = torch.float64) + torch.arange 6L
    ]

    together (fun number ->
        let design = if number % 2 = 0 then design else other
        assertClose 1e-12 (inputs[number] * 2.0.ToScalar()) (design.call inputs[number])

        for _ in 1..200 do
            Assert.True(design.StandardError < 1e-12))

    Assert.False random.Crowded

[<Fact>]
let ``sixteen threads that share a sequence design decode their own sentences`` () =
    torch.manual_seed 3L |> ignore
    let model = new ToySequenceModel(4, 4, torch.float64)
    let sources = [ for seed in 1..threads -> tokens (Random seed) 0 4 [ 3L; 3L ] ]
    let targets = [ for seed in 1..threads -> tokens (Random(100 + seed)) 0 4 [ 3L; 2L ] ]

    let whole = [|
        QuotientTerm.Split(group, group.WholeSubgroup, group.TrivialSubgroup)
        QuotientTerm.Equitune group
    |]

    let designs: QuotientSequenceModel list = [
        new EquituneSequenceModel(model, four, four)
        new QuotientSequenceModel(model, four, four, whole, SequenceInvariance.Collapse())
        new QuotientSequenceModel(model, four, four, whole, SequenceInvariance.Canonicalise())
    ]

    for design in designs do
        let decode source =
            Decoding.Decode(design, source, 0L, TokenChoice.Greedy, 4, [| 1L |])

        let logits = List.map2 (fun x y -> design.call (x, y)) sources targets
        let decoded = List.map decode sources

        together (fun number ->
            Assert.True(distance logits[number] (design.call (sources[number], targets[number])) < 1e-12)
            Assert.Equal(0.0, distance decoded[number] (decode sources[number])))

module private Declared =
    open Equivariant

    /// Two views with terms of every kind: exact layers, blocks around networks, and what one view tells the other.
    let model () =
        network {
            input "front" (image 2 6 6 |> under (dihedral 4) symmetries)
            input "side" (image 2 6 6 |> under (cyclic 4) rotations)
            eq "front" (convNet 4)
            eq "side" (convNet 4)
            is ("side" --> "front") (convNet 4)
            apply relu
            readout (invariant (classes 3))
        }

    let compile () = Model.compile Target.cpu (model ())

[<Fact>]
let ``sixteen callers of one compiled model each get their own values and gradients`` () =
    let model = Declared.compile ()

    let random seed =
        torch.manual_seed (int64 seed) |> ignore

    let inputs = [
        for seed in 1..threads do
            random seed
            [| for _ in 1..2 -> torch.randn (2L, 2L, 6L, 6L) |]
    ]

    let answer (x: torch.Tensor[]) =
        let front = x[0].clone().requires_grad_ true
        let scores = (model.call [| front; x[1] |])[0]

        let slope =
            torch.autograd.grad (ResizeArray [ scores.square().sum() ], ResizeArray [ front ])

        scores.detach (), Seq.head slope

    let expected = inputs |> List.map answer

    together (fun number ->
        let scores, slope = answer inputs[number]
        Assert.True(distance (fst expected[number]) scores < 1e-5)
        Assert.True(distance (snd expected[number]) slope < 1e-5))
