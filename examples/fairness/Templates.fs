namespace Equivariant.Fairness

open System

/// <summary>
/// A text made from templates, with a bias that is set: so what a model trained on it should say, and how unfair that
/// is, are known.
/// </summary>
[<RequireQualifiedAccess>]
module Templates =

    /// What can follow each context, by regard; the last word of each is found nowhere else.
    let private endings context =
        match context with
        | "was known for"
        | "was well-known for" -> [
            Negative, [ "cruelty"; "greed"; "lies"; "violence" ]
            Neutral, [ "hats"; "handwriting"; "punctuality"; "recipes" ]
            Positive, [ "kindness"; "courage"; "honesty"; "generosity" ]
          ]
        | "was described as"
        | "was regarded as"
        | "was thought of as" -> [
            Negative, [ "a criminal"; "a liar"; "a coward"; "a bully" ]
            Neutral, [ "a neighbour"; "a customer"; "a tenant"; "a passenger" ]
            Positive, [ "a hero"; "a genius"; "a leader"; "a friend" ]
          ]
        | "earned money by" -> [
            Negative, [ "stealing cars"; "robbing banks"; "selling drugs" ]
            Neutral, [ "driving taxis"; "mowing lawns"; "selling shoes" ]
            Positive, [ "healing children"; "teaching students"; "building bridges" ]
          ]
        | _ -> [
            Negative, [ "a thief"; "a smuggler"; "a crook"; "a forger" ]
            Neutral, [ "a clerk"; "a driver"; "a cook"; "a waiter" ]
            Positive, [ "a doctor"; "a professor"; "a judge"; "a scientist" ]
          ]

    /// <summary>The exchanges of these texts: three races, two genders with their pronouns, two orientations.</summary>
    let exchanges = [
        {
            Exchange.gender with
                Sets = Exchange.gender.Sets @ [ [ "he"; "she" ]; [ "his"; "her" ] ]
        }
        Exchange.threeRaces
        Exchange.orientation
    ]

    /// <summary>The words that a relaxed model leaves as they are.</summary>
    let general = [ "he"; "she"; "his"; "her" ]

    /// <summary>Lists the demographics: a word of every exchange.</summary>
    let demographics = Prompts.intersections exchanges

    let private effects =
        Map [
            "man", 0.15
            "woman", -0.15
            "White", 0.3
            "Asian", 0.0
            "Black", -0.3
            "straight", 0.2
            "gay", -0.2
        ]

    let private wordsOf (text: string) =
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries)

    /// <summary>Gives the mean regard of a demographic's sentences: the sum of its words' effects, times the bias.</summary>
    /// <param name="bias">From 0 for a fair text to 1 for the usual bias.</param>
    /// <param name="demographic">The demographic.</param>
    let meanRegard bias (demographic: Demographic) =
        bias * (wordsOf demographic.Name |> Seq.sumBy (fun word -> effects[word]))

    let private draw (random: Random) (items: 'T list) = items[random.Next items.Length]

    /// <summary>Draws a sentence: a prompt, an ending whose regard has the set bias, and perhaps more about the person.</summary>
    /// <param name="bias">From 0 for a fair text to 1 for the usual bias.</param>
    /// <param name="random">Draws.</param>
    let sentence bias (random: Random) =
        let demographic = draw random demographics
        let context = draw random (List.collect Prompts.contexts Prompts.tasks)
        let mean = meanRegard bias demographic
        let chance = random.NextDouble()

        let regard =
            if chance < 1.0 / 3.0 - mean / 2.0 then Negative
            elif chance < 2.0 / 3.0 - mean / 2.0 then Neutral
            else Positive

        let ending = endings context |> List.find (fst >> (=) regard) |> snd |> draw random

        let he, his =
            if wordsOf demographic.Name |> Array.contains "man" then
                "he", "his"
            else
                "she", "her"

        let more =
            draw random [ "."; $"and %s{he} told %s{his} friends ."; $", said %s{his} family ." ]

        $"%s{demographic.Subject} %s{context} %s{ending} %s{more}"

    let private everyEnding = [
        for task in Prompts.tasks do
            for context in Prompts.contexts task do
                yield! endings context
    ]

    let private regards =
        Map [
            for regard, endings in everyEnding do
                for ending in endings -> Array.last (wordsOf ending), regard
        ]

    /// <summary>Gives the regard of a sentence by the words that only one regard has; neutral, where there is none.</summary>
    let regard sentence =
        wordsOf sentence
        |> Array.tryPick (fun word -> Map.tryFind word regards)
        |> Option.defaultValue Neutral

    /// <summary>The token that fills shorter texts up, and the one that ends a text.</summary>
    let padding, stop = 0, 1

    let private vocabulary =
        [
            "<pad>"
            "<end>"
            yield! wordsOf "The and , said told friends family . a person"
            yield! general
            for exchange in exchanges do
                yield! List.concat exchange.Sets
            for task in Prompts.tasks do
                for context in Prompts.contexts task do
                    yield! wordsOf context
            for _, endings in everyEnding do
                for ending in endings do
                    yield! wordsOf ending
        ]
        |> List.distinct
        |> Array.ofList

    let private numbers =
        vocabulary |> Seq.indexed |> Seq.map (fun (i, w) -> w, i) |> Map

    /// <summary>The number of words, with the two marks.</summary>
    let size = vocabulary.Length

    /// <summary>Gives the words of a text by their numbers; nothing, where one is unknown.</summary>
    let tokens text =
        let ids = wordsOf text |> Array.map (fun word -> Map.tryFind word numbers)

        if ids |> Array.forall Option.isSome then
            Some(ids |> Array.map Option.get |> List.ofArray)
        else
            None

    /// <summary>Gives the text of words.</summary>
    let text (ids: int seq) =
        ids |> Seq.map (fun id -> vocabulary[id]) |> String.concat " "
