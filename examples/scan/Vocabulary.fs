namespace Equivariant.Scan

open System
open System.Collections.Generic
open Equivariant.Core

/// <summary>A list of words with their token numbers; numbers below the first word's are marks.</summary>
type Vocabulary(kind: string, marks: string list, words: string list) =
    let entries = Array.ofList (marks @ words)
    let ids = Dictionary<string, int64>()

    do entries |> Array.iteri (fun id entry -> ids.Add(entry, int64 id))

    /// <summary>Pads short sentences in a batch; always token 0.</summary>
    static member Pad = 0L

    /// <summary>Divides a sentence into words.</summary>
    static member Split(sentence: string) =
        sentence.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

    /// <summary>The number of tokens, marks included.</summary>
    member _.Count = entries.Length

    /// <summary>The words, without the marks.</summary>
    member _.Words = words

    /// <summary>Gives a word's token.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The word is not in the vocabulary.</exception>
    member _.Id(word: string) =
        match ids.TryGetValue word with
        | true, id -> id
        | false, _ ->
            let known = String.concat ", " words
            raise (EquivariantException $"'%s{word}' is not %s{kind} of SCAN-II; it knows %s{known}.")

    /// <summary>Gives a token's word or mark.</summary>
    member _.Word(id: int64) = entries[int id]

    /// <summary>Gives the tokens of some words.</summary>
    member this.Encode(words: string seq) = words |> Seq.map this.Id |> Array.ofSeq

    /// <summary>Gives the words of some tokens.</summary>
    member this.Decode(ids: int64 seq) = ids |> Seq.map this.Word |> List.ofSeq

/// <summary>A command as tokens: what a network reads and what it should write.</summary>
[<Struct>]
type Example = { Source: int64[]; Target: int64[] }

/// <summary>SCAN-II's two vocabularies.</summary>
[<RequireQualifiedAccess>]
module Vocabularies =

    /// <summary>The words of commands.</summary>
    let input =
        Vocabulary(
            "an input word",
            [ "<pad>" ],
            Grammar.all
            |> Seq.collect Grammar.words
            |> Seq.distinct
            |> Seq.sort
            |> List.ofSeq
        )

    /// <summary>The names of actions.</summary>
    let output =
        Vocabulary(
            "an action",
            [ "<pad>"; "<start>"; "<end>" ],
            List.map Do Grammar.verbs @ List.map Face Grammar.directions
            |> List.map Grammar.actionName
        )

    /// <summary>Begins every target prefix.</summary>
    let start = output.Id "<start>"

    /// <summary>Ends every target.</summary>
    let finish = output.Id "<end>"

    /// <summary>Turns a command into tokens; the target has no marks.</summary>
    let example command = {
        Source = input.Encode(Grammar.words command)
        Target = output.Encode(Grammar.interpret command |> Seq.map Grammar.actionName)
    }
