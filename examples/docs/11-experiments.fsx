(**
---
title: 11. An experiment
category: Tutorials
categoryindex: 1
index: 11
description: An experiment as a value: settings, runs, tables and plots, and the bench that does everything else.
---

# An experiment

To compare models one needs seeds, checkpoints, progress, tables and plots. An experiment on the bench is a value that says only what is its own:
settings, runs, how figures become tables. This page declares one and does its runs here; a command line gets it in one line. (This page uses the
bench, so run it in the repository.)
*)

#load "../equivariant.fsx"

open System
open TorchSharp
open Equivariant
open Equivariant.Bench

(**
## What is measured

A network tells whether the bright spot of an image is in a corner or in the middle. Training shows one corner only.
*)

let draw (random: Random) turned count =
    let pixels = Array.init (count * 64) (fun _ -> random.NextSingle())
    let classes = Array.init count (fun row -> int64 (row % 2))

    for row, kind in Array.indexed classes do
        let corner = if turned then random.Next 4 else 0
        let spot = if kind = 0L then [| 0; 7; 56; 63 |][corner] else 27
        pixels[64 * row + spot] <- 3.0f

    torch.tensor(pixels).reshape(-1L, 1L, 8L, 8L), torch.tensor classes

let model (group: Group<int>) =
    network {
        input "x" (image 1 8 8 |> under group rotations)
        eq "x" (mlp [ 16 ]) equitune
        readout (invariant (classes 2))
    }

(**
## Figures

The same network under two groups. `Train.fit` trains; a figure has a name, labels and a value.
*)

let measure name group =
    let random = Random 1
    let images, kinds = draw random false 128
    let turned, turnedKinds = draw random true 128
    use model = Model.compile Target.cpu (model group)
    use optimiser = torch.optim.Adam(model.parameters (), 0.01)

    for _ in 1..60 do
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        (Train.crossEntropy (model.Predict images) kinds).backward()
        optimiser.step () |> ignore

    let accuracy (images: torch.Tensor) (kinds: torch.Tensor) =
        use _ = torch.no_grad ()
        (Train.accuracy (model.Predict images) kinds).item<float32>() |> float

    [
        Figure.labelled [ ("group", name) ] "upright" (accuracy images kinds)
        Figure.labelled [ ("group", name) ] "turned" (accuracy turned turnedKinds)
    ]

let findings =
    Findings.collect (measure "none" (cyclic 1) @ measure "C4" (cyclic 4))

for finding in findings do
    printfn $"{snd finding.Labels.Head}, {finding.Name}: {Findings.percent finding} %%"

(*** include-output ***)

(**
## Plots

A plot is a value, too. On a page and in a notebook it shows itself.
*)

let bars =
    Plot.percentBars
        "accuracy"
        "Corners told from middles"
        "images told apart"
        "group"
        [ "upright"; "turned" ]
        findings

(*** include-value: bars ***)

(**
## The rest of it

In an experiment the function above gets a context: `context.Train` trains with checkpoints that survive a kill, `context.SeedFor` gives seeds,
`context.Once` computes something once. With settings, tables and plots it is an `Experiment`, and one line of `examples/cli/Program.fs` gives it a
command with `--quick`, `--seeds`, `--resume`, `--out` and a report. The bench has a page of its own,
`examples/bench/README.md`, with this experiment in full; the tests run it.
*)
