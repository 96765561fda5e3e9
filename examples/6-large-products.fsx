// 6. Large product groups: designs that cost |G₁| + … + |G_N| evaluations, not |G₁| · … · |G_N|.
#load "equivariant.fsx"

open TorchSharp
open Equivariant

// Shifts of an image by any number of rows and columns: 16 · 16 = 256 elements.
let shifted = image 1 16 16 |> under (cyclic 16 >< cyclic 16) shifts

// The same with turns by quarters and mirrors on top: 256 · 8 elements. Turns exchange rows with columns, so this is a
// semidirect product, and φ says how: a turn takes a shift by (down, right) to one by (right, −down).
let turning (flip: int) turn (down, right) =
    let flipped = if flip = 1 then down, -right else down, right
    Seq.fold (fun (down, right) _ -> right, -down) flipped (seq { 1..turn })

let d4 = dihedral 4

let motions =
    semidirect (cyclic 16 >< cyclic 16) d4 (fun (turn, flip) shift -> turning flip turn shift)

let moved = image 1 16 16 |> under motions (shifts >< symmetries)
printfn $"{motions}"

let shiftNet =
    network {
        input "x" shifted
        eq "x" (convNet 4) quotient
    }

printfn $"{Report.text shiftNet}\n"
Laws.check shiftNet
printfn "its laws hold\n"

// Vocabularies: five pairs of words that may be exchanged, each by itself, in a product of five factors.
let pairs = [ "jump", "run"; "left", "right"; "up", "down"; "red", "blue"; "big", "small" ]

let words =
    [
        for first, second in pairs do
            first
            second
    ]
    @ [ "walk"; "and" ]

let exchanges = direct [ for _ in pairs -> cyclic 2 ]
let exchanging = each [ for first, second in pairs -> exchange first second ]

let phrases =
    network {
        input "words" (sentence words 6 |> under exchanges exchanging)
        eq "words" (mlp [ 32 ]) quotient
    }

printfn $"{Report.text phrases}\n"
Laws.check phrases
printfn "its laws hold\n"

// A group of 10! elements: linear layers come from orbits, so nothing is ever listed.
let set = tensor [ 4; 10 ] |> under (symmetric 10) points

let setNet =
    network {
        input "set" set
        eq "set" (linear 8)
        apply relu
        eq "set" (linear 8)
        apply relu
        readout (invariant (classes 3))
    }

printfn $"{Report.text setNet}\n"
Laws.check setNet
printfn "its laws hold\n"

// What would list it is refused before anything runs; a budget is another way to say what one can pay.
for problem in Model.problems (Model.empty |> Model.input "set" set |> Model.eq "set" (mlp [ 8 ])) do
    printfn $"{problem}"

let motionNet =
    Model.empty
    |> Model.input "x" moved
    |> Model.eqBy (quotientWithin 16) "x" (convNet 2)

printfn $"\n{Report.text motionNet}"
Laws.check motionNet
printfn "its laws hold"
