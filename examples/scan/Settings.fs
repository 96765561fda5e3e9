namespace Equivariant.Scan

open System
open System.Globalization
open Equivariant.Core
open TorchSharp

/// <summary>Everything that decides the numbers of a run; two runs with equal settings and seed are equal.</summary>
type Settings = {
    Architecture: Architecture
    /// <summary>Where to compute, in TorchSharp's words, such as "cpu".</summary>
    Device: string
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
        Device = "cpu"
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
    }

    /// <summary>A run of a few minutes: fewer epochs, and samples of the held-out commands.</summary>
    let quick = {
        full with
            EvaluationSize = 2000
            Pretraining = { full.Pretraining with Epochs = 10 }
            FinetuningSize = 16000
            Finetuning = { full.Finetuning with Epochs = 1 }
    }

    /// <summary>Gives a cell's name.</summary>
    let cellName cell =
        match cell with
        | Gru -> "gru"
        | Lstm -> "lstm"
        | Rnn -> "rnn"

    let private describeSchedule name (schedule: Schedule) : (string * obj) list = [
        $"{name}Epochs", schedule.Epochs
        $"{name}BatchSize", schedule.BatchSize
        $"{name}LearningRate", schedule.LearningRate
        $"{name}FinalLearningRate", schedule.FinalLearningRate
        $"{name}ClipNorm", schedule.ClipNorm
    ]

    /// <summary>Lists all settings by name.</summary>
    let describe (settings: Settings) : (string * obj) list = [
        "cell", cellName settings.Architecture.Cell
        "hidden", settings.Architecture.Hidden
        "dropout", settings.Architecture.Dropout
        "device", settings.Device
        "trainingSize", settings.TrainingSize
        "primitiveShare", settings.PrimitiveShare
        "heldBackSize", settings.HeldBackSize
        "evaluationSize", settings.EvaluationSize
        yield! describeSchedule "pretraining" settings.Pretraining
        "finetuningSize", settings.FinetuningSize
        yield! describeSchedule "finetuning" settings.Finetuning
    ]

    /// <summary>Finds the device to compute on.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There is no such device here.</exception>
    let device (settings: Settings) =
        let unavailable reason =
            raise (EquivariantException $"The device '%s{settings.Device}' can't be used: %s{reason}.")

        match settings.Device.Split ':' with
        | [| "cpu" |] -> torch.CPU
        | [| "cuda" |]
        | [| "cuda"; _ |] when not (torch.cuda.is_available ()) ->
            unavailable "this libtorch sees no CUDA GPU"
        | [| "cuda" |] -> torch.device "cuda"
        | [| "cuda"; number |] ->
            match Int32.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, index when index < torch.cuda.device_count () -> torch.device $"cuda:%d{index}"
            | _ -> unavailable $"this libtorch sees %d{torch.cuda.device_count ()} CUDA GPUs, counted from 0"
        | _ -> unavailable "name cpu, cuda or cuda:N"
