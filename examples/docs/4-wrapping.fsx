(**
---
title: 4. Wrapping a model that exists
category: Tutorials
categoryindex: 1
index: 4
description: One's own pretrained model made equivariant by a design, without looking into it.
---

# Wrapping a model that exists

A model that is trained already can be made equivariant. Its weights are never looked into: a *design* evaluates it on what
the elements of the group make of the input, and puts the answers together. The module below stands for a pretrained
classifier. [I have a PyTorch model](how-to-pytorch.html) brings in a real one.
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant

(**
## The model
*)

let pretrained =
    torch.nn.Sequential(
        torch.nn.Conv2d(1L, 8L, 3L, padding = 1L) :> Net,
        torch.nn.ReLU() :> Net,
        torch.nn.Flatten 1L :> Net,
        torch.nn.Linear(8L * 12L * 12L, 5L) :> Net
    )

(**
It gives five scores that should not change when the image is turned: nothing moves them.
*)

let photograph = image 1 12 12 |> under (cyclic 4) rotations

let turnedBy design =
    network {
        input "x" photograph
        eq "x" (wrapping "pretrained" (fun () -> pretrained) |> giving (classes 5)) design
        output "x" (classes 5 |> under (cyclic 4) unmoved)
    }

(**
## Designs

Equitune averages; λ-equitune learns how much each pose counts; equizero takes the most confident pose; the
canonical design evaluates one pose only: that of least energy, which is any function of an image. Where it is an
inner product with weights, no pose but the one that is evaluated is ever made.
*)

let brightest (x: torch.Tensor) =
    x.narrow(-1, 0L, 4L).narrow(-2, 0L, 4L).sum([| -1L; -2L |]).flatten().neg()

let corner = torch.zeros (1L, 12L, 12L)
corner.narrow(-1, 0L, 4L).narrow(-2, 0L, 4L).fill_((-1).ToScalar()) |> ignore

let designs = [
    equitune
    equitune |> weighted 8
    equitune |> leastLoss Confidence
    canonical "brightest corner to the top left" brightest
    canonicalAlong "its weights" corner
]

let x = torch.randn (2L, 1L, 12L, 12L)
let turned = (Signal.core photograph).Apply((cyclic 4).Element 1, x)

for design in designs do
    let model = Model.compile Target.cpu (turnedBy design)
    model.eval ()
    let change = (model.Predict x - model.Predict turned).abs().max().item<float32>()
    let evaluations = (Report.ofCompiled model).Evaluations
    printfn $"{design}: {evaluations} evaluations, largest change when turned {change}"

    // Written so that NaN fails.
    if not (change <= 1e-4f) then
        failwith $"{design} is not invariant"

    Laws.checkCompiled model

let bare = (pretrained.call x - pretrained.call turned).abs().max().item<float32>()
printfn $"the bare model: largest change when turned {bare}"

(*** include-output ***)

(**
## Saving and loading

A compiled model is saved and loaded like any module.
*)

let model = Model.compile Target.cpu (turnedBy equitune)
let expected = model.Predict x
let file = System.IO.Path.GetTempFileName()
model.save file |> ignore

using (torch.no_grad ()) (fun _ ->
    for parameter in model.parameters () do
        parameter.zero_ () |> ignore)

model.load file |> ignore
System.IO.File.Delete file
printfn $"{Seq.length (model.parameters ())} parameter tensors, saved and loaded"

if not ((model.Predict x - expected).abs().max().item<float32>() = 0.0f) then
    failwith "the loaded model is another"

(*** include-output ***)
