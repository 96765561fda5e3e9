(**
---
title: 6. Large products of groups
category: Tutorials
categoryindex: 1
index: 6
description: Designs that cost the sum of the groups' orders, not their product.
---

# Large products of groups

Symmetries multiply: shifts by rows, by columns, turns, mirrors. Averaging over a product of groups takes
|G₁| · … · |G_N| evaluations of the network. The *quotient design* takes |G₁| + … + |G_N|, says before anything is trained
which equivariant maps it reaches, and keeps the laws all the same.
*)

#load "../equivariant.fsx"

open TorchSharp
open Equivariant

(**
## Images

Shifts of an image by any number of rows and columns: 16 · 16 = 256 elements.
*)

let shifted = image 1 16 16 |> under (cyclic 16 >< cyclic 16) shifts

(**
The same with turns by quarters and mirrors on top: 256 · 8 elements. Turns exchange rows with columns, so this is a
semidirect product, and φ says how: a turn takes a shift by (down, right) to one by (right, −down).
*)

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

printfn $"{Report.text shiftNet}"
Laws.check shiftNet
printfn "its laws hold"

(*** include-output ***)

(**
## Words

Vocabularies: five pairs of words that may be exchanged, each by itself, in a product of five factors.
*)

let pairs = [ "jump", "run"; "left", "right"; "up", "down"; "red", "blue"; "big", "small" ]

let vocabulary =
    [
        for first, second in pairs do
            first
            second
    ]
    @ [ "walk"; "and" ]

let pairwise = direct [ for _ in pairs -> cyclic 2 ]
let exchanging = each [ for first, second in pairs -> exchange first second ]

let phrases =
    network {
        input "words" (sentence vocabulary 6 |> under pairwise exchanging)
        eq "words" (mlp [ 32 ]) quotient
    }

printfn $"{Report.text phrases}"
Laws.check phrases
printfn "its laws hold"

(*** include-output ***)

(**
A language model knows its words by numbers. Words of a set are exchanged in turn, those of all its sets at once; wordsBy takes them
by name, from a tokenizer. This GPT-2 is a small one with random weights.
*)

let size = 60
let gender = words size [ [ 5; 7 ]; [ 11; 13 ] ]
let colour = words size [ [ 20; 21; 22 ] ]

let gpt2 =
    new Equivariant.Pretrained.Gpt2(
        Equivariant.Pretrained.Gpt2Config(
            VocabularySize = size,
            ContextLength = 16,
            Width = 16,
            Layers = 1,
            Heads = 2
        ),
        new torch.Generator(1UL, torch.CPU)
    )

let spoken =
    network {
        input "prompt" (prompt size 5 |> under (gender >< colour) exchanges)
        eq "prompt" (languageModel "gpt2" (fun () -> gpt2)) quotient
    }

printfn $"{Report.text spoken}"
Laws.check spoken

(*** include-output ***)

(**
A prompt with the words exchanged is continued by the exchanged words, at random too.
*)

let speaker = Model.compile Target.cpu spoken
speaker.eval ()

let continued text =
    use generator = new torch.Generator(7UL, torch.CPU)
    speaker.Generate([ text ], Equivariant.Core.Sequences.TokenChoice.Sample(generator, topK = 9), 8)

let exchanged (text: int64 list) =
    let swapped =
        Map.ofList [ 5L, 7L; 7L, 5L; 11L, 13L; 13L, 11L; 20L, 21L; 21L, 22L; 22L, 20L ]

    text
    |> List.map (fun token -> swapped.TryFind token |> Option.defaultValue token)

let text = [ 5L; 1L; 20L; 2L ]
printfn $"%A{continued text}\n%A{continued (exchanged text)}"

if continued (exchanged text) <> List.map exchanged (continued text) then
    failwith "the continuation is not exchanged with its prompt"

(*** include-output ***)

(**
## Sets

A group of 10! elements: linear layers come from orbits, so nothing is ever listed.
*)

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

printfn $"{Report.text setNet}"
Laws.check setNet
printfn "its laws hold"

(*** include-output ***)

(**
What would list it is refused before anything runs; a budget is another way to say what one can pay.
*)

for problem in Model.problems (Model.empty |> Model.input "set" set |> Model.eq "set" (mlp [ 8 ])) do
    printfn $"{problem}"

let motionNet =
    Model.empty
    |> Model.input "x" moved
    |> Model.eqBy (quotientWithin 16) "x" (convNet 2)

printfn $"{Report.text motionNet}"
Laws.check motionNet
printfn "its laws hold"

(*** include-output ***)
