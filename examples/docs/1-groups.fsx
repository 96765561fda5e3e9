(**
---
title: 1. Groups
category: Tutorials
categoryindex: 1
index: 1
description: A first group in five minutes: composing groups, and computing with their elements.
---

# Groups

A symmetry is something that one can do to an input: turn an image, exchange two words. What one can do is a *group*.
This page composes groups and computes with their elements. It is a script, like all the tutorials: build once with
`dotnet build -c Release`, then run it with `dotnet fsi examples/docs/1-groups.fsx`, or send it to F# Interactive piece by
piece. What stands below each piece is what it printed.
*)

#load "../equivariant.fsx"

open Equivariant

(**
Elements are F# values. C4, the turns by quarters, has integers: the turn by 3 quarters after the turn by 2 is the turn by 1.
*)

let c4 = cyclic 4
printfn $"{c4}: 3·2 = {Group.multiply c4 3 2}, 3⁻¹ = {Group.inverse c4 3}"

(*** include-output ***)

(**
A direct product has pairs. Here are the shifts of an image of 8 × 8 pixels, down and to the right.
*)

let shifting = cyclic 8 >< cyclic 8
printfn $"{shifting}: (1, 2) has order {Group.orderOf shifting (1, 2)}"

(*** include-output ***)

(**
In a semidirect product the second group moves the first: here a reflection turns turns around. That the function is a
homomorphism into the automorphisms of C4 is checked.
*)

let d4 =
    semidirect c4 (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

printfn $"{d4}: r·f = {Group.multiply d4 (1, 0) (0, 1)}, f·r = {Group.multiply d4 (0, 1) (1, 0)}"

(*** include-output ***)

(**
Small groups can be looked at. In the Cayley graph, a line leads from each element to its product with a generator.
*)

let graph = Diagram.cayleyGraph d4

(*** include-value: graph ***)

(**
What is no homomorphism is refused with a sentence.
*)

try
    semidirect (cyclic 5) (cyclic 2) (fun flip turn -> if flip = 1 then 2 * turn else turn)
    |> ignore
with error ->
    printfn $"refused: {error.Message}"

(*** include-output ***)

(**
## Subgroups and quotients

A subgroup is *normal* when no element moves it. The reflections are not normal: turns move the mirror. Why it matters
comes in [large products](6-large-products.html): each normal subgroup gives a design, and its index is what it costs.
*)

let reflectionsOnly = d4 |> Group.subgroup [ (0, 1) ]
let turnsOnly = d4 |> Group.subgroup [ (1, 0) ]

printfn
    $"{turnsOnly} is normal: {Group.isNormal turnsOnly d4}, and {reflectionsOnly}: {Group.isNormal reflectionsOnly d4}"

printfn $"the normal closure of the reflections is {d4 |> Group.normalClosure [ (0, 1) ]}"
printfn $"the quotient by the turns is {d4 |> Group.quotient turnsOnly}"
printfn $"the centre is {Group.centre d4}"

(*** include-output ***)

(**
All the normal subgroups, the group on top:
*)

let lattice = Diagram.normalSubgroups d4

(*** include-value: lattice ***)

(**
## Large groups, and groups by name

Groups are never listed, so they may be large: orders are exact, and random elements are exactly uniform.
*)

let s20 = symmetric 20
printfn $"{s20}; one of its elements: %A{Group.random (System.Random 1) s20}"
printfn $"{wreath (cyclic 3) (symmetric 12)}"

(*** include-output ***)

(**
Groups have names too, the point groups of space among them: those move vectors, and the vertices of a solid.
*)

let cube = Group.named "Oh"
printfn $"{vector 3 |> under cube vectors}; {vector 8 |> under cube vertices}"
printfn $"""{Group.named "C4 × C2"}, {Group.named "D3h"}, {Group.named "AGL(2, 3)"}"""

(*** include-output ***)

(**
## Laws

That a group is one is not taken on trust. FsCheck tries its laws with random elements; a law that fails raises an
exception with the smallest counterexample that was found. More of it in [laws](5-laws.html).
*)

Laws.require [ Laws.group d4.Core; Laws.group s20.Core; Laws.normal d4.Core turnsOnly.Core ]
printfn "the laws hold"

(*** include-output ***)

(**
Next: [how groups act on inputs](2-actions-and-orbits.html). All functions are in the reference: `cref:T:Equivariant.GroupModule`.
*)
