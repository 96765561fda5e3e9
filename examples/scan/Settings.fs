namespace Equivariant.Scan

open System
open System.Text.Json.Serialization
open Equivariant.Bench
open Equivariant.Core

/// <summary>Everything that decides the numbers of a run; two runs with equal settings and seed are equal.</summary>
type Settings = {
    Architecture: Architecture
    /// <summary>Training sentences to draw from SCAN-II's 43 365; all that are not held back, if there are fewer.</summary>
    TrainingSize: int
    /// <summary>Each bare primitive is repeated, to be this share of the training sentences.</summary>
    PrimitiveShare: float
    /// <summary>Training sentences that no training sees, to measure accuracy in distribution.</summary>
    HeldBackSize: int
    /// <summary>The most sentences of each held-out split to translate.</summary>
    EvaluationSize: int
    Pretraining: Schedule
    /// <summary>Training sentences for finetuning.</summary>
    FinetuningSize: int
    Finetuning: Schedule
    /// <summary>A sentence for every design to translate in the end; it decides no numbers.</summary>
    [<JsonIgnore>]
    Translate: string option
}

/// <summary>The settings of the usual runs.</summary>
[<RequireQualifiedAccess>]
module Settings =

    /// <summary>The long run: all sentences, all held-out commands.</summary>
    let full: Settings = {
        Architecture = {
            Cell = Gru
            Hidden = 64L
            Dropout = 0.0
        }
        TrainingSize = Int32.MaxValue
        PrimitiveShare = 0.02
        HeldBackSize = 1000
        EvaluationSize = Int32.MaxValue
        Pretraining = {
            Epochs = 20
            BatchSize = 64
            LearningRate = 3e-3
            FinalLearningRate = 3e-4
            ClipNorm = 1.0
        }
        FinetuningSize = Int32.MaxValue
        Finetuning = {
            Epochs = 2
            BatchSize = 64
            LearningRate = 1e-3
            FinalLearningRate = 1e-4
            ClipNorm = 1.0
        }
        Translate = None
    }

    /// <summary>A run of a few minutes: fewer epochs, and samples of the held-out commands.</summary>
    let quick = {
        full with
            EvaluationSize = 2000
            Pretraining = { full.Pretraining with Epochs = 10 }
            FinetuningSize = 16000
            Finetuning = { full.Finetuning with Epochs = 1 }
    }

    let private tinySchedule = {
        Epochs = 3
        BatchSize = 8
        LearningRate = 1e-2
        FinalLearningRate = 1e-3
        ClipNorm = 1.0
    }

    /// <summary>A run of a few seconds: a network that learns nothing, and a few sentences.</summary>
    let tiny = {
        full with
            Architecture = {
                Cell = Gru
                Hidden = 8L
                Dropout = 0.1
            }
            TrainingSize = 40
            PrimitiveShare = 0.05
            HeldBackSize = 6
            EvaluationSize = 6
            Pretraining = tinySchedule
            FinetuningSize = 16
            Finetuning = { tinySchedule with Epochs = 2 }
    }

    /// <summary>Gives the settings of a preset.</summary>
    let ofPreset preset =
        match preset with
        | Full -> full
        | Quick -> quick
        | Tiny -> tiny

    /// <summary>Lists the cells by name.</summary>
    let cells = [ "gru", Gru; "lstm", Lstm; "rnn", Rnn ]

    /// <summary>Gives a cell's name.</summary>
    let cellName cell =
        cells |> List.find (fun (_, known) -> known = cell) |> fst

    let private epochs count (schedule: Schedule) = { schedule with Epochs = count }

    let private mostEpochs = 10_000

    /// The words of a sentence, all of them known.
    let private requireWords (sentence: string) =
        match Vocabulary.Split sentence with
        | [] -> raise (EquivariantException "--translate needs a sentence, such as \"jump left twice\".")
        | words -> Vocabularies.input.Encode words |> ignore

    /// <summary>Lists the options that change settings.</summary>
    let arguments: Argument<Settings> list = [
        Argument.choice
            "cell"
            "recurrent network"
            cells
            "the recurrent network: gru (the default), lstm or rnn."
            (fun cell settings -> {
                settings with
                    Settings.Architecture.Cell = cell
            })
        Argument.number
            "epochs"
            (1, mostEpochs)
            "how often pretraining sees its sentences."
            (fun count settings -> {
                settings with
                    Pretraining = epochs count settings.Pretraining
            })
        Argument.number
            "finetune-epochs"
            (1, mostEpochs)
            "how often finetuning sees its sentences."
            (fun count settings -> {
                settings with
                    Finetuning = epochs count settings.Finetuning
            })
        Argument.text
            "translate"
            "sentence"
            "a sentence for every design to translate in the end. Example: --translate \"jump left twice\"."
            (fun sentence settings ->
                requireWords sentence

                {
                    settings with
                        Translate = Some sentence
                })
    ]
