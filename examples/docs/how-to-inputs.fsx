(**
---
title: Which action fits my inputs
category: How to
categoryindex: 2
index: 2
description: Images, sets, sentences, graphs and vectors, each with its group and action.
---

# Which action fits my inputs

An input is a space and how a group moves it: `space |> under group action`. Each of these models is complete, and its laws are tried
as this page is made.
*)

#load "../equivariant.fsx"
open Equivariant

let checkedModel name model =
    Laws.check model

    printfn
        $"{name}: {(Report.of' model).Evaluations} evaluations, {(Report.of' model).Parameters} parameters"

(**
## Images

Quarter turns are `rotations` of `cyclic 4`, mirrors `reflections` of `cyclic 2`, both together `symmetries` of `dihedral 4`; `shifts`
of `cyclic h >< cyclic w` go round the edges. Turns of C4 need square images; half turns (`cyclic 2`) do not.
*)

checkedModel
    "an image"
    (network {
        input "x" (image 3 16 16 |> under (dihedral 4) symmetries)
        eq "x" (convNet 8)
        readout (invariant (classes 10))
    })

(*** include-output ***)

(**
## Sets

`points` of `symmetric n` puts the members of a set into any order, along the last axis; `onAxis -2` where features come last. Linear
layers come from orbits and never list the n! orders; a network of your own sees one order, by `framed sorting`.
*)

let set = tensor [ 5; 3 ] |> under (symmetric 5) (points |> onAxis -2)

checkedModel
    "a set"
    (network {
        input "x" set
        eq "x" (mlp [ 16 ]) (framed sorting)
        readout (invariant (classes 2))
    })

(*** include-output ***)

(**
## Sentences

Words are exchanged by name. `prompt` is the same for a language model, whose words are numbers.
*)

let words = [ "walk"; "jump"; "run"; "left"; "right" ]

checkedModel
    "a sentence"
    (network {
        input
            "x"
            (sentence words 4
             |> under (cyclic 2 >< cyclic 2) (exchange "jump" "run" >< exchange "left" "right"))

        eq "x" (mlp [ 16 ]) quotient
    })

(*** include-output ***)

(**
## Graphs

A graph of 4 nodes with 2 features each is its adjacency matrix with the features behind it. `nodes` renumbers it; `spectrum` and
`colours` are frames that pick few numberings.
*)

let graphs = graph 4 2 |> under (symmetric 4) nodes

let perceptron () =
    TorchSharp.torch.nn.Sequential(
        TorchSharp.torch.nn.Flatten 1L :> Net,
        TorchSharp.torch.nn.Linear(24L, 4L) :> Net
    )

let ofGraphs =
    network {
        input "x" graphs
        eq "x" (wrapping "perceptron" perceptron |> giving (classes 4)) (framed colours)
        output "x" (classes 4 |> under (symmetric 4) unmoved)
    }
    |> Model.compile Target.cpu

// A path of four nodes, numbered along it and otherwise.
let path =
    TorchSharp.torch
        .tensor(
            array2D [
                [ 0.0f; 1.0f; 0.0f; 0.0f; 1.0f; 0.0f ]
                [ 1.0f; 0.0f; 1.0f; 0.0f; 0.0f; 1.0f ]
                [ 0.0f; 1.0f; 0.0f; 1.0f; 0.0f; 1.0f ]
                [ 0.0f; 0.0f; 1.0f; 0.0f; 0.0f; 0.0f ]
            ]
        )
        .unsqueeze
        0L

let otherwise =
    (Signal.core graphs).Apply((symmetric 4).Element [| 2; 0; 3; 1 |], path)

let difference =
    (ofGraphs.Predict path - ofGraphs.Predict otherwise).abs().max().item<float32>()

printfn $"numbered otherwise, what is said of the path changes by {difference}"

(*** include-output ***)

(**
## Vectors

`vectors` moves the last axis by matrices: those of the plane for cyclic and dihedral groups, of space for point groups. Such actions
add and multiply: `vectors + vectors`, `vectors * vectors`.
*)

checkedModel
    "a vector"
    (network {
        input "x" (vector 3 |> under (Group.named "D3h") vectors)
        eq "x" (mlp [ 16 ])
    })

(*** include-output ***)

(**
All of O(3), positions of bodies, and velocities beside them: [point clouds](10-point-clouds.html). Whole fields of vectors:
[actions](2-actions-and-orbits.html#Sets-vectors-words). What fits nothing here: [my group is not in the list](how-to-own-group.html).
*)
