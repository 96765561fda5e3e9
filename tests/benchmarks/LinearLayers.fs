/// What linear equivariant and invariant-symmetric layers cost.
module Equivariant.Benchmarks.LinearLayers

open System
open System.Diagnostics
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Representations

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

/// One forward and one backward pass, the slopes of inputs and parameters included, as in training.
let private trainingStep (model: Model) (x: torch.Tensor) (slope: torch.Tensor) () =
    use _ = torch.NewDisposeScope()
    model.zero_grad ()
    use input = x.detach().requires_grad_()
    let y = model.call input
    y.backward [| slope |]

let private cyclic (n: int) =
    Representation.Of(PermutationAction.Natural(Group.Cyclic n))

let private symmetric (n: int) =
    Representation.Of(PermutationAction.Natural(Group.Symmetric n))

let private graphs (n: int) = (symmetric n).Power 2

let private blocks (inner: int) (outer: int) =
    let within = Group.Symmetric inner
    let group = Group.Wreath(within, Group.Symmetric outer)
    Representation.Of(PermutationAction.Imprimitive(group, PermutationAction.Natural within))

let private sideBySide (sizes: int list) =
    let group = Group.Direct [| for n in sizes -> Group.Symmetric n :> Group |]

    Representation.Of(
        PermutationAction.OnTuple(group, [| for n in sizes -> PermutationAction.Natural(Group.Symmetric n) |])
    )

let private pixels side =
    Representation.Of(GridActions.Symmetries(Group.Dihedral 4, side, side))

let private shifts side =
    Representation.Of(GridActions.Shifts(Group.Direct [| Group.Cyclic side; Group.Cyclic side |], side, side))

let private beside rounds (name: string, representation: Representation, channels, batch) =
    let n = int64 representation.Dimension

    use layer =
        new EquivariantLinear(representation, representation, channels, channels)

    use dense = torch.nn.Linear(channels * n, channels * n)
    use x = torch.randn (batch, channels, n)
    use slope = torch.randn (batch, channels, n)

    let times =
        Paired.measure rounds [
            trainingStep layer x slope
            trainingStep dense (x.flatten 1L) (slope.flatten 1L)
        ]

    let denseParameters = dense.parameters () |> Seq.sumBy _.numel()

    [
        name
        string n
        string channels
        string batch
        string layer.FreeParameters
        string denseParameters
        Paired.format (Paired.ratio times[0] times[1])
    ]

/// An equivariant layer beside a dense layer of the same size.
let private equivariant rounds =
    [
        for name, representation, channels in
            [
                "C64", cyclic 64, 16L
                "C256", cyclic 256, 8L
                "C1024", cyclic 1024, 4L
                "8 × 8 shifts", shifts 8, 16L
                "S64", symmetric 64, 16L
                "S1024", symmetric 1024, 4L
                "S8 ≀ S8", blocks 8 8, 16L
                "S20 × S30 × S14", sideBySide [ 20; 30; 14 ], 16L
                "S8 on 8 × 8", graphs 8, 16L
                "S16 on 16 × 16", graphs 16, 8L
                "S32 on 32 × 32", graphs 32, 4L
                "D4 on 8 × 8 pixels", pixels 8, 16L
                "D4 on 16 × 16 pixels", pixels 16, 8L
            ] do
            for batch in [ 64L; 256L ] do
                name, representation, channels, batch

        "S4096", symmetric 4096, 1L, 64L
    ]
    |> List.map (beside rounds)
    |> Tables.show "EquivariantLinear over Linear of the same size, forward and backward" [
        "action"
        "n"
        "channels"
        "batch"
        "parameters"
        "dense parameters"
        "measured"
    ]

/// An invariant-symmetric layer, at sizes at which its matrix would not fit into memory.
let private invariantSymmetric rounds =
    let layers = [
        for n in [ 12_500; 25_000; 50_000; 100_000 ] do
            let layer = new InvariantSymmetricLinear(symmetric n, symmetric n, 8L, 8L)
            n, trainingStep layer (torch.randn (4L, 8L, int64 n)) (torch.randn (4L, 8L, int64 n))
    ]

    let times = Paired.measure rounds (List.map snd layers)

    List.zip layers times
    |> List.mapi (fun i ((n, _), mine) ->
        let median = List.item (mine.Length / 2) (List.sort mine)

        let ratio =
            if i = 0 then
                ""
            else
                Paired.format (Paired.ratio mine times[i - 1])

        [ string n; $"{1000.0 * median:F2}"; ratio ])
    |> Tables.show "InvariantSymmetricLinear, S_n to S_n, forward and backward (8 channels, batch 4)" [
        "n"
        "milliseconds"
        "over the row above"
    ]

/// Building layers: orbits on pairs of many points and initial weights, or equations.
let private building () =
    let arrows side =
        let group = Group.Cyclic 4

        Representation.Of(GridActions.Rotations(group, side, side))
        * Representation.Vectors group

    [
        for name, make in
            [
                "C4096", fun () -> cyclic 4096
                "S4096", (fun () -> symmetric 4096)
                "D4 on 64 × 64 pixels", (fun () -> pixels 64)
                "C4 on vectors at 16 × 16 pixels", (fun () -> arrows 16)
            ] do
            let clock = Stopwatch.StartNew()
            let representation = make ()
            use layer = new EquivariantLinear(representation, representation)
            [ name; string layer.FreeParameters; $"{clock.Elapsed.TotalSeconds:F2}" ]
    ]
    |> Tables.show "Building an EquivariantLinear" [ "action"; "parameters"; "seconds" ]

/// Measures all of it; gives the tables as Markdown.
let run rounds : string list = [
    yield! equivariant rounds
    yield! invariantSymmetric (max 5 (rounds / 2))
    yield! building ()
]
