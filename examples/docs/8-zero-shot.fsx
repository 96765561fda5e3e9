(**
---
title: 8. Zero-shot with a pretrained encoder
category: Tutorials
categoryindex: 1
index: 8
description: A pretrained image encoder that does not mind how an image is turned.
---

# Zero-shot with a pretrained encoder

ResNet-18, trained on ImageNet, comes as a package of 57 MB. It knows photographs as people take them: upright. Within a
design it does not mind how an image is turned, and nothing is trained. (This page uses the experiment's library, so run it in
the repository. It fetches the package when it first runs.)
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant
open Equivariant.Images
open Equivariant.ZeroShot

(**
The encoder is a network from images to features; it is not looked into. Designs ask for the same turns of an image,
and each is computed once.
*)

let net = new Remembered(Encoder.sight (Encoder.resNet18 ()), 32)

(**
It was trained on photographs of other things, so a class is known by the mean of the features of ten of its images:
its prototype.
*)

let learning, testing = FashionMnist.subset ()
let prototypes = learning |> ImageSet.firstOfEach 10 |> ClassWeights.ofImages net

(**
An image is of the class whose prototype is nearest: from images to probabilities.
*)

let classifier =
    torch.nn.Sequential(
        net,
        {
            new torch.nn.Module<torch.Tensor, torch.Tensor>("nearest prototype") with
                member _.forward features =
                    (ClassWeights.unit features).matmul(prototypes).softmax -1L
        }
    )

(**
Clothes that somebody turned. The scores of classes should not change by that: nothing moves them.
*)

let photograph = image 1 28 28 |> under (cyclic 4) rotations

let within design =
    network {
        input "photograph" photograph
        eq "photograph" (wrapping "ResNet-18" (fun () -> classifier) |> giving (classes 10)) design
        output "photograph" (classes 10 |> under (cyclic 4) unmoved)
    }
    |> Model.compile Target.cpu

(**
The mean over the four turns, and for each class the greatest probability over them.
*)

let methods = [
    "ResNet-18 alone", classifier.call
    "equitune", (within equitune).Predict
    "equizero", (within (equitune |> largest)).Predict
]

let tested = testing |> ImageSet.firstOfEach 4

let upright =
    (ImageSet.batch [| 0 .. tested.Count - 1 |] tested).``to`` torch.float32

let turned = (Signal.core photograph).Apply((cyclic 4).Element 1, upright)

for name, classify in methods do
    use _ = torch.no_grad ()

    let right images =
        Accuracy.hits 1 tested.Labels (classify images)

    let before, after = right upright, right turned
    printfn $"{name}: {before} of {tested.Count} upright, {after} turned by a quarter"

    // The designs say of turned images what they say of upright ones.
    if name <> "ResNet-18 alone" && before <> after then
        failwith $"{name} is not invariant"

(*** include-output ***)

(**
With a CLIP of one's own, names stand for prototypes: `equivariant zeroshot --help`.
*)
