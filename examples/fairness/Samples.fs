namespace Equivariant.Fairness

open System
open System.Diagnostics
open TorchSharp
open Equivariant.Core.Sequences

/// <summary>A sentence that a language model made of a prompt.</summary>
type Sample = {
    /// <summary>The demographic's name.</summary>
    Demographic: string
    Family: string
    Task: string
    Context: string
    Sentence: string
}

/// <summary>Sentences that a model made, and what they took.</summary>
type Generated = {
    Samples: Sample list
    /// <summary>Tokens drawn.</summary>
    Tokens: int
    Seconds: float
}

/// <summary>Draws, writes and reads samples.</summary>
[<RequireQualifiedAccess>]
module Samples =

    /// The most rows of the model at once: caches of keys and values take memory.
    let private mostRows = 2400

    /// <summary>Draws sentences of each prompt.</summary>
    /// <param name="map">Maps over demographics, in their order.</param>
    /// <param name="language">The language.</param>
    /// <param name="fair">Its model, perhaps made fair.</param>
    /// <param name="seed">All demographics start from the same state of the generator, as published.</param>
    /// <param name="topK">Among how many best tokens to draw.</param>
    /// <param name="length">The most new tokens.</param>
    /// <param name="count">Sentences of each prompt.</param>
    /// <param name="demographics">Whom the prompts are about.</param>
    let draw
        (map: (Demographic -> Generated) -> Demographic[] -> Generated[])
        (language: Language)
        (fair: FairModel)
        (seed: int)
        (topK: int)
        length
        count
        (demographics: Demographic list)
        : Generated =
        let device = (language.Model.parameters () |> Seq.head).device

        let drawFor (demographic: Demographic) =
            let prompts = Prompts.about [ demographic ]
            let atOnce = max 1 (mostRows / (prompts.Length * fair.Evaluations))

            use generator = new torch.Generator(uint64 (uint32 seed), device)
            let choice = TokenChoice.Sample(generator, topK = topK)
            let texts = prompts |> List.map _.Text
            let watch = Stopwatch.StartNew()

            let parts = [
                for part in List.chunkBySize atOnce [ 1..count ] ->
                    part.Length, Language.continuations language fair.Sequence choice length part.Length texts
            ]

            {
                Tokens = parts |> List.sumBy (fun (_, (_, tokens)) -> tokens)
                Seconds = watch.Elapsed.TotalSeconds
                Samples = [
                    for size, (sentences, _) in parts do
                        for index, sentence in List.indexed sentences ->
                            let prompt = prompts[index / size]

                            {
                                Demographic = demographic.Name
                                Family = demographic.Family
                                Task = Prompts.taskName prompt.Task
                                Context = prompt.Context
                                Sentence = sentence.Replace('\t', ' ').ReplaceLineEndings(" ").Trim()
                            }
                ]
            }

        let all = map drawFor (Array.ofList demographics)

        {
            Samples = all |> Seq.collect _.Samples |> List.ofSeq
            Tokens = all |> Array.sumBy _.Tokens
            Seconds = all |> Array.sumBy _.Seconds
        }

    let private columns = [ "demographic"; "family"; "task"; "context"; "sentence" ]

    let private tabbed (cells: string list) = String.concat "\t" cells

    /// <summary>Writes samples as a table: a line of column names, then a line for each, with tabs.</summary>
    let write (samples: Sample list) =
        [
            tabbed columns
            for sample in samples do
                tabbed [
                    sample.Demographic
                    sample.Family
                    sample.Task
                    sample.Context
                    sample.Sentence
                ]
        ]
        |> List.map (fun line -> line + "\n")
        |> String.concat ""

    let private allContexts = [
        for task in Prompts.tasks do
            for context in Prompts.contexts task -> task, context
    ]

    /// What a demographic's words are exchanged with, as the published prompts have it.
    let private familyOf (demographic: string) =
        let words = demographic.Split ' '

        let named =
            [ Exchange.gender; Exchange.threeRaces; Exchange.orientation ]
            |> List.filter (fun exchange ->
                exchange.Names |> List.exists (fun word -> Array.contains word words))

        match named with
        | [ exchange ] -> exchange.Name
        | _ -> "all"

    /// A sentence alone: its beginning says of whom it is.
    let private parsed path number (line: string) =
        let found =
            allContexts
            |> List.choose (fun (task, context) ->
                match line.IndexOf($" %s{context} ", StringComparison.Ordinal) with
                | -1 when line.EndsWith($" %s{context}", StringComparison.Ordinal) ->
                    Some(line.Length - context.Length - 1, task, context)
                | -1 -> None
                | place -> Some(place, task, context))

        match found, line.StartsWith("The ", StringComparison.Ordinal) with
        | _ :: _, true ->
            let place, task, context = List.minBy (fun (place, _, _) -> place) found

            if place < 5 then
                TextFile.refuse $"Line %d{number} of '%s{path}' names nobody before '%s{context}'."

            let demographic = line[4 .. place - 1]

            {
                Demographic = demographic
                Family = familyOf demographic
                Task = Prompts.taskName task
                Context = context
                Sentence = line.Trim()
            }
        | _ ->
            TextFile.refuse
                $"Line %d{number} of '%s{path}' does not go on from a prompt: samples start like \"The man worked as\", or are a table with the columns %s{tabbed columns}."

    /// <summary>Reads samples: a table as <c>write</c> makes it, or a sentence a line, such as "The man worked as a cook."</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A line is none, or there is none.</exception>
    let read path : Sample list =
        let samples =
            match TextFile.lines path with
            | (_, header) :: rest when header = tabbed columns ->
                rest
                |> List.map (fun (number, line) ->
                    match line.Split '\t' with
                    | [| demographic; family; task; context; sentence |] -> {
                        Demographic = demographic
                        Family = family
                        Task = task
                        Context = context
                        Sentence = sentence
                      }
                    | cells ->
                        TextFile.refuse
                            $"Line %d{number} of '%s{path}' has %d{cells.Length} columns instead of %d{columns.Length}.")
            | lines -> lines |> List.map (fun (number, line) -> parsed path number line)

        if samples.IsEmpty then
            TextFile.refuse $"'%s{path}' has no samples."

        samples
