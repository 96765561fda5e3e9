(**
---
title: 5. Laws
category: Tutorials
categoryindex: 1
index: 5
description: What should hold, tried with random elements and inputs; how to read a counterexample.
---

# Laws

Equivariance is a claim. A *law* is the claim as a property that FsCheck tries, with random elements and random inputs; what
breaks it is shrunk to the smallest counterexample. A law never passes on what is not a number, nor on outputs that are all zero.
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant

let d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

let square = image 1 8 8 |> under d4 (rotations >< reflections)

let sound =
    network {
        input "front" square
        eq "front" (convNet 4)
    }

(**
## A model's laws

A model's laws are those of its groups, its actions and its blocks, and its own.
*)

for law, verdict in Laws.judge 1UL (Laws.ofModel sound) do
    printfn $"{law}: {verdict}"

    if not verdict.IsHeld then
        failwith "the model is sound"

(*** include-output ***)

(**
## Counterexamples

A nonlinearity that is not the same for each pixel breaks the symmetry. The counterexample has the fewest
factors that show it, one row, the size of the error, what would have been allowed, and the worst entry.
*)

let ramp = pointwise "ramp" (fun x -> x * torch.arange 8.0f)
let broken = sound |> Model.apply ramp

/// What is no law has to be caught.
let caught verdict =
    match verdict with
    | Verdict.Broken counterexample -> printfn $"\n{counterexample}"
    | Verdict.Held _ -> failwith "the laws should have caught it"

Laws.judge 1UL (Laws.ofModel broken)
|> Seq.map snd
|> Seq.find _.IsBroken
|> caught

(*** include-output ***)

(**
## Laws of any module

Laws are also tried one at a time, on any module. Turns by 45° interpolate, so a blur commutes with them only
nearly: the law measures how nearly, against a tolerance of one's own.
*)

let turn (g: Equivariant.Core.Groups.GroupElement) (x: torch.Tensor) =
    let angle = float32 ((cyclic 8).Value g) * System.MathF.PI / 4.0f
    let c, s = cos angle, sin angle

    let matrix =
        torch.tensor([| c; -s; 0.0f; s; c; 0.0f |]).view(1L, 2L, 3L).expand(x.shape[0], 2L, 3L)

    torch.nn.functional.grid_sample (
        x,
        torch.nn.functional.affine_grid (matrix, x.shape, align_corners = true),
        align_corners = true
    )

let blur = torch.nn.AvgPool2d(3L, stride = 1L, padding = 1L)

let nearly tolerance =
    Laws.equivariantBy
        blur
        (cyclic 8).Core
        turn
        turn
        (Sampling.normal [ 1L; 8L; 8L ] |> Sampling.within tolerance)

caught (Law.judge 50 1UL (nearly 0.01))
Law.require (nearly 2.0)
printfn "\nblurring commutes with turns by 45° within 2.0"

(*** include-output ***)

(**
What a law catches besides: an action that is none, a subgroup that is not normal, values that say nothing.
*)

let notNormal = Laws.normal d4.Core (Group.subgroup [ (0, 1) ] d4).Core
let zero = torch.nn.Threshold(1e9, 0.0)

let silent =
    Laws.equivariant zero (Signal.core square) (Signal.core square) (Sampling.normal [ 1L; 8L; 8L ])

for law in [ notNormal; silent ] do
    caught (Law.judge 50 1UL law)

(**
## In a test project of one's own

`Laws.rows` gives the laws as rows of an xUnit theory, one test for each law:

    [lang=fsharp]
    let laws: obj[] seq = Laws.rows (Laws.ofModel model)

    [<Theory; MemberData(nameof laws)>]
    let ``the model keeps its laws`` (law: Law) = Law.require law

`Law.property` is the same for a project that uses FsCheck.Xunit. The template `dotnet new equivariant-model` makes a project
with such tests, as [own project](how-to-proof.html#In-a-test-project) tells. At the command line, `equivariant check SCRIPT.fsx`
tries the laws of every model that a script declares.
*)
