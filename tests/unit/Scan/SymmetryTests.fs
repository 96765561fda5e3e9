module Equivariant.Tests.Scan.SymmetryTests

open System.Numerics
open FsCheck.Xunit
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Scan

let private elements = Array.ofSeq Symmetry.group.Elements

let private act (action: PermutationAction) (element: GroupElement) (tokens: int64[]) =
    let images = action.Permutation element
    tokens |> Array.map (fun token -> int64 images[int token])

[<Fact>]
let ``the group has 8 elements`` () =
    Assert.Equal(BigInteger 8, Symmetry.group.Order)
    Assert.True(Symmetry.onWords.IsFaithful)
    Assert.True(Symmetry.onActions.IsFaithful)

[<Property>]
let ``an exchanged command means the exchanged actions`` (index: int) =
    let example = Vocabularies.example Grammar.all[abs (index % Grammar.all.Length)]

    elements
    |> Array.forall (fun element ->
        let words = act Symmetry.onWords element example.Source |> Vocabularies.input.Decode
        let meaning = Grammar.parse words |> Option.map (Vocabularies.example >> _.Target)
        meaning = Some(act Symmetry.onActions element example.Target))

[<Fact>]
let ``marks and words without a partner stay`` () =
    for element in elements do
        for mark in
            [
                Vocabulary.Pad
                Vocabularies.start
                Vocabularies.finish
                Vocabularies.output.Id "I_WALK"
            ] do
            Assert.Equal(mark, (act Symmetry.onActions element [| mark |])[0])

        Assert.Equal(Vocabulary.Pad, (act Symmetry.onWords element [| Vocabulary.Pad |])[0])

[<Fact>]
let ``equitune takes 8 evaluations, the terms of the factors 2 each, the plain network 1`` () =
    use network =
        new Seq2Seq(
            {
                Cell = Gru
                Hidden = 4L
                Dropout = 0.0
            },
            Vocabularies.input.Count,
            Vocabularies.output.Count
        )

    let evaluations design =
        Design.evaluations (Design.wrap design network)

    Assert.Equal<int list>([ 1; 8; 8; 8; 6; 6; 6; 6 ], List.map evaluations Design.all)

[<Fact>]
let ``every design has a name of its own`` () =
    Assert.Equal(Design.all.Length, Design.all |> List.distinctBy Design.name |> List.length)

[<Fact>]
let ``designs are named after what stands for each pair of words`` () =
    Assert.Equal<string list>(
        [
            "plain"
            "equitune"
            "λ-equitune"
            "equizero"
            "multi collapse run"
            "multi collapse jump"
            "multi canonical run"
            "multi canonical jump"
        ],
        List.map Design.name Design.all
    )

    // Training shows run, right and down in composition, and jump, "turn left" and "turn up" never.
    let words = Symmetry.representativeWords InDistribution |> fst
    let training = Splits.scanII.Value.Training |> Seq.map Grammar.words

    Assert.All(words, (fun word -> Assert.Contains(training, (fun sentence -> List.contains word sentence))))
    Assert.DoesNotContain(training, List.contains "jump")
