namespace Equivariant.Views

open System
open TorchSharp
open Equivariant
open Equivariant.Bench

/// <summary>Multi-image classification as an experiment: which models keep what they know when views are moved.</summary>
/// <remarks>Source: Baltaji, Basu, Varshney, TMLR 2024, and its published code.</remarks>
[<RequireQualifiedAccess>]
module Views =

    let private viewsLabel, groupsLabel, modelLabel, trainedLabel =
        "views", "groups", "model", "trained"

    /// What is trained: a cell of the grid, but for how it is tested.
    type private Cell = {
        Views: int
        Groups: Groups
        Contender: Contender
        Trained: Condition
    }

    let private cells (settings: Settings) = [
        for views in settings.Views do
            for groups in settings.Groups do
                for name in settings.Models do
                    for trained in settings.Training do
                        // Where nothing moves, both ways to train are one.
                        if groups <> Groups.None || trained = settings.Training.Head then
                            {
                                Views = views
                                Groups = groups
                                Contender = Contenders.named name
                                Trained = trained
                            }
    ]

    /// What happens to views of a size in a condition.
    let private change (cell: Cell) (sizes: Sizes) isAugmented condition : Change = {
        IsAugmented = isAugmented
        Moves = [
            for motion in cell.Groups.Motions cell.Views do
                let motion =
                    match condition with
                    | Condition.Upright -> Motion.none
                    | Condition.Moved -> motion

                Signal.core (motion.On(image sizes.Channels sizes.Side sizes.Side))
        ]
    }

    let private sizes (settings: Settings) (data: Data) : Sizes =
        if data.Train.Height <> data.Train.Width then
            refuse
                $"{data.Name} has images of {data.Train.Height} × {data.Train.Width} pixels; quarter turns need square ones."

        {
            Channels = data.Train.Channels
            Side = data.Train.Height
            Classes = data.Train.Classes.Length
            Width = settings.Width
            Features = settings.Features
        }

    let private target (context: Context) : Target = {
        Target.cpu with
            Device =
                if context.Device.``type`` = DeviceType.CPU then
                    "cpu"
                else
                    string context.Device
            Seed = int64 (context.SeedFor "weights")
    }

    /// Samples of a step, and the seed of what happens to them.
    type private Batch = { Chosen: int[]; Seed: int }

    /// The class that a model gives each sample.
    let private answers (context: Context) (model: CompiledModel) (samples: Samples) (change: Change) =
        use _ = torch.no_grad ()
        // The same views for all models and after all epochs.
        let random = Random(context.SeedFor "views to test on")

        [| 0 .. samples.Count - 1 |]
        |> Array.chunkBySize 256
        |> Array.collect (fun chosen ->
            use scope = torch.NewDisposeScope()

            let scores =
                (model.call (Samples.views change random context.Device samples chosen))[0]

            scores.argmax(1L).cpu().data<int64>().ToArray() |> Array.map int)

    let private accuracy (samples: Samples) (answers: int[]) =
        Array.map2 (fun answer label -> if answer = label then 1.0 else 0.0) answers samples.Labels
        |> Array.average

    let private final condition = $"{(condition: Condition).Name}"
    let private best condition = $"best {(condition: Condition).Name}"

    let private sameAnswer, evaluations, seconds =
        "same answer", "evaluations", "seconds a sample"

    /// How the views are that are tested.
    let private tests (groups: Groups) =
        if groups = Groups.None then
            [ Condition.Upright ]
        else
            [ Condition.Upright; Condition.Moved ]

    /// Each law of a trained model, and what came of it.
    let private laws (context: Context) (model: CompiledModel) =
        context.Once(
            "laws",
            fun () -> [
                for law in Laws.ofCompiled model do
                    let verdict = Law.judge 20 (uint64 (context.SeedFor "laws")) law

                    {|
                        Law = law.Title
                        Holds = verdict.IsHeld
                        Verdict = verdict.Text
                    |}
            ]
        )

    let private work (settings: Settings) (data: Lazy<Data>) (cell: Cell) (context: Context) : Figure list =
        let data = data.Value
        let sizes = sizes settings data

        let train, test =
            Samples.tuples cell.Views data.Train, Samples.tuples cell.Views data.Test

        let declared =
            cell.Contender.Declare sizes (Models.views (cell.Groups.Motions cell.Views))

        use model = Model.compile (target context) declared

        use optimiser =
            torch.optim.SGD(model.parameters (), settings.LearningRate, momentum = 0.9, weight_decay = 0.001)

        let trained = change cell sizes true cell.Trained

        let measured = [
            for condition in tests cell.Groups -> condition, change cell sizes false condition
        ]

        let training = {
            Training.plain
                model
                optimiser
                settings.Epochs
                (fun random -> [|
                    for rows in Training.shuffled train.Count settings.BatchSize random ->
                        {
                            Chosen = Array.map int rows
                            Seed = random.Next()
                        }
                |])
                _.Chosen.Length
                (fun batch ->
                    let views =
                        Samples.views trained (Random batch.Seed) context.Device train batch.Chosen

                    torch.nn.functional.cross_entropy (
                        (model.call views)[0],
                        Samples.labels context.Device train batch.Chosen
                    )) with
                AfterEpoch =
                    fun () -> [
                        for condition, change in measured ->
                            condition.Name, answers context model test change |> accuracy test
                    ]
        }

        let history = context.Train("training", training)

        for note in data.Notes do
            context.Note note

        let laws = laws context model

        match laws |> List.filter (fun law -> not law.Holds) with
        | [] -> context.Note $"all {laws.Length} laws hold on the trained model."
        | broken ->
            for law in broken do
                context.Note $"broken: {law.Law}: {law.Verdict}"

        let agreement =
            match measured with
            | [ _, upright; _, moved ] ->
                let given = answers context model test

                [
                    Figure.named
                        sameAnswer
                        (Array.map2 (=) (given upright) (given moved)
                         |> Array.averageBy (fun same -> if same then 1.0 else 0.0))
                ]
            | _ -> []

        [
            for condition, _ in measured do
                let values = history.Measured condition.Name
                Figure.named (final condition) (List.last values)
                Figure.named (best condition) (List.max values)

            yield! agreement
            Figure.named evaluations (float (Report.of' declared).Evaluations)
            Figure.named seconds (1.0 / history.RowsPerSecond)
        ]

    let private runs (settings: Settings) (seeds: int list) =
        let data = lazy Data.load settings

        [
            for seed in seeds do
                for cell in cells settings ->
                    Experiment.run
                        seed
                        [
                            viewsLabel, string cell.Views
                            groupsLabel, cell.Groups.Name
                            modelLabel, cell.Contender.Name
                            trainedLabel, cell.Trained.Name
                        ]
                        (work settings data cell)
        ]
