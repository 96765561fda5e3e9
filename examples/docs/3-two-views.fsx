(**
---
title: 3. A network with two inputs
category: Tutorials
categoryindex: 1
index: 3
description: Several inputs, each under a group of its own, in one declared network.
---

# A network with two inputs

A scene is seen from the front and from the side. The front may be turned and mirrored, the side may be turned, each on its
own, and the answer should stay. The group is the product of both, with 8 · 4 elements; averaging over it costs 32
evaluations. Here are *equivariant* blocks within each view and *invariant-symmetric* blocks between them, which cost the sum.
That these are all the equivariant linear maps is [Theorem 1](mathematics.html#Theorem-1-several-inputs).
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant

(**
## A declaration
*)

let d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

let front = image 3 16 16 |> under d4 (rotations >< reflections)

let model =
    network {
        input "front" front
        input "side" (image 3 16 16 |> under (cyclic 4) rotations)
        eq "front" (convNet 8)
        eq "side" (convNet 8)
        is ("side" --> "front") (convNet 8)
        is ("front" --> "side") (convNet 8)
        apply relu
        readout (invariant (classes 15))
    }

(**
A model is a value: it prints, compares and is transformed, before any weight exists.
*)

printfn $"{model}"

(*** include-output ***)

(**
It draws itself: inputs on the left, dashed lines where a block leads from one group to another.
*)

let drawn = Diagram.network model

(*** include-value: drawn ***)

(**
What it costs, against averaging over the product of the groups, and what the designs give up.
*)

printfn $"{Report.text model}"

(*** include-output ***)

(**
The same network by the cheaper design for the semidirect product: 4 evaluations of the front's network, not 8.
*)

let cheaper = model |> Model.withDesign quotient
let saved = (Report.of' model).Evaluations - (Report.of' cheaper).Evaluations
printfn $"the quotient design saves {saved} evaluations"

(*** include-output ***)

(**
## Training

Compiled, it is a TorchSharp module, in train mode as all fresh ones are, that trains with any of their optimisers.
*)

let compiled = Model.compile Target.cpu model
let x = torch.randn (4L, 3L, 16L, 16L)
let labels = torch.tensor [| 0L; 1L; 2L; 3L |]

let loss () =
    torch.nn.functional.cross_entropy ((compiled.Run [ "front", x; "side", x ])["readout"], labels)

let optimiser = torch.optim.Adam(compiled.parameters (), 0.01)
let before = loss().item<float32>()
printfn $"loss before {before}"

for _ in 1..20 do
    optimiser.zero_grad ()
    let loss = loss ()
    loss.backward ()
    optimiser.step () |> ignore

let after = loss().item<float32>()
printfn $"loss after  {after}"

(*** include-output ***)

(**
Written so that NaN fails.
*)

if not (after < before) then
    failwith "training did not lower the loss"

(**
Trained or not, turning one view does not change the answer.
*)

compiled.eval ()
let turnedFront = (Signal.core front).Apply(d4.Element(1, 0), x)
let scores = (compiled.Run [ "front", x; "side", x ])["readout"]
let turnedScores = (compiled.Run [ "front", turnedFront; "side", x ])["readout"]
let difference = (scores - turnedScores).abs().max().item<float32>()
printfn $"largest change when the front is turned: {difference}"

if not (difference <= 1e-4f) then
    failwith "the model is not invariant"

(*** include-output ***)

(**
## Families of inputs

Views that are alike are a family: they share one network, and may be exchanged. Turned on its own, each member tells the
others no more than its invariants; moved together, they have every equivariant map between them.
*)

let small = image 3 8 8 |> under (cyclic 4) rotations

let views =
    network {
        family "view" 3 small
        eq "view" (linear 4)
        is ("view" --> "view") (linear 4)
    }

let turnedTogether =
    network {
        family "view" 3 small
        together [ "view" ]
        eq "view" (linear 4)
        eq ("view" --> "view") (linear 4)
    }

for name, model in [ "each on its own", views; "together", turnedTogether ] do
    Laws.check model
    printfn $"a family moved {name}: {(Report.of' model).Parameters} parameters, and its laws hold"

(*** include-output ***)

(**
What the views say to each other may come by any design, and a layer has the steps that one expects: a residual connection, a norm, a
nonlinearity.
*)

let conversing =
    network {
        family "view" 3 (image 3 8 8 |> under (cyclic 4) rotations)
        eq "view" (convNet 3)
        is ("view" --> "view") (convNet 3) (equitune |> weighted 8)
        skip "view"
        apply norm
        apply relu
        readout (invariant (classes 15))
    }

Laws.check conversing
printfn $"{(Report.of' conversing).Evaluations} evaluations"

(*** include-output ***)

(**
A picture is an SVG file; `Diagram.save "views.svg"` writes it, and `Diagram.dot` is text for Graphviz.
*)

let together = Diagram.network turnedTogether

(*** include-value: together ***)

(**
## Mistakes

What is wrong with a declaration is told all at once, each with its place.
*)

let mistaken () =
    network {
        input "front" (image 3 16 12 |> under d4 (rotations >< reflections))
        input "side" (image 3 16 16 |> under (cyclic 4) rotations)
        eq "frnt" (convNet 8)
        eq "side" (convNet 8)
        is ("front" --> "side") (convNet 4)
    }

for problem in Model.problems (mistaken ()) do
    printfn $"{problem}"

(*** include-output ***)
