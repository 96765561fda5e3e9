namespace Equivariant.Scan

open System
open System.Text.Encodings.Web
open System.Text.Json

/// <summary>One design's accuracy on some sentences, over all seeds.</summary>
type Summary = {
    Name: string
    /// <summary>Sentences translated, for one seed.</summary>
    Sentences: int
    /// <summary>The share of correct sentences of each seed.</summary>
    Shares: float list
} with

    /// <summary>The mean over the seeds.</summary>
    member this.Mean = List.average this.Shares

    /// <summary>The standard deviation over the seeds, 0 for a single one.</summary>
    member this.Deviation =
        match this.Shares with
        | []
        | [ _ ] -> 0.0
        | shares ->
            let squares = shares |> List.sumBy (fun share -> (share - this.Mean) ** 2.0)
            sqrt (squares / float (shares.Length - 1))

/// <summary>A line of the comparison.</summary>
type Line = {
    Name: string
    /// <summary>What the design costs; nothing for the network before finetuning.</summary>
    Cost: Cost option
    /// <summary>Sentences trained on per second.</summary>
    SentencesPerSecond: float
    Accuracies: Summary list
}

/// <summary>Summarises runs and writes them down.</summary>
[<RequireQualifiedAccess>]
module Results =

    let private summarise (results: StageResult list) : Summary list =
        results
        |> List.map _.Accuracies
        |> List.transpose
        |> List.map (fun accuracies -> {
            Name = accuracies.Head.Name
            Sentences = accuracies.Head.Count
            Shares = accuracies |> List.map _.Share
        })

    let private line name cost (results: StageResult list) = {
        Name = name
        Cost = cost
        SentencesPerSecond = results |> List.averageBy _.SentencesPerSecond
        Accuracies = summarise results
    }

    /// <summary>Compares the designs over the runs of all seeds; the first line is the network before finetuning.</summary>
    let compare (runs: Run list) (costs: Cost list) =
        line "pretrained" None (runs |> List.map _.Pretraining)
        :: [
            for cost in costs do
                runs
                |> List.map (fun run ->
                    run.Finetuning |> List.find (fun (design, _) -> design = cost.Design) |> snd)
                |> line (Design.name cost.Design) (Some cost)
        ]

    /// <summary>Says how a run differs from the paper's set-up.</summary>
    let differences (settings: Settings) = [
        $"Batches of {settings.Pretraining.BatchSize} sentences; the authors' code trains on one at a time."
        $"Each bare primitive is %.0f{100.0 * settings.PrimitiveShare} %% of the training sentences; the authors repeat each 2601 times, about 5 %%."
        "The attention follows the decoder's recurrent network, so that a known target is one call of it."
        $"{settings.HeldBackSize} training sentences are held back, to measure accuracy in distribution."
        "Held-out accuracy leaves out the bare primitives, which training shows."
        if settings.EvaluationSize < Splits.scanII.Value.Training.Length then
            $"At most {settings.EvaluationSize} commands of each held-out split are translated, drawn at random."
        "Sentences with both jump and run are also reported by themselves: no exchange maps them to a training sentence."
    ]

    let private rounded (value: float) = Math.Round(value, 6)

    let private summaryJson (summary: Summary) : (string * obj) list = [
        "sentences", summary.Sentences
        "mean", rounded summary.Mean
        "deviation", rounded summary.Deviation
        "perSeed", List.map rounded summary.Shares
    ]

    let private costJson (cost: Cost) : (string * obj) list = [
        "evaluationsPerSentence", cost.Evaluations
        "relativeForwardTime", rounded cost.ForwardTime
        "relativeTrainingTime", rounded cost.TrainingTime
    ]

    let private lineJson (line: Line) : (string * obj) list = [
        "name", line.Name
        "accuracy", dict [ for summary in line.Accuracies -> summary.Name, dict (summaryJson summary) ]
        yield! line.Cost |> Option.map costJson |> Option.defaultValue []
        "trainingSentencesPerSecond", rounded line.SentencesPerSecond
    ]

    let private lossesJson (run: Run) : (string * obj) list = [
        "seed", run.Seed
        "pretraining", run.Pretraining.Losses
        "finetuning", dict [ for design, result in run.Finetuning -> Design.name design, result.Losses ]
    ]

    let private options =
        JsonSerializerOptions(WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

    /// <summary>Writes the comparison as JSON.</summary>
    let json (settings: Settings) (runs: Run list) (lines: Line list) =
        let document: (string * obj) list = [
            "experiment", "SCAN-II"
            "settings", dict (Settings.describe settings)
            "seeds", [ for run in runs -> run.Seed ]
            "designs", [ for line in lines -> dict (lineJson line) ]
            "losses", [ for run in runs -> dict (lossesJson run) ]
            "differencesFromPaper", differences settings
        ]

        JsonSerializer.Serialize(dict document, options)
