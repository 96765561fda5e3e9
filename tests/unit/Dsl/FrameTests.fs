/// Frames and learned symmetrisation, as they are declared.
module Equivariant.Tests.Dsl.FrameTests

open System
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Tests.Expect

let private set = tensor [ 4; 2 ] |> under (symmetric 4) (points |> onAxis -2)
let private ofNodes = graph 4 1 |> under (symmetric 4) nodes
let private answers = classes 3 |> under (symmetric 4) unmoved

let private one signal design =
    network {
        input "x" signal
        eq "x" (mlp [ 6 ]) design
        output "x" answers
    }

/// Tries the laws that speak of the model as a whole; each trial runs it many times.
let private quickly (laws: Law list) =
    for law in laws |> List.filter (fun law -> law.Statement.StartsWith "E f") do
        match Law.judge 2 1UL law with
        | Verdict.Held _ -> ()
        | Verdict.Broken sentence -> failwith sentence

[<Fact>]
let ``sets and graphs are framed and symmetrised in a word, and keep their laws`` () =
    for signal, design in [ ofNodes, framed colours; set, symmetrised 3 ] do
        quickly (Laws.ofModel (one signal design))

    // Teams of players: within each they are exchanged, and so are the teams.
    let teams = vector 6 |> under (wreath (symmetric 3) (symmetric 2)) blocks

    network {
        input "x" teams
        eq "x" (mlp [ 8 ]) (framed sorting)
        output "x" teams
    }
    |> Laws.ofModel
    |> quickly

    let turns = image 1 3 3 |> under (cyclic 4) rotations

    network {
        input "x" turns
        eq "x" (convNet 2) (symmetrised 2)
    }
    |> Laws.ofModel
    |> quickly

[<Fact>]
let ``reports say what is drawn and what error to expect`` () =
    let report = Report.text (one set (symmetrised 4))
    Assert.Contains("symmetrised by 4 learned elements, error 0.5 of the spread", report)
    Assert.Contains("framed by sorting", Report.text (one set (framed sorting)))
    let block = (Report.of' (one set (symmetrised 4))).Blocks.Head
    Assert.Equal(4I, block.Evaluations)

/// A sampler that never draws half of the elements.
type private Biased() =
    inherit ElementDistribution("biased")

    override _.Draw(action, x, samples, random) =
        let even = [|
            for g in action.Group.Elements do
                if g.Code[0] < 2 then
                    g
        |]

        let positions =
            torch.tensor [|
                for _ in 1L .. int64 samples * x.shape[0] -> int64 (random.Next even.Length)
            |]

        Picks.Each(ElementBatch.Of(action.Group, even, positions), x.shape[0])

[<Fact>]
let ``Monte Carlo passes the law about expectations, and a biased sampler fails it`` () =
    let group = Equivariant.Core.Groups.Group.Cyclic 4
    let action = AxisAction(PermutationAction.Natural group, -1)
    torch.manual_seed 1L |> ignore

    let net =
        torch.nn.Sequential(torch.nn.Linear(4L, 8L) :> Net, torch.nn.Tanh(), torch.nn.Linear(8L, 4L))

    let law (distribution: ElementDistribution) =
        let model =
            new ProbabilisticSymmetrise(net, action, action, distribution, 4, Random 1)

        Laws.equivariantInExpectation model action action (Sampling.normal [ 4L ])

    match Law.judge 30 1UL (law (ElementDistribution.Uniform())) with
    | Verdict.Held _ -> ()
    | Verdict.Broken sentence -> failwith sentence

    match Law.judge 30 1UL (law (new Biased())) with
    | Verdict.Broken sentence -> Assert.Contains("what chance explains", sentence)
    | Verdict.Held _ -> failwith "a biased sampler passes"

[<Fact>]
let ``declarations that do not fit are refused in a sentence`` () =
    let problem model =
        match Compile.problems model with
        | problem :: _ -> string problem
        | [] -> failwith "no problem was found"

    let assertProblem (parts: string list) model =
        let sentence = problem model

        for part in parts do
            Assert.Contains(part, sentence)

    assertProblem
        [ "sets"; "colour refinement" ]
        (one (image 1 4 4 |> under (symmetric 4) nodes) (framed sorting))

    assertProblem [ "4 nodes"; "3 × 5" ] (one (tensor [ 3; 5 ] |> under (symmetric 4) nodes) (framed colours))
    assertProblem [ "0 samples" ] (one set (symmetrised 0))

    assertProblem
        [ "479001600" ]
        (network {
            input "x" (vector 24 |> under (symmetric 12) regular)
            eq "x" (mlp [ 6 ]) (symmetrised 2)
        })

    assertProblem
        [ "symmetric group"; "C4" ]
        (network {
            input "x" (vector 4 |> under (cyclic 4) circle)
            eq "x" (mlp [ 6 ]) (framed sorting)
        })
