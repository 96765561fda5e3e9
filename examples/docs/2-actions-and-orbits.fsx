(**
---
title: 2. Actions and orbits
category: Tutorials
categoryindex: 1
index: 2
description: How groups move images, sets, vectors and words, and the orbits that this makes.
---

# Actions and orbits

A group alone moves nothing. An *action* says how its elements move the points of a space: the pixels of an image, the
members of a set, the words of a sentence.
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant

(**
An action meets a space with `under`. Group and action have to be of one kind of elements: `under (cyclic 4)
shifts` would not compile, since shifts are moved by pairs.
*)

let turned = image 1 3 3 |> under (cyclic 4) rotations
let quarterTurn = Signal.core turned
let x = torch.arange(9.0f).reshape(1L, 1L, 3L, 3L)

let print (x: torch.Tensor) =
    printfn $"{x.squeeze().ToString TensorStringStyle.Numpy}"

print x
print (quarterTurn.Apply((cyclic 4).Element 1, x))

(*** include-output ***)

(**
## Products

The action of a product of groups is the product of actions: first reflect, then turn.
*)

let d4 =
    semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

let square = image 1 3 3 |> under d4 (rotations >< reflections)
printfn $"{square}"

(*** include-output ***)

(**
The *orbit* of an image is what all the elements make of it.
*)

let orbit =
    Diagram.orbit (image 3 24 24 |> under d4 (rotations >< reflections)) (Diagram.sample 24 24)

(*** include-value: orbit ***)

(**
Pixels have orbits too: those of an image of 3 × 3 are the corners, the edges, and the middle. A linear map that commutes
with the action has one weight for each orbit of pairs of pixels, which is how the exact layers are made.
*)

match Signal.core square with
| :? Equivariant.Core.Actions.AxisAction as action ->
    for orbit in action.Indices.Orbits do
        printfn $"orbit %A{orbit}"
| other -> printfn $"{other}"

(*** include-output ***)

(**
## What is refused

The same group, wrongly put together: turns and reflections do not commute, so this is no action of C4 × C2.
*)

match Signal.problem (image 1 3 3 |> under (cyclic 4 >< cyclic 2) (rotations >< reflections)) with
| Some sentence -> printfn $"refused: {sentence}"
| None -> failwith "it should have been refused"

(*** include-output ***)

(**
Actions fit some spaces only; a sentence says which.
*)

for space in [ image 3 4 6; vector 5 ] do
    printfn $"refused: {(Signal.problem (space |> under (cyclic 4) rotations)).Value}"

(*** include-output ***)

(**
## Sets, vectors, words

Permutations of the points of a set, along an axis of choice: here 5 points with 3 features each.
*)

let set = tensor [ 5; 3 ] |> under (symmetric 5) (points |> onAxis -2)

let moved =
    (Signal.core set)
        .Apply((symmetric 5).Element [| 1; 2; 3; 4; 0 |], torch.arange(15.0f).reshape(1L, 5L, 3L))

print moved

(**
Matrices act too: here on two channels, the coordinates of a vector at each pixel. In a field of vectors the arrows turn
as their places do; in a product one group turns the places and another the arrows.
*)

let field =
    image 2 3 3 |> under (cyclic 4) (rotations |> alongside (channels vectors))

let apart =
    image 2 3 3 |> under (cyclic 4 >< cyclic 4) (rotations >< channels vectors)

let flow = torch.randn (1L, 2L, 3L, 3L)
let spun = (Signal.core field).Apply((cyclic 4).Element 1, flow)
let both = (Signal.core apart).Apply((cyclic 4 >< cyclic 4).Element(1, 1), flow)

if not ((spun - both).abs().max().item<float32>() <= 1e-6f) then
    failwith "a turn of both is the turn of the field"

printfn $"{field}\n{apart}"

(*** include-output ***)

(**
Words are exchanged by name, in sentences and in scores alike.
*)

let words = [ "walk"; "jump"; "run"; "left"; "right" ]
let exchanges = exchange "jump" "run" >< exchange "left" "right"
let sentences = sentence words 4 |> under (cyclic 2 >< cyclic 2) exchanges
let tokens = torch.tensor([| 1L; 3L; 2L; 0L |]).reshape(1L, 4L)

let answer =
    (Signal.core sentences).Apply((cyclic 2 >< cyclic 2).Element(1, 1), tokens)

let readable (x: torch.Tensor) =
    x.data<int64>().ToArray()
    |> Seq.map (fun token -> words[int token])
    |> String.concat " "

printfn $"{readable tokens} → {readable answer}"

(*** include-output ***)

(**
Elements read as words in the letters of the action.
*)

for element in d4.Core.Elements do
    printf $"{Signal.word square element}  "

printfn ""

(*** include-output ***)

(**
Next: [a network with two inputs](3-two-views.html). For other kinds of inputs, see
[which action fits my inputs](how-to-inputs.html).
*)
