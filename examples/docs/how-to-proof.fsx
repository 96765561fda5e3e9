(**
---
title: Prove to my reviewer that it is equivariant
category: How to
categoryindex: 2
index: 6
description: Laws in a script, at the command line and in a test project, with a seed that anyone can repeat.
---

# Prove to my reviewer that it is equivariant

The designs are equivariant by theorems ([the mathematics](mathematics.html)); that *your* model is an instance of them is what laws
try: groups, actions, and the model itself, trained or not.
*)

#load "../equivariant.fsx"
open Equivariant

let model =
    network {
        input "scan" (image 1 12 12 |> under (dihedral 4) symmetries)
        eq "scan" (convNet 4)
        readout (invariant (classes 3))
    }

(**
## In a script

Each law with what became of it, for one seed. `Laws.checkCompiled` does the same for a trained model, weights as they are.
*)

for law, verdict in Laws.judge 2024UL (Laws.ofModel model) do
    printfn $"{law}: {verdict}"

(*** include-output ***)

(**
What a broken model says is an element, an input and a number, the smallest that were found:
*)

let ramp =
    pointwise "ramp" (fun x -> x * TorchSharp.torch.arange (float32 (int x.shape[x.dim () - 1L |> int])))

let broken =
    network {
        input "scan" (image 1 12 12 |> under (dihedral 4) symmetries)
        eq "scan" (convNet 4)
        apply ramp
    }

Laws.judge 2024UL (Laws.ofModel broken)
|> Seq.map snd
|> Seq.filter _.IsBroken
|> Seq.iter (printfn "%O")

(*** include-output ***)

(**
## At the command line

`dotnet run --project examples/cli -c Release -- check model.fsx --seed 2024` prints the same for every model that a script declares,
and ends with 1 where a law is broken; `--json` is for programs, `--trials` for patience.

## In a test project

`dotnet new equivariant-model -o MyModel` makes a project with a declared model, its training, and its laws as tests. In a project of
your own, a law is a row of an xUnit theory:

```fsharp
let laws: obj[] seq = Laws.rows (Laws.ofModel MyModel.model)

[<Theory; MemberData(nameof laws)>]
let ``the model keeps its laws`` (law: Law) = Law.require law
```

## What a law does not say

Laws try; they do not prove. A trial draws a uniform element and a random input, so what fails for one element in a thousand may pass a
hundred trials: give `--trials 10000`. Tolerances follow the type of numbers and the depth; in double precision
(`{ Target.cpu with DType = torch.float64 }`) they are tight enough that a mistake has nowhere to hide.
*)
