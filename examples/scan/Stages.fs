namespace Equivariant.Scan

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Text.Json
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Designs
open Equivariant.Core.Sequences

/// <summary>A part of the experiment that has a checkpoint of its own.</summary>
type Stage =
    | Pretraining
    | Finetuning of Design

/// <summary>How many of some sentences were translated without any mistake.</summary>
type Accuracy = {
    Name: string
    Correct: int
    Count: int
} with

    /// <summary>The share of correct sentences.</summary>
    member this.Share = float this.Correct / float (max 1 this.Count)

/// <summary>What a stage found.</summary>
type StageResult = {
    /// <summary>The mean loss of each epoch.</summary>
    Losses: float list
    /// <summary>Sentences trained on per second.</summary>
    SentencesPerSecond: float
    Accuracies: Accuracy list
    /// <summary>The network's weights, as TorchSharp saves them.</summary>
    Weights: byte[]
}

/// <summary>What a stage is doing.</summary>
type Progress = {
    Seed: int
    Stage: Stage
    /// <summary>False while training, true while translating.</summary>
    Evaluating: bool
    /// <summary>Sentences done.</summary>
    Done: int
    /// <summary>Sentences to do.</summary>
    Total: int
    /// <summary>The last batch's loss; not a number while translating.</summary>
    Loss: float
}

/// <summary>What a checkpoint says of its stage, beside the weights and the optimiser's state.</summary>
type StageHeader = {
    Settings: Dictionary<string, JsonElement>
    Seed: int
    Stage: string
    /// <summary>The mean loss of each finished epoch.</summary>
    Losses: float list
    /// <summary>The time that training took.</summary>
    Seconds: float
    /// <summary>Empty until the stage is finished.</summary>
    Accuracies: Accuracy list
}

/// <summary>Trains and measures one stage, going on from its checkpoint if it has one.</summary>
[<RequireQualifiedAccess>]
module Stage =

    /// <summary>Names a stage.</summary>
    let name stage =
        match stage with
        | Pretraining -> "pretraining"
        | Finetuning design -> $"finetuning {Design.name design}"

    /// <summary>Gives the pattern of all checkpoints' names.</summary>
    let checkpointPattern = "seed-*.checkpoint"

    let private path folder (seed: int) stage =
        Path.Combine(folder, $"seed-{seed}-{(name stage).Replace(' ', '-')}.checkpoint")

    let private elements (settings: Settings) =
        Settings.describe settings
        |> Seq.map (fun (name, value) -> KeyValuePair(name, JsonSerializer.SerializeToElement value))
        |> Dictionary

    let private difference (was: Dictionary<string, JsonElement>) (now: Dictionary<string, JsonElement>) =
        now
        |> Seq.tryPick (fun setting ->
            match was.TryGetValue setting.Key with
            | true, old when old.GetRawText() = setting.Value.GetRawText() -> None
            | true, old ->
                Some $"%s{setting.Key} was %s{old.GetRawText()} and is now %s{setting.Value.GetRawText()}"
            | false, _ -> Some $"%s{setting.Key} was not known then")

    let private requireSame path settings seed stage header =
        match difference header.Settings (elements settings) with
        | Some difference ->
            raise (
                EquivariantException
                    $"'%s{path}' is of a run with other settings (%s{difference}): resume with the same settings, or choose another folder."
            )
        | None -> ()

        if header.Seed <> seed || header.Stage <> name stage then
            raise (
                EquivariantException
                    $"'%s{path}' holds %s{header.Stage} with seed %d{header.Seed}, not what its name says: move it away."
            )

    let private readHeader (checkpoint: Checkpoint) =
        match JsonSerializer.Deserialize<StageHeader> checkpoint.Header with
        | null -> invalidArg (nameof checkpoint) "The header is empty."
        | header -> header

    let private toBytes (save: BinaryWriter -> unit) =
        use stream = new MemoryStream()
        use writer = new BinaryWriter(stream)
        save writer
        writer.Flush()
        stream.ToArray()

    let private ofBytes (load: BinaryReader -> unit) (bytes: byte[]) =
        use reader = new BinaryReader(new MemoryStream(bytes))
        load reader

    /// <summary>Makes the network of a run: with given weights, or with the random ones that its seed gives.</summary>
    let create (settings: Settings) seed (weights: byte[] option) =
        torch.manual_seed (int64 (Seed.derive seed "weights")) |> ignore

        let network =
            new Seq2Seq(settings.Architecture, Vocabularies.input.Count, Vocabularies.output.Count)

        weights |> Option.iter (ofBytes (fun reader -> network.load reader |> ignore))

        network.``to`` (Settings.device settings) |> ignore
        network

    let private design stage =
        match stage with
        | Pretraining -> Plain
        | Finetuning design -> design

    /// A stage at work.
    type private Bench = {
        Seed: int
        Stage: Stage
        Device: torch.Device
        Path: string
        Schedule: Schedule
        Sentences: Example[]
        Network: Seq2Seq
        Model: SequenceModel
        Optimizer: TorchSharp.Modules.Adam
        Report: Progress -> unit
    }

    let private weightsOf (network: Seq2Seq) =
        toBytes (fun writer -> network.save writer |> ignore)

    let private save bench (header: StageHeader) =
        Checkpoint.write bench.Path {
            Header = JsonSerializer.Serialize header
            Blocks = [ weightsOf bench.Network; toBytes bench.Optimizer.save_state_dict ]
        }

        header

    /// Says how far a stage is; `counted` have been reported before.
    let private reporter bench evaluating counted total =
        let mutable finished = counted

        fun sentences loss ->
            finished <- finished + sentences

            bench.Report {
                Seed = bench.Seed
                Stage = bench.Stage
                Evaluating = evaluating
                Done = finished
                Total = total
                Loss = loss
            }

    let private trainEpoch bench (header: StageHeader) epoch =
        let watch = Stopwatch.StartNew()
        let chance = Seed.derive bench.Seed $"{name bench.Stage}, epoch {epoch}"
        let count = bench.Sentences.Length
        let report = reporter bench false (epoch * count) (bench.Schedule.Epochs * count)

        let loss =
            Training.epoch
                bench.Schedule
                chance
                epoch
                report
                bench.Model
                bench.Optimizer
                bench.Device
                bench.Sentences

        if not (Double.IsFinite loss) then
            raise (
                EquivariantException
                    $"The loss of %s{name bench.Stage} is no number any more in epoch %d{epoch + 1}: lower the learning rate, or take another seed."
            )

        save bench {
            header with
                Losses = header.Losses @ [ loss ]
                Seconds = header.Seconds + watch.Elapsed.TotalSeconds
        }

    let private measure bench (sets: (string * Example[]) list) (header: StageHeader) =
        let report =
            reporter bench true 0 (sets |> List.sumBy (fun (_, examples) -> examples.Length))

        let accuracy (name, examples: Example[]) =
            let correct =
                Evaluation.correct (fun count -> report count nan) bench.Model bench.Device examples

            {
                Name = name
                Correct = correct |> Seq.filter id |> Seq.length
                Count = examples.Length
            }

        save bench {
            header with
                Accuracies = List.map accuracy sets
        }

    /// The header, the weights and the optimiser's state as they were left, or those of the beginning.
    let private resume path (settings: Settings) seed stage weights =
        if File.Exists path then
            let checkpoint = Checkpoint.read path
            let header = readHeader checkpoint
            requireSame path settings seed stage header

            match checkpoint.Blocks with
            | [ weights; optimizer ] -> header, Some weights, Some optimizer
            | _ ->
                raise (
                    EquivariantException $"'%s{path}' lacks weights: delete it, and they are computed again."
                )
        else
            let header = {
                Settings = elements settings
                Seed = seed
                Stage = name stage
                Losses = []
                Seconds = 0.0
                Accuracies = []
            }

            header, weights, None

    /// <summary>Runs a stage to its end.</summary>
    /// <param name="settings">The settings of the run.</param>
    /// <param name="folder">Where the checkpoint is, or will be.</param>
    /// <param name="report">Is told about the progress.</param>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="data">The sentences of the run.</param>
    /// <param name="weights">What the network starts from; random weights, if nothing.</param>
    /// <param name="stage">The stage.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The checkpoint is damaged or of another run.</exception>
    let run (settings: Settings) folder report seed (data: Data) weights stage =
        use scope = torch.NewDisposeScope()
        let path = path folder seed stage
        let header, weights, optimizerState = resume path settings seed stage weights

        let schedule, sentences =
            match stage with
            | Pretraining -> settings.Pretraining, data.Pretraining
            | Finetuning _ -> settings.Finetuning, data.Finetuning

        use network = create settings seed weights
        let model = Design.wrap (design stage) network
        use optimizer = Training.optimizer schedule model
        optimizerState |> Option.iter (ofBytes optimizer.load_state_dict)

        let bench = {
            Seed = seed
            Stage = stage
            Device = Settings.device settings
            Path = path
            Schedule = schedule
            Sentences = sentences
            Network = network
            Model = model
            Optimizer = optimizer
            Report = report
        }

        let trained =
            (header, seq { header.Losses.Length .. schedule.Epochs - 1 })
            ||> Seq.fold (trainEpoch bench)

        let final =
            if trained.Accuracies.IsEmpty then
                measure bench data.Evaluation trained
            else
                trained

        {
            Losses = final.Losses
            SentencesPerSecond = float (sentences.Length * schedule.Epochs) / final.Seconds
            Accuracies = final.Accuracies
            Weights = weightsOf network
        }
