namespace Equivariant.Bench

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open System.Text
open System.Text.Json
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Distributed
open Equivariant.Core.Serialization

/// <summary>What was learnt in a stage, epoch by epoch.</summary>
type Curve = {
    /// <summary>The stage and what was measured, such as "finetuning plain, loss".</summary>
    Name: string
    /// <summary>The value after each epoch.</summary>
    Values: float list
}

/// How trainings, or maps, go round and round: how often, and what is told after each step.
type internal Endurance = {
    Steps: int
    /// Whether it is maps that go round: where nothing is trained.
    Maps: bool
    AfterStep: string -> int -> unit
    /// What has gone round already, by name.
    Stages: HashSet<string>
}

/// Where runs work: everything that they share.
type internal Workplace = {
    Folder: string
    /// Everything that decides the numbers.
    Settings: JsonElement
    Device: torch.Device
    /// The ranks that do the runs; the first writes.
    Team: Team
    Show: Live.Update -> unit
    /// The signal that has come, if one has.
    Stopped: unit -> PosixSignal option
    /// Takes a number for TensorBoard: its name, its step and its value.
    Scalar: string -> int -> float -> unit
    /// For how long trainings go round, if that is what they do.
    Endurance: Endurance option
}

/// <summary>What the checkpoint of a training says beside its tensors.</summary>
type TrainingContent = {
    History: History
    /// <summary>The losses of the epoch under way.</summary>
    Batches: float list
    Finished: bool
}

/// What a run leaves beside its figures.
type internal Collected() =
    member val Curves = ResizeArray<Curve>()
    member val Notes = ResizeArray<string>()
    member val Stages = HashSet<string>()
    /// Whether anything was trained.
    member val Trained = false with get, set

/// <summary>
/// What a run works with: its chance, its device, and stages, each computed once and then read from its checkpoint,
/// whatever stops the program in between.
/// </summary>
[<Sealed>]
type Context internal (place: Workplace, seed: int, labels: Labels, collected: Collected) =

    /// Between two checkpoints of one training at most this much work is lost.
    static let checkpointInterval = TimeSpan.FromSeconds 60.0

    let stageName (name: string) =
        name :: List.map snd labels |> String.concat " "

    let fileName (stage: string) =
        let slug =
            stage.ToLowerInvariant()
            |> String.map (fun letter ->
                if Char.IsAsciiLetterOrDigit letter || letter = '.' then
                    letter
                else
                    '-')

        // What the slug leaves out must not make two names one.
        let isPlain = slug.Replace('-', ' ') = stage

        let mark =
            if isPlain then
                ""
            else
                $"-%04x{Seed.derive 0 stage &&& 0xffff}"

        $"seed-%d{seed}-%s{slug}%s{mark}.safetensors"

    let heed () =
        match place.Stopped() with
        | Some signal -> raise (Signals.Stopped signal)
        | None -> ()

    let show work count total note =
        place.Show {
            Work = $"seed %d{seed}, %s{work}"
            Done = count
            Total = total
            Note = note
        }

    let enter stage =
        if not labels.IsEmpty && not (collected.Stages.Add stage) then
            raise (
                EquivariantException
                    $"The stage '%s{stage}' is there twice in one run: its checkpoints need a name of their own."
            )

        Path.Combine(place.Folder, fileName stage),
        {
            Settings = place.Settings
            Seed = seed
            Stage = stage
        }

    let isFirst = place.Team.Ranks.IsFirst

    let write path identity content tensors =
        if isFirst then
            Checkpoint.write path identity content tensors

    let reseed purpose =
        let chance = Seed.derive seed purpose
        torch.manual_seed (int64 chance) |> ignore
        chance

    /// Trains from a content on to the end.
    let train stage path identity (training: Training<'Batch>) (content: TrainingContent) =
        let sinceCheckpoint = Stopwatch.StartNew()
        let sharers = Team.batches place.Team

        let gradients =
            if sharers.Count > 1 then
                Some(new SharedGradients(sharers, training.Model, commonBuffers = true))
            else
                None

        use _gradients = gradients |> Option.toObj

        let step =
            match gradients with
            | Some gradients -> Training.sharedStep sharers gradients training
            | None -> Training.step training

        // Ranks that share a batch draw masks of their own.
        let own = if sharers.IsFirst then "" else $", rank %d{sharers.Rank}"

        let save (content: TrainingContent) =
            use scope = torch.NewDisposeScope()

            let tensors =
                if content.Finished then
                    TrainingState.weights training
                else
                    TrainingState.whole training

            if not (TrainingState.isFinite tensors) then
                raise (
                    EquivariantException
                        $"The weights of %s{stage} are no numbers any more after epoch %d{content.History.Losses.Length}: lower the learning rate, or take another seed. The last checkpoint is as it was."
                )

            write path identity content tensors
            sinceCheckpoint.Restart()

        let epoch (content: TrainingContent) =
            let number = content.History.Losses.Length
            let chance = reseed $"%s{stage}, epoch %d{number}"
            let batches = training.Batches(Random chance)

            if batches.Length = 0 then
                raise (EquivariantException $"%s{stage} has no batches: there is nothing to learn from.")

            let rows = batches |> Array.map training.Rows
            let perEpoch = Array.sum rows
            let losses = ResizeArray content.Batches
            let mutable history = content.History
            training.Model.train ()

            for index in losses.Count .. batches.Length - 1 do
                let watch = Stopwatch.StartNew()
                reseed $"%s{stage}, epoch %d{number}, step %d{index}%s{own}" |> ignore

                let fraction =
                    (float number + float index / float batches.Length) / float training.Epochs

                let broken value : exn =
                    EquivariantException
                        $"The loss of %s{stage} became %g{value} at step %d{index + 1} of epoch %d{number + 1}: lower the learning rate, or take another seed. The last checkpoint is as it was."

                let loss = step fraction broken batches[index]
                losses.Add loss

                history <- {
                    history with
                        Rows = history.Rows + int64 rows[index]
                        Seconds = history.Seconds + watch.Elapsed.TotalSeconds
                }

                place.Scalar $"seed %d{seed}/%s{stage}/loss" (number * batches.Length + index) loss

                let trained = number * perEpoch + (Array.sum rows[..index])
                show $"%s{stage}, training" trained (training.Epochs * perEpoch) $"loss %.4f{loss}"

                let isStopped = (place.Stopped()).IsSome

                if isStopped || sinceCheckpoint.Elapsed > checkpointInterval then
                    save {
                        History = history
                        Batches = List.ofSeq losses
                        Finished = false
                    }

                heed ()

            training.Model.eval ()
            let mean = Array.average (losses.ToArray())

            use measuring = torch.NewDisposeScope()

            let measures = [
                for name, value in training.AfterEpoch() -> ({ Name = name; Value = value }: Measure)
            ]

            place.Scalar $"seed %d{seed}/%s{stage}/mean loss" number mean

            for measure in measures do
                place.Scalar $"seed %d{seed}/%s{stage}/%s{measure.Name}" number measure.Value

            let next = {
                History = {
                    history with
                        Losses = history.Losses @ [ mean ]
                        Measures = history.Measures @ [ measures ]
                }
                Batches = []
                Finished = number + 1 = training.Epochs
            }

            save next
            next

        let rec go (content: TrainingContent) =
            if content.Finished then
                if place.Team.Ranks.Count > 1 then
                    use scope = torch.NewDisposeScope()

                    // To the bit: ranks on other processors may have rounded otherwise.
                    for KeyValue(_, tensor) in training.Model.state_dict () do
                        place.Team.Ranks.Broadcast tensor

                content.History
            else
                go (epoch content)

        go content

    /// Steps without checkpoints, round and round.
    let endure stage (training: Training<'Batch>) (endurance: Endurance) =
        if not endurance.Maps && endurance.Stages.Add stage then
            let mutable step = 0

            while step < endurance.Steps do
                training.Model.train ()

                for batch in training.Batches(Random(reseed $"%s{stage}, step %d{step}")) do
                    if step < endurance.Steps then
                        let broken value : exn =
                            EquivariantException
                                $"The loss of %s{stage} became %g{value} at step %d{step + 1}."

                        Training.step training (float step / float endurance.Steps) broken batch
                        |> ignore

                        step <- step + 1
                        endurance.AfterStep stage step
                        heed ()

        training.Model.eval ()

    /// <summary>The seed of the run.</summary>
    member _.Seed = seed

    /// <summary>Where to compute.</summary>
    member _.Device = place.Device

    /// <summary>The folder of the run, for what is not a figure, such as pictures and samples.</summary>
    member _.Folder = place.Folder

    /// <summary>What tells the run apart from others.</summary>
    member _.Labels = labels

    /// <summary>Makes a seed for one purpose from the run's seed; runs that differ in their labels only get the same.</summary>
    member _.SeedFor(purpose: string) = Seed.derive seed purpose

    /// <summary>Seeds torch's own chance for one purpose: the weights of a network, before it is made.</summary>
    member _.SeedTorch(purpose: string) = reseed purpose |> ignore

    /// <summary>Where to compile a declared model, with fresh weights from a seed for one purpose.</summary>
    member _.Target(purpose: string) : Equivariant.Target = {
        Equivariant.Target.cpu with
            Device = place.Device.ToString()
            Seed = int64 (Seed.derive seed purpose)
            Ranks = Team.orbits place.Team
    }

    /// <summary>How designs that are not declared are to be evaluated.</summary>
    member _.Evaluation = Team.evaluation place.Team

    /// <summary>The same context for stages that all runs with its seed share: the first computes them, the others read.</summary>
    member _.Shared = Context(place, seed, [], collected)

    /// <summary>Says something in the report, such as which laws were checked.</summary>
    member _.Note(sentence: string) = collected.Notes.Add sentence

    /// <summary>Writes a file into the run's folder, in one piece; a file of the same name is replaced.</summary>
    member _.Write(name: string, content: byte[]) =
        if isFirst then
            AtomicFile.Write(
                Path.Combine(place.Folder, name),
                fun file -> file.Write(content, 0, content.Length)
            )

    /// <summary>Writes a text file into the run's folder, in one piece.</summary>
    member this.Write(name: string, text: string) =
        this.Write(name, Encoding.UTF8.GetBytes text)

    /// <summary>
    /// Works through items, with progress; a signal ends it between two of them. Ranks that share batches divide the items.
    /// </summary>
    /// <param name="name">What is being done, such as "measuring".</param>
    /// <param name="size">What an item counts.</param>
    /// <param name="items">The items.</param>
    /// <param name="work">
    /// The work on an item, whose chance comes from the item: it may be another's turn elsewhere. Gives records, lists,
    /// options, numbers and texts.
    /// </param>
    member _.Map(name: string, size: 'Item -> int, items: 'Item[], work: 'Item -> 'Result) : 'Result[] =
        let stage = stageName name

        match place.Endurance with
        | Some endurance when endurance.Maps && items.Length > 0 && endurance.Stages.Add stage ->
            for step in 1 .. endurance.Steps do
                work items[(step - 1) % items.Length] |> ignore
                endurance.AfterStep stage step
                heed ()
        | _ -> ()

        Team.map (Team.batches place.Team) items (fun own ->
            let total = Array.sumBy size own
            let mutable finished = 0

            own
            |> Array.map (fun item ->
                heed ()
                let result = work item
                finished <- finished + size item
                show stage finished total ""
                result))

    /// <summary>Computes something, or reads what was computed before.</summary>
    /// <param name="name">The stage's name; with the labels of the run it names the checkpoint.</param>
    /// <param name="compute">Gives records, lists, options, numbers and texts.</param>
    member _.Once(name: string, compute: unit -> 'T) : 'T =
        let stage = stageName name

        if place.Endurance.IsSome then
            compute ()
        else
            use scope = torch.NewDisposeScope()
            let path, identity = enter stage

            match Team.reading place.Team (fun () -> Checkpoint.tryRead<'T> path identity) with
            | Some(value, _) -> value
            | None ->
                heed ()
                // What is computed is what would be read: a type that JSON can't bring back fails here, not on resuming.
                let value = Json.parse<'T>(Team.told place.Team (Json.text (compute ())))
                write path identity value []
                value

    /// <summary>
    /// Trains a model, or goes on where its checkpoint is, or reads the trained weights. The same seed gives the same
    /// weights, however often the training was stopped. In the end the model is in evaluation mode.
    /// </summary>
    /// <param name="name">The stage's name; with the labels of the run it names the checkpoint.</param>
    /// <param name="training">How to train.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">
    /// The loss is no number any more, or the checkpoint is damaged or of another run.
    /// </exception>
    member _.Train(name: string, training: Training<'Batch>) : History =
        let stage = stageName name
        // What it remembers is in the checkpoints; nobody needs it after the last step.
        use _optimiser = training.Optimiser
        collected.Trained <- true

        let start = {
            History = {
                Losses = []
                Measures = []
                Rows = 0L
                Seconds = 0.0
            }
            Batches = []
            Finished = training.Epochs = 0
        }

        match place.Endurance with
        | Some endurance ->
            endure stage training endurance
            start.History
        | None ->
            let path, identity = enter stage

            let content =
                use scope = torch.NewDisposeScope()

                match
                    Team.reading place.Team (fun () -> Checkpoint.tryRead<TrainingContent> path identity)
                with
                | Some(content, tensors) ->
                    TrainingState.restore path tensors training
                    content
                | None -> start

            let history = train stage path identity training content
            training.Model.eval ()

            collected.Curves.Add {
                Name = $"%s{stage}, loss"
                Values = history.Losses
            }

            for name in history.Measures |> List.collect (List.map _.Name) |> List.distinct do
                collected.Curves.Add {
                    Name = $"%s{stage}, %s{name}"
                    Values = history.Measured name
                }

            history

    /// What the run left beside its figures.
    member internal _.Collected = collected
