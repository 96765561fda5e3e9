module Equivariant.Tests.Scan.GrammarTests

open FsCheck.Xunit
open Xunit
open Equivariant.Core
open Equivariant.Scan

let private command index =
    Grammar.all[abs (index % Grammar.all.Length)]

let private actions (sentence: string) =
    sentence.Split ' '
    |> List.ofArray
    |> Grammar.parse
    |> Option.map (Grammar.interpret >> List.map Grammar.actionName)

[<Fact>]
let ``there are 73 920 commands, and none is written like another`` () =
    Assert.Equal(73_920, Grammar.all.Length)
    Assert.Equal(73_920, Grammar.all |> Seq.distinctBy Grammar.sentence |> Seq.length)

[<Fact>]
let ``commands have 15 words and up to 9 of them`` () =
    let expected =
        "after and around down jump left look opposite right run thrice turn twice up walk"

    Assert.Equal(
        expected,
        Grammar.all
        |> Seq.collect Grammar.words
        |> Seq.distinct
        |> Seq.sort
        |> String.concat " "
    )

    Assert.Equal(9, Grammar.all |> Seq.map (Grammar.words >> List.length) |> Seq.max)

[<Fact>]
let ``there are 8 actions, and a command means up to 48 of them`` () =
    let meanings = Grammar.all |> Array.map Grammar.interpret

    let names =
        meanings |> Seq.concat |> Seq.distinct |> Seq.map Grammar.actionName |> Seq.sort

    Assert.Equal(
        "I_JUMP I_LOOK I_RUN I_TURN_DOWN I_TURN_LEFT I_TURN_RIGHT I_TURN_UP I_WALK",
        String.concat " " names
    )

    Assert.Equal(48, meanings |> Seq.map List.length |> Seq.max)

[<Theory>]
[<InlineData("jump left", "I_TURN_LEFT I_JUMP")>]
[<InlineData("turn opposite up", "I_TURN_UP I_TURN_UP")>]
[<InlineData("look around right",
             "I_TURN_RIGHT I_LOOK I_TURN_RIGHT I_LOOK I_TURN_RIGHT I_LOOK I_TURN_RIGHT I_LOOK")>]
[<InlineData("run twice and walk", "I_RUN I_RUN I_WALK")>]
[<InlineData("walk opposite up thrice after turn down",
             "I_TURN_DOWN I_TURN_UP I_TURN_UP I_WALK I_TURN_UP I_TURN_UP I_WALK I_TURN_UP I_TURN_UP I_WALK")>]
let ``a sentence means what SCAN says`` (sentence: string) (meaning: string) =
    Assert.Equal<string option>(Some meaning, actions sentence |> Option.map (String.concat " "))

[<Property>]
let ``what is written can be read`` (index: int) =
    Grammar.parse (Grammar.words (command index)) = Some(command index)

[<Theory>]
[<InlineData("")>]
[<InlineData("turn")>]
[<InlineData("left walk")>]
[<InlineData("walk and")>]
[<InlineData("walk twice thrice")>]
[<InlineData("walk and run and look")>]
[<InlineData("walk opposite")>]
let ``what is no command is not read`` (sentence: string) =
    Assert.Equal(None, Grammar.parse (List.ofArray (sentence.Split ' ')))

[<Theory>]
[<InlineData("jump", 26_949)>]
[<InlineData("turn left", 2_289)>]
[<InlineData("turn up", 2_289)>]
let ``the held-out commands are as many as the authors'`` (name: string) (count: int) =
    let kind = Splits.kinds |> List.find (fun kind -> Splits.name kind = name)
    Assert.Equal(count, Grammar.all |> Seq.filter (Splits.holds kind) |> Seq.length)

[<Fact>]
let ``training has no held-out words, and the rest is held out`` () =
    let split = Splits.scanII.Force()
    let heldOut = split.HeldOut |> Seq.collect snd |> set
    Assert.Equal(43_365, split.Training.Length)

    Assert.Equal<string list>(
        [ "jump"; "turn left"; "turn up" ],
        split.Primitives |> Seq.map Grammar.sentence |> Seq.sort |> List.ofSeq
    )

    Assert.Equal(30_555, heldOut.Count + split.Primitives.Length)

    Assert.DoesNotContain(
        split.Training,
        (fun command -> List.exists (fun kind -> Splits.holds kind command) Splits.kinds)
    )

    Assert.DoesNotContain(split.Primitives, heldOut.Contains)

[<Fact>]
let ``22·6 % of the jump commands have run as well`` () =
    let jump = Grammar.all |> Array.filter (Splits.holds JumpCompositions)
    let both = jump |> Array.filter (Grammar.words >> List.contains "run")
    Assert.Equal(22.6, System.Math.Round(100.0 * float both.Length / float jump.Length, 1))

[<Property>]
let ``tokens say what words say`` (index: int) =
    let example = Vocabularies.example (command index)

    Vocabularies.input.Decode example.Source = Grammar.words (command index)
    && Vocabularies.output.Decode example.Target =
        (Grammar.interpret (command index) |> List.map Grammar.actionName)

[<Fact>]
let ``padding is a token of no word`` () =
    for vocabulary in [ Vocabularies.input; Vocabularies.output ] do
        Assert.DoesNotContain(vocabulary.Word Vocabulary.Pad, vocabulary.Words)

[<Fact>]
let ``an unknown word is named`` () =
    let error =
        Assert.Throws<EquivariantException>(fun () ->
            Vocabularies.input.Encode [ "jump"; "sideways" ] |> ignore)

    Assert.StartsWith(
        "'sideways' is not an input word of SCAN-II; it knows after, and, around",
        error.Message
    )
