/// Networks of several inputs: what they cost beside the networks that they are made of, and how long their declaration takes to compile.
module Equivariant.Benchmarks.SeveralInputs

open System.Diagnostics
open TorchSharp
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Layers

type private Net = torch.nn.Module<torch.Tensor, torch.Tensor>

let private views = 4
let private side = 24
let private batch = 16L

let private convolutions () : Net =
    torch.nn.Sequential(
        torch.nn.Conv2d(3L, 16L, 3L, padding = 1L),
        torch.nn.ReLU(),
        torch.nn.Conv2d(16L, 16L, 3L, padding = 1L),
        torch.nn.ReLU(),
        torch.nn.Conv2d(16L, 3L, 3L, padding = 1L)
    )

/// Views of three channels, each turned by quarters.
let private ports = [|
    for i in 1..views ->
        Port(
            $"view {i}",
            AxisAction(GridActions.Rotations(Group.Cyclic 4, side, side), -2, -1),
            [| 3L; int64 side; int64 side |]
        )
|]

/// An equivariant block on each view, and an invariant-symmetric one between any two.
let private layer (networks: Net[,]) =
    new MultiInputLayer(
        ports,
        ports,
        [|
            for i in 0 .. views - 1 do
                for j in 0 .. views - 1 do
                    if i = j then
                        Block.Equivariant(ports[j].Name, ports[i].Name, networks[i, j])
                    else
                        Block.InvariantSymmetric(ports[j].Name, ports[i].Name, networks[i, j])
        |]
    )

/// The layer beside its blocks' networks, each on as many rows as it evaluates.
let private overhead rounds =
    torch.manual_seed 1L |> ignore
    let networks = Array2D.init views views (fun _ _ -> convolutions ())
    let bare = Array2D.init views views (fun _ _ -> convolutions ())
    use layer = layer networks

    let x = [| for _ in 1..views -> torch.randn (batch, 3L, int64 side, int64 side) |]

    let rows = [| for view in x -> view.repeat [| 4L; 1L; 1L; 1L |] |]

    let ours () = List.ofArray (layer.call x)

    let alone () = [
        for i in 0 .. views - 1 do
            for j in 0 .. views - 1 -> bare[i, j].call rows[j]
    ]

    // What was seen is dropped, in both: the networks' values one after the other.
    let forwardOurs () =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        ours () |> ignore

    let forwardAlone () =
        use _ = torch.no_grad ()

        for i in 0 .. views - 1 do
            for j in 0 .. views - 1 do
                use scope = torch.NewDisposeScope()
                bare[i, j].call rows[j] |> ignore

    let step (parameters: seq<TorchSharp.Modules.Parameter>) (outputs: unit -> torch.Tensor list) =
        let optimiser = torch.optim.SGD(parameters, 1e-4)

        fun () ->
            use scope = torch.NewDisposeScope()
            optimiser.zero_grad ()
            let losses = [ for y in outputs () -> y.square().mean() ]
            (List.reduce (fun (a: torch.Tensor) b -> a + b) losses).backward()
            optimiser.step () |> ignore

    let ratio works =
        match Paired.measure rounds works with
        | [ ours; bare ] -> Paired.format (Paired.ratio ours bare)
        | _ -> failwith "two works were timed"

    let bareParameters =
        Seq.cast<Net> bare |> Seq.collect (fun net -> net.parameters ())

    [
        [
            $"{views} views under C4, Eq + IS, CNN of 16 channels"
            string (int64 layer.EvaluationsPerInput * batch)
            ratio [ forwardOurs; forwardAlone ]
            ratio [ step (layer.parameters ()) ours; step bareParameters alone ]
        ]
    ]
    |> Tables.show "A network of several inputs over its blocks' networks on as many rows" [
        "network"
        "rows"
        "forward"
        "training step"
    ]

/// Four images under D4, with networks on each and between any two, and what does not change read out.
let private declared () =
    let names = [ for i in 1..views -> $"view {i}" ]

    let each (add: string -> Model -> Model) (model: Model) =
        List.fold (fun model name -> add name model) model names

    Model.empty
    |> each (fun name -> Model.input name (image 3 64 64 |> under squareSymmetries symmetries))
    |> each (fun name -> Model.eq name (convNet 8))
    |> each (fun from ->
        each (fun into ->
            if from = into then
                id
            else
                Model.is (from --> into) (convNet 8)))
    |> Model.apply norm
    |> Model.apply relu
    |> Model.readout (invariant (classes 10))

/// From a declaration to a model and its laws: the first of this process, which pays for everything that is loaded and translated, and later ones.
let private compiling rounds =
    let seconds () =
        let clock = Stopwatch.StartNew()
        use model = Model.compile Target.cpu (declared ())
        let laws = Laws.ofCompiled model
        clock.Elapsed.TotalSeconds, laws.Length

    let first, laws = seconds ()
    let later = List.init rounds (fun _ -> fst (seconds ())) |> List.sort

    [
        [
            $"{views} images 3 × 64 × 64 under D4, Eq + IS"
            string laws
            $"{first:F2}"
            $"{later[later.Length / 2]:F3}"
        ]
    ]
    |> Tables.show "Compiling a declaration, its laws ready (goal: at most 1 s)" [
        "model"
        "laws"
        "seconds, the first time"
        "seconds, later"
    ]

/// Measures both; gives the tables as Markdown.
let run rounds : string list = [
    // First, since it says what the first time takes.
    yield! compiling (max 3 (rounds / 2))
    yield! overhead rounds
]
