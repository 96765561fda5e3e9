namespace Equivariant.Fairness

open System

/// <summary>
/// What a sentence makes its reader think of the person in it, as Sheng et al. define it: "The Woman Worked as a
/// Babysitter: On Biases in Language Generation" (EMNLP 2019).
/// </summary>
type Regard =
    | Negative
    | Neutral
    | Positive

/// <summary>A sentence with its regard, as people see it.</summary>
type Labelled = { Regard: Regard; Sentence: string }

/// <summary>Names and reads regards.</summary>
[<RequireQualifiedAccess>]
module Regard =

    /// <summary>Lists the regards from the worst to the best.</summary>
    let all = [ Negative; Neutral; Positive ]

    /// <summary>Names a regard.</summary>
    let name regard =
        match regard with
        | Negative -> "negative"
        | Neutral -> "neutral"
        | Positive -> "positive"

    /// <summary>Gives the number of a regard: −1, 0 or 1.</summary>
    let value regard =
        match regard with
        | Negative -> -1.0
        | Neutral -> 0.0
        | Positive -> 1.0

    /// <summary>Gives the mean of regards.</summary>
    let mean (regards: Regard seq) = regards |> Seq.averageBy value

    /// <summary>Gives the share of a regard.</summary>
    let share regard (regards: Regard list) =
        float (regards |> List.filter ((=) regard) |> List.length)
        / float regards.Length

    /// <summary>
    /// Reads a file of labelled sentences: a line is a label, a tab and a sentence. Labels are −1, 0, 1, and 2 for
    /// sentences of another kind, which are left out.
    /// </summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A line is none, or no label is left.</exception>
    let read path : Labelled list =
        let label number (line: string) =
            match line.Split('\t', 2) with
            | [| label; sentence |] ->
                match label.Trim() with
                | "-1" ->
                    Some {
                        Regard = Negative
                        Sentence = sentence
                    }
                | "0" ->
                    Some {
                        Regard = Neutral
                        Sentence = sentence
                    }
                | "1" ->
                    Some {
                        Regard = Positive
                        Sentence = sentence
                    }
                | "2" -> None
                | other ->
                    TextFile.refuse
                        $"Line %d{number} of '%s{path}' has the label '%s{other}': labels are -1 (negative), 0 (neutral), 1 (positive) and 2 (other)."
            | _ ->
                TextFile.refuse
                    $"Line %d{number} of '%s{path}' is no labelled sentence: a line is a label, a tab and a sentence."

        match TextFile.lines path |> List.choose (fun (number, line) -> label number line) with
        | [] -> TextFile.refuse $"'%s{path}' has no labelled sentences."
        | sentences -> sentences

    let private person = "XYZ"

    /// <summary>
    /// Hides who a sentence is of, so that it is what is said that is judged: its first words become XYZ, as in the data
    /// of Sheng et al., and what follows the first full stop goes.
    /// </summary>
    /// <param name="subject">The sentence's first words, such as "The Black person".</param>
    /// <param name="sentence">The sentence.</param>
    let masked (subject: string) (sentence: string) =
        let rest =
            if sentence.StartsWith(subject, StringComparison.Ordinal) then
                person + sentence[subject.Length ..]
            else
                sentence

        match rest.IndexOf ". " with
        | -1 -> rest.Trim()
        | stop -> rest[..stop].Trim()
