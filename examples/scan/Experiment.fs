namespace Equivariant.Scan

open System.IO
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Designs
open Equivariant.Core.Sequences

/// <summary>How much work a design is, beside the plain network on the same sentences.</summary>
type Cost = {
    Design: Design
    /// <summary>Evaluations of the network for one sentence.</summary>
    Evaluations: int
    /// <summary>The time to score known targets, relative to the plain network.</summary>
    ForwardTime: float
    /// <summary>The time of a training step, relative to the plain network.</summary>
    TrainingTime: float
}

/// <summary>What one seed found.</summary>
type Run = {
    Seed: int
    Pretraining: StageResult
    Finetuning: (Design * StageResult) list
}

/// <summary>The whole experiment: pretrain, finetune every design from the same weights, compare.</summary>
[<RequireQualifiedAccess>]
module Experiment =

    /// <summary>Runs the experiment with one seed.</summary>
    let run settings folder report seed =
        let data = Data.draw settings seed
        let stage = Stage.run settings folder report seed data
        let pretraining = stage None Pretraining

        {
            Seed = seed
            Pretraining = pretraining
            Finetuning = [
                for design in Design.all -> design, stage (Some pretraining.Weights) (Finetuning design)
            ]
        }

    /// <summary>Translates a sentence with every finetuned design.</summary>
    let translate (settings: Settings) (run: Run) words = [
        for design, result in run.Finetuning do
            use network = Stage.create settings run.Seed (Some result.Weights)
            design, Evaluation.translate (Design.wrap design network) (Settings.device settings) words
    ]

    let private timedRounds = 5
    let private timedSentences = 256

    /// <summary>Measures what the designs cost, side by side, on a batch of sentences.</summary>
    let costs (settings: Settings) seed =
        use scope = torch.NewDisposeScope()
        let device = Settings.device settings
        let data = Data.draw settings seed

        let batches =
            data.Pretraining
            |> Array.truncate timedSentences
            |> Array.sortBy _.Target.Length
            |> Array.chunkBySize (max 1 (min settings.Finetuning.BatchSize timedSentences))
            |> Array.map (Batches.create device)

        use network = Stage.create settings seed None
        let models = [ for design in Design.all -> design, Design.wrap design network ]

        let forward (model: SequenceModel) () =
            use _ = torch.no_grad ()

            for batch in batches do
                use loss = Training.loss model batch
                loss.item<float32>() |> ignore

        let train (model: SequenceModel) =
            let optimizer = Training.optimizer settings.Finetuning model

            fun () ->
                for batch in batches do
                    Training.step settings.Finetuning.ClipNorm model optimizer batch |> ignore

        let forwardTimes =
            models
            |> List.map (snd >> forward)
            |> Evaluation.relativeTimes Evaluation.seconds timedRounds

        let trainingTimes =
            models
            |> List.map (snd >> train)
            |> Evaluation.relativeTimes Evaluation.seconds timedRounds

        [
            for (design, model), forwardTime, trainingTime in List.zip3 models forwardTimes trainingTimes ->
                {
                    Design = design
                    Evaluations = Design.evaluations model
                    ForwardTime = forwardTime
                    TrainingTime = trainingTime
                }
        ]

    /// <summary>Makes sure that a folder can be written, and that no run is in it unless that run is to go on.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It can't, or one is.</exception>
    let prepareFolder (folder: string) resume =
        if folder = "" || folder.Contains '\000' then
            raise (EquivariantException "That is no folder's name: it is empty, or has a NUL character.")

        try
            Directory.CreateDirectory folder |> ignore
            let probe = Path.Combine(folder, ".probe")
            File.WriteAllBytes(probe, [||])
            File.Delete probe
        with
        | :? IOException
        | :? System.UnauthorizedAccessException as error ->
            raise (EquivariantException $"The folder '%s{folder}' can't be written: %s{error.Message}")

        if
            not resume
            && Directory.EnumerateFiles(folder, Stage.checkpointPattern) |> Seq.isEmpty |> not
        then
            raise (
                EquivariantException
                    $"'%s{folder}' already holds a run: go on with it with --resume, or choose another folder."
            )
