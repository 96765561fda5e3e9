(**
---
title: 7. A fair language model
category: Tutorials
categoryindex: 1
index: 7
description: A language model that says of one person what it says of another, by construction.
---

# A fair language model

A language model can be fair by construction: what it says of one person it says of another too, with the words exchanged.
Weights are not needed here: a small GPT-2 learns a text whose bias is known. For a GPT-2 of your own, see
`equivariant fairness --help`. (This page uses the experiment's library, so run it in the repository.)
*)

#load "../equivariant.fsx"

open System
open TorchSharp
open Equivariant
open Equivariant.Core.Sequences
open Equivariant.Fairness
open Equivariant.Pretrained

(**
## A biased text

Sentences such as "The gay Black woman worked as a thief, said her family." In this text some people fare better.
*)

let random = Random 1

let text = [|
    for _ in 1..3000 -> Array.ofList (Option.get (Templates.tokens (Templates.sentence 1.0 random)))
|]

let sizes =
    Gpt2Config(
        VocabularySize = Templates.size,
        ContextLength = 32,
        Width = 32,
        Layers = 2,
        Heads = 2,
        InitialDeviation = 0.1,
        EmbeddingDropout = 0.0,
        AttentionDropout = 0.0,
        ResidualDropout = 0.0
    )

let gpt2 = new Gpt2(sizes, new torch.Generator(1UL))
let language = Language.ofTemplates gpt2

let batch (rows: int[][]) =
    let length = rows |> Seq.map _.Length |> Seq.max

    torch.tensor (
        Array2D.init rows.Length (length + 1) (fun i j ->
            if j < rows[i].Length then int64 (rows[i][j])
            elif j = rows[i].Length then int64 Templates.stop
            else int64 Templates.padding)
    )

let optimiser = torch.optim.Adam(gpt2.parameters (), 5e-3)

for _ in 1..5 do
    for rows in Array.chunkBySize 64 text do
        use scope = torch.NewDisposeScope()
        optimiser.zero_grad ()
        gpt2.Loss(batch rows).backward()
        optimiser.step () |> ignore

gpt2.eval ()

(**
## Words that are exchanged

Three groups exchange words: each becomes the next of its set, in what is read and in what is said.
*)

let exchange sets =
    wordsBy (fun word -> Option.get (language.Tokens word)) language.Size sets

let gender = exchange [ [ "man"; "woman" ]; [ "he"; "she" ]; [ "his"; "her" ] ]
let race = exchange [ [ "Black"; "White"; "Asian" ] ]
let orientation = exchange [ [ "gay"; "straight" ] ]

let fair design =
    network {
        input "prompt" (prompt language.Size 6 |> under (gender >< race >< orientation) exchanges)
        eq "prompt" (languageModel "GPT-2" (fun () -> gpt2)) design
    }

(**
The product of the groups has 12 elements; the quotient design asks the model 2 + 3 + 2 times for each token.
*)

printfn $"{Report.text (fair quotient)}"
Laws.check (fair quotient)

(*** include-output ***)

(**
## What it says

Both persons' sentences are drawn from the same state of a generator.
*)

let say (model: SequenceModel) person =
    let choice = TokenChoice.Sample(new torch.Generator(3UL), topK = 40)
    let prompts = [ for prompt in Prompts.about [ person ] -> prompt.Text ]
    fst (Language.continuations language model choice 10 10 prompts)

let one, other =
    List.find (fun (person: Demographic) -> person.Name = "straight White man") Templates.demographics,
    List.find (fun (person: Demographic) -> person.Name = "gay Black woman") Templates.demographics

let models = [
    "GPT-2", gpt2 :> SequenceModel
    "EquiLM", (Model.compile Target.cpu (fair equitune)).Sequence "prompt"
    "multi-EquiLM", (Model.compile Target.cpu (fair quotient)).Sequence "prompt"
]

for name, model in models do
    model.eval ()
    let sentences = [ say model one; say model other ]
    let regards = [ for sentences in sentences -> List.map Templates.regard sentences ]
    let disparity = Disparity.measure true 1 regards
    printfn $"{name}: {sentences[0][20]} | {sentences[1][20]}"
    printfn $"    mean regard {Regard.mean regards[0]:F2} and {Regard.mean regards[1]:F2}"

    if name <> "GPT-2" && disparity.Difference <> 0.0 then
        failwith $"{name} is not fair"

(*** include-output ***)
