(**
---
title: My group is too large
category: How to
categoryindex: 2
index: 4
description: What to take where averaging over the whole group costs too much.
---

# My group is too large

Averaging takes one evaluation for each element. A report says how many before anything runs; a group too large to list is refused
with a sentence. From the cheapest change to the largest:

| take | evaluations | exact | gives up |
| --- | --- | --- | --- |
| `linear` layers | 1 | yes | nothing, but the network is made of them |
| `quotient` | sum of indices of normal subgroups | yes | the maps that the report counts |
| `quotientWithin n` | at most n | yes | as many as n makes necessary |
| `canonical`, `canonicalBy` | 1 | yes | continuity, where poses tie |
| `framed sorting`, `colours`, `spectrum` | few | yes | continuity, where points tie |
| `symmetrised n` | n | in expectation | a distribution is learned |
| `sampled n` | n | in expectation | nothing is learned |
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant

let shifted = image 1 8 8 |> under (cyclic 8 >< cyclic 8) shifts
let set = tensor [ 8; 2 ] |> under (symmetric 8) (points |> onAxis -2)

let within signal design =
    network {
        input "x" signal
        eq "x" (mlp [ 8 ]) design
    }

let tell name model =
    let report = Report.of' model

    let reached =
        match report.Blocks.Head.Expressivity with
        | Some(captured, total) -> $", {captured} of {total} linear maps"
        | None -> ""

    printfn $"{name}: {report.Evaluations} evaluations{reached}"

(**
## A product of groups

64 shifts of an image: `quotient` shares the work among the factors, `quotientWithin` within a budget.
*)

tell "equitune" (within shifted equitune)
tell "quotient" (within shifted quotient)
tell "at most 10" (within shifted (quotientWithin 10))

(*** include-output ***)

(**
Kernels can be chosen, too: each normal subgroup is a term at the price of its index. A subgroup that is not normal is refused.
*)

let lattice = Diagram.normalSubgroups (cyclic 4 >< cyclic 4)

(*** include-value: lattice ***)

(**
## Sets

8! = 40 320 orders. A frame takes the order that the input itself picks.
*)

for problem in
    Model.problems (within (tensor [ 12; 2 ] |> under (symmetric 12) (points |> onAxis -2)) equitune) do
    printfn $"refused: {problem}"

Laws.check (within set (framed sorting))
tell "sorted" (within set (framed sorting))
tell "drawn" (within set (sampled 16))

(*** include-output ***)

(**
## One pose

A canonical pose costs one evaluation, and a network can learn which: `canonicalBy (mlp [ 8 ])`.
*)

let brightest (x: torch.Tensor) =
    x.narrow(-1, 0L, 1L).narrow(-2, 0L, 1L).sum([| -1L; -2L |]).flatten().neg()

let posed = within shifted (canonical "brightest to the corner" brightest)

Laws.check posed
tell "canonical" posed

(*** include-output ***)
