(**
---
title: Equivariant
description: Equivariant makes any neural network respect symmetry, on .NET.
---

# Equivariant

Equivariant makes *any* neural network respect symmetry, on .NET. You name the group and how it acts on inputs and outputs;
the library wraps your TorchSharp module so that transforming the input transforms the output, exactly. Large product groups
cost |G₁| + … + |G_N| evaluations, not |G₁| · … · |G_N|, and several inputs may each have their own group.

It implements and extends "Efficient Model-Agnostic Multi-Group Equivariant Networks" (Baltaji, Basu, Varshney; TMLR 2024): a
C# core, an F# language over it, laws that FsCheck tries, and the paper's experiments.

![A letter under turns and mirrors, and what a network says of it: alone, and within a design](content/effect.svg)

## Ten lines

After one build (`dotnet build -c Release`), start `dotnet fsi` in the repository, load the preamble with
`#load "examples/equivariant.fsx"`, and paste:
*)

(*** hide ***)
#load "../equivariant.fsx"

(*** show ***)
open Equivariant

let d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

let model =
    network {
        input "front" (image 3 16 16 |> under d4 (rotations >< reflections))
        input "side" (image 3 16 16 |> under (cyclic 4) rotations)
        eq "front" (convNet 8)
        is ("side" --> "front") (convNet 8)
        readout (invariant (classes 15))
    }

printfn "%s" (Report.text model) // groups, evaluations against the naive product, parameters, what it can express
Laws.check model // FsCheck: raises with the smallest counterexample, if there is one

(*** include-output ***)

let drawn = Diagram.network model

(*** include-value: drawn ***)

(**
## Where to go

| | |
| --- | --- |
| **Learn it** | [Groups](1-groups.html), [actions](2-actions-and-orbits.html), [a network with two inputs](3-two-views.html), [your own model](4-wrapping.html), [laws](5-laws.html), [large products](6-large-products.html), and on |
| **Do something** | [I have a PyTorch model](how-to-pytorch.html); [which action fits my inputs](how-to-inputs.html); [my group is not in the list](how-to-own-group.html); [my group is too large](how-to-large-group.html); [it is too slow](how-to-speed.html); [prove that it is equivariant](how-to-proof.html); [from C#](how-to-csharp.html); [on a GPU](how-to-gpu.html); [on a cluster](how-to-cluster.html) |
| **Know why** | [The mathematics](mathematics.html), each theorem with its code and its test; [beside other libraries](comparison.html), and when not to use this one |
| **Look up** | [Reference](reference/index.html) of all packages; press `/` to search |
*)
