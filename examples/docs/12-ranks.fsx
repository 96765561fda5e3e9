(**
---
title: 12. Ranks
category: Tutorials
categoryindex: 1
index: 12
description: The same program as several processes: orbits shared, batches shared, gradients as those of one.
---

# Ranks

A design over a large group is one batch of |G|·B rows, and rows can be evaluated anywhere. Started by `mpirun -n 2 dotnet fsi 12-ranks.fsx`, this
page is two ranks that share them; started alone, as here, it is one. Nothing in it says which.
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant
open Equivariant.Core.Distributed

let ranks = Ranks.Join()
printfn $"rank {ranks.Rank} of {ranks.Count}"

(*** include-output ***)

(**
## Orbits shared

`Target.across` lets every design of a model share its rows. Each rank gets all outputs and all gradients, those of one process up to the order of
additions, so an ordinary optimiser works.
*)

let model =
    network {
        input "x" (image 1 8 8 |> under (dihedral 4) symmetries)
        eq "x" (convNet 4)
        readout (invariant (classes 2))
    }
    |> Model.compile (Target.cpu |> Target.across ranks)

let optimiser = torch.optim.Adam(model.parameters (), 0.01)
torch.manual_seed 1L |> ignore
let images = torch.randn (16L, 1L, 8L, 8L)
let kinds = images.mean([| 1L; 2L; 3L |]).gt(0.0.ToScalar()).``to`` torch.int64

let losses = [
    for _ in 1..20 do
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        let loss = Train.crossEntropy (model.Predict images) kinds
        loss.backward ()
        optimiser.step () |> ignore
        loss.item<float32>()
]

if ranks.Rank = 0 then
    printfn $"loss {losses.Head:F3}, after 20 steps {List.last losses:F3}"

(*** include-output ***)

(**
## Batches shared

`SharedGradients` makes the gradients of all ranks one mean; each takes its share of a batch. `ranks.Split` makes grids of both.
*)

let struct (first, count) = ranks.Share 16L
printfn $"this rank's rows: {count} from {first} on"

(*** include-output ***)

(**
How to start jobs, what happens when a rank dies, and sweeps: [on a cluster](how-to-cluster.html). What it costs: [measured](costs.html#Ranks).
*)
