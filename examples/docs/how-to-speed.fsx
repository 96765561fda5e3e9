(**
---
title: It is too slow
category: How to
categoryindex: 2
index: 5
description: Where the time goes, and what takes less of it.
---

# It is too slow

A design costs its evaluations of the network and little else: around a network of some size, equitune over D4 takes about the time
of the bare network on eight times as many rows ([measured](costs.html)). So first look at the evaluations.
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Orbits

(**
## Fewer evaluations

[My group is too large](how-to-large-group.html) lists the designs by price. The report says which block costs what.
*)

let model design =
    network {
        input "x" (image 1 12 12 |> under (dihedral 4) symmetries)
        eq "x" (convNet 8) design
    }

for design in
    [
        equitune
        quotient
        canonical "ink in the corner" (fun x ->
            x.narrow(-1, 0L, 3L).narrow(-2, 0L, 3L).sum([| -1L; -2L |]).flatten())
    ] do
    printfn $"{design}: {(Report.of' (model design)).Evaluations} evaluations"

(*** include-output ***)

(**
## Equal rows once

Sentences without the words that a group exchanges are fixed by it; so are symmetric images. `Distinct` evaluates equal rows
once. It pays where there are many; the outputs are the same.
*)

let seen = ResizeArray<int64>()

let counting = {
    new torch.nn.Module<torch.Tensor, torch.Tensor>("counting") with
        member _.forward x =
            seen.Add x.shape[0]
            x * 2.0.ToScalar()
}

let flip = AxisAction(PermutationAction.Natural(Group.Symmetric 3), -1)
let x = torch.tensor (array2D [ [ 1.0f; 1.0f; 1.0f ]; [ 1.0f; 1.0f; 2.0f ] ])

for evaluation in [ Evaluation.Plain; Evaluation(Distinct = true) ] do
    use design = new Equitune(counting, flip, flip, evaluation = evaluation)
    design.call (x) |> ignore

printfn $"""rows evaluated: {seen |> Seq.map string |> String.concat ", then "}"""

(*** include-output ***)

(**
## Memory

`Evaluation(ChunkRows = 256)` evaluates so many rows at a time; in training `Checkpoint = true` computes them once more in the
backward pass instead of keeping them. Both change what memory is needed, not the result. `Equitune` and `QuotientDesign` then take as
many inputs together as have so many rows, from making them to what becomes of them; of a mean over one longer orbit (over 4096
elements, say) some elements are added up before the rows of the next are made.

A small network on images may be faster for it, since rows are still in the processor's caches when they are read: equituning three
convolutions of 16 channels under D4 on 32 images of 24 × 24 takes a fifth less with `ChunkRows = 64`. A perceptron is not.

On Linux, glibc gives large blocks back to the system as soon as they are free, and the next call finds them page by page. Three
convolutions of 16 channels on 256 images of 64 × 64 take four times as long for it, forward, and `views --quick` a fifth longer.
Two variables, set before the program starts, make it keep them, and with them the most memory that it ever had:

```text
MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=2147483647 dotnet run -c Release
```

## Threads, GPUs, machines

torch takes all cores: `torch.set_num_threads 2` leaves some to others. Where several threads of your own compute at once, write
numbers that outlive the call, `let half = (0.5).ToScalar()` and later `x * half`, not `x * 0.5`: TorchSharp does not hold on to
such a number while libtorch reads it, and a garbage collection that another thread sets off may free it. Collections in the
background do the same to a single thread, so Equivariant turns those off when it loads libtorch; a program that computes before it
uses Equivariant calls `LibTorch.Load()` first. A [GPU](how-to-gpu.html) is a property of the build,
several machines are [ranks](how-to-cluster.html), and orbits are shared among them.
*)
