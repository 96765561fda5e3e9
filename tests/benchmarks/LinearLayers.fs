/// What linear equivariant and invariant-symmetric layers cost.
module Equivariant.Benchmarks.LinearLayers

open System
open System.Diagnostics
open Spectre.Console
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

/// An equivariant layer beside a dense layer of the same size.
let equivariant rounds =
    let table =
        Table()
            .Title(
                "EquivariantLinear over Linear of the same size, forward and backward (goal: at most 1.15)"
            )
            .AddColumns("action", "n", "channels", "batch", "parameters", "dense parameters", "measured")

    let cases = [
        for name, representation, channels in
            [
                "C64", cyclic 64, 16L
                "C256", cyclic 256, 8L
                "C1024", cyclic 1024, 4L
                "S64", symmetric 64, 16L
                "S1024", symmetric 1024, 4L
                "S8 on 8 × 8", graphs 8, 16L
                "S16 on 16 × 16", graphs 16, 8L
                "S32 on 32 × 32", graphs 32, 4L
            ] do
            for batch in [ 64L; 256L ] do
                name, representation, channels, batch
    ]

    for name, representation, channels, batch in cases do
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

        table.AddRow(
            name,
            string n,
            string channels,
            string batch,
            string layer.FreeParameters,
            string denseParameters,
            Paired.format (Paired.ratio times[0] times[1])
        )
        |> ignore

    AnsiConsole.Write table

/// An invariant-symmetric layer, at sizes at which its matrix would not fit into memory.
let invariantSymmetric rounds =
    let table =
        Table()
            .Title("InvariantSymmetricLinear, S_n to S_n, forward and backward (8 channels, batch 4)")
            .AddColumns("n", "milliseconds", "over the row above")

    let layers = [
        for n in [ 12_500; 25_000; 50_000; 100_000 ] do
            let layer = new InvariantSymmetricLinear(symmetric n, symmetric n, 8L, 8L)
            n, trainingStep layer (torch.randn (4L, 8L, int64 n)) (torch.randn (4L, 8L, int64 n))
    ]

    let times = Paired.measure rounds (List.map snd layers)

    List.zip layers times
    |> List.iteri (fun i ((n, _), mine) ->
        let median = List.item (mine.Length / 2) (List.sort mine)

        let ratio =
            if i = 0 then
                ""
            else
                Paired.format (Paired.ratio mine times[i - 1])

        table.AddRow(string n, $"{1000.0 * median:F2}", ratio) |> ignore)

    AnsiConsole.Write table

/// Building layers on 4096 points: orbits on 16.8 million pairs and initial weights.
let building () =
    let table =
        Table()
            .Title("Building an EquivariantLinear on 4096 points (goal: at most 2 s)")
            .AddColumns("action", "parameters", "seconds")

    for name, action in
        [
            "C4096", PermutationAction.Natural(Group.Cyclic 4096)
            "S4096", PermutationAction.Natural(Group.Symmetric 4096)
            "D4 on 64 × 64 pixels", GridActions.Symmetries(Group.Dihedral 4, 64, 64)
        ] do
        let clock = Stopwatch.StartNew()
        let representation = Representation.Of action
        use layer = new EquivariantLinear(representation, representation)

        table.AddRow(name, string layer.FreeParameters, $"{clock.Elapsed.TotalSeconds:F2}")
        |> ignore

    AnsiConsole.Write table
