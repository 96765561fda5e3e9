// 1. Groups: composing them, and computing with their elements.
//
// Run it with `dotnet fsi examples/1-groups.fsx`, or send it line by line to F# Interactive.
#load "equivariant.fsx"

open Equivariant

// Elements are F# values. C4's are integers; the turn by 3 quarters after the turn by 2 is the turn by 1.
let c4 = cyclic 4
printfn $"{c4}: 3·2 = {Group.multiply c4 3 2}, 3⁻¹ = {Group.inverse c4 3}"

// A direct product has pairs.
let shifting = cyclic 8 >< cyclic 8
printfn $"{shifting}: (1, 2) has order {Group.orderOf shifting (1, 2)}"

// In a semidirect product the second group moves the first: here a reflection turns turns around. That φ is a
// homomorphism into the automorphisms of C4 is checked.
let d4 =
    semidirect c4 (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

printfn $"{d4}: r·f = {Group.multiply d4 (1, 0) (0, 1)}, f·r = {Group.multiply d4 (0, 1) (1, 0)}"

// What is no homomorphism is refused with a sentence.
try
    semidirect (cyclic 5) (cyclic 2) (fun flip turn -> if flip = 1 then 2 * turn else turn)
    |> ignore
with error ->
    printfn $"refused: {error.Message}"

// Subgroups, quotients, and whether a subgroup is normal. The reflections are not: turns move the mirror.
let reflectionsOnly = d4 |> Group.subgroup [ (0, 1) ]
let turnsOnly = d4 |> Group.subgroup [ (1, 0) ]

printfn
    $"{turnsOnly} is normal: {Group.isNormal turnsOnly d4}, and {reflectionsOnly}: {Group.isNormal reflectionsOnly d4}"

printfn $"the normal closure of the reflections is {d4 |> Group.normalClosure [ (0, 1) ]}"
printfn $"the quotient by the turns is {d4 |> Group.quotient turnsOnly}"
printfn $"the centre is {Group.centre d4}"

// Groups are never listed, so they may be large: orders are exact and random elements are exactly uniform.
let s20 = symmetric 20
printfn $"{s20}; one of its elements: %A{Group.random (System.Random 1) s20}"
printfn $"{wreath (cyclic 3) (symmetric 12)}"

// Groups have names too, the point groups of space among them: those move vectors and the vertices of a solid.
let cube = Group.named "Oh"
printfn $"{vector 3 |> under cube vectors}; {vector 8 |> under cube vertices}"
printfn $"""{Group.named "C4 × C2"}, {Group.named "D3h"}, {Group.named "AGL(2, 3)"}"""

// The laws of groups hold, which FsCheck tries with random elements.
Laws.require [ Laws.group d4.Core; Laws.group s20.Core; Laws.normal d4.Core turnsOnly.Core ]
printfn "the laws hold"
