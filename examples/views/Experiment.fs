namespace Equivariant.Views

open System
open System.Diagnostics
open TorchSharp
open Equivariant
open Equivariant.Bench
open Equivariant.Images

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

    /// The class that a model gives each sample.
    let private answers (context: Context) (model: CompiledModel) (samples: Samples) (change: Change) =
        use _ = torch.no_grad ()
        // The same views for all models and after all epochs.
        let random = Random(context.SeedFor "views to test on")

        Samples.drawn random [| 0 .. samples.Count - 1 |]
        |> Array.chunkBySize 256
        |> Array.collect (fun drawn ->
            use scope = torch.NewDisposeScope()

            let scores = (model.call (Samples.views change context.Device samples drawn))[0]

            scores.argmax(1L).cpu().data<int64>().ToArray() |> Array.map int)

    let private accuracy (samples: Samples) (answers: int[]) =
        Array.map2 (fun answer label -> if answer = label then 1.0 else 0.0) answers samples.Labels
        |> Array.average

    let private final condition = $"{(condition: Condition).Name}"
    let private best condition = $"best {(condition: Condition).Name}"

    let private sameAnswer, evaluations, seconds =
        "same answer", "evaluations", "seconds a step"

    /// How the views are that are tested.
    let private tests (groups: Groups) =
        if groups = Groups.None then
            [ Condition.Upright ]
        else
            [ Condition.Upright; Condition.Moved ]

    /// The laws of a trained model, as sentences: all in one where all hold, and each that does not.
    let private laws (context: Context) (model: CompiledModel) : string list =
        context.Once(
            "laws",
            fun () ->
                let tried = [
                    for law in Laws.ofCompiled model ->
                        law.Title, Law.judge 20 (uint64 (context.SeedFor "laws")) law
                ]

                match tried |> List.filter (fun (_, verdict) -> not verdict.IsHeld) with
                | [] -> [ $"all {tried.Length} laws hold on the trained model, in 20 trials each." ]
                | broken -> [ for title, verdict in broken -> $"a law is broken, {title}: {verdict.Text}" ]
        )

    let private loss (model: CompiledModel) (views: torch.Tensor[]) labels =
        torch.nn.functional.cross_entropy ((model.call views)[0], labels)

    /// The time of a step of training, the median of five: of a copy, so that what is trained has not seen them.
    let private secondsOf
        (settings: Settings)
        (context: Context)
        declared
        (samples: Samples)
        (change: Change)
        =
        context.Once(
            "time of a step",
            fun () ->
                use scope = torch.NewDisposeScope()
                use model = Model.compile (context.Target "weights") declared

                let drawn =
                    Samples.drawn (Random 0) [| 0 .. min settings.BatchSize samples.Count - 1 |]

                let views = Samples.views change context.Device samples drawn
                let labels = Samples.labels context.Device samples drawn

                let step () =
                    use scope = torch.NewDisposeScope()
                    let watch = Stopwatch.StartNew()
                    let loss = loss model views labels
                    loss.backward ()

                    if context.Device.``type`` = DeviceType.CUDA then
                        torch.cuda.synchronize ()

                    watch.Elapsed.TotalSeconds

                // The first one pays for memory.
                List.init 6 (fun _ -> step ()) |> List.tail |> List.sort |> List.item 2
        )

    let private training
        (settings: Settings)
        (context: Context)
        model
        (optimiser: torch.optim.Optimizer)
        (samples: Samples)
        change
        measure
        = {
        Training.plain
            model
            optimiser
            settings.Epochs
            (fun random -> [|
                for rows in Training.shuffled samples.Count settings.BatchSize random ->
                    rows |> Array.map int |> Samples.drawn random
            |])
            Array.length
            (fun drawn ->
                let views = Samples.views change context.Device samples drawn
                loss model views (Samples.labels context.Device samples drawn)) with
            LearningRate = Some(Training.cosine settings.LearningRate settings.LastLearningRate)
            AfterEpoch = measure
    }

    let private work (settings: Settings) (data: Data) (cell: Cell) (context: Context) : Figure list =
        let sizes = sizes settings data

        let train, test =
            Samples.tuples cell.Views data.Train, Samples.tuples cell.Views data.Test

        let declared =
            cell.Contender.Declare sizes (Models.views (cell.Groups.Motions cell.Views))

        let change = change cell sizes
        let time = secondsOf settings context declared train (change true cell.Trained)
        use model = Model.compile (context.Target "weights") declared

        use optimiser =
            torch.optim.SGD(model.parameters (), settings.LearningRate, momentum = 0.9, weight_decay = 0.001)

        let answers condition =
            answers context model test (change false condition)

        let accuracies () = [
            for condition in tests cell.Groups -> condition.Name, answers condition |> accuracy test
        ]

        let history =
            context.Train(
                "training",
                training settings context model optimiser train (change true cell.Trained) accuracies
            )

        let measures =
            context.Once(
                "accuracy",
                fun () ->
                    let given = [ for condition in tests cell.Groups -> condition, answers condition ]

                    let shares = [
                        for condition, answers in given do
                            final condition, accuracy test answers

                        match given with
                        | [ _, upright; _, moved ] ->
                            sameAnswer,
                            Array.map2 (=) upright moved
                            |> Array.averageBy (fun same -> if same then 1.0 else 0.0)
                        | _ -> ()
                    ]

                    [ for name, share in shares -> ({ Name = name; Value = share }: Measure) ]
            )

        for note in data.Notes do
            context.Note note

        if cell.Contender.KnowsGroups then
            for sentence in laws context model do
                context.Note sentence

        [
            for measure in measures do
                Figure.named measure.Name measure.Value

            for condition in tests cell.Groups do
                match history.Measured condition.Name with
                | [] -> ()
                | values -> Figure.named (best condition) (List.max values)

            Figure.named evaluations (float (Report.of' declared).Evaluations)
            Figure.named seconds time
        ]

    let private runs (settings: Settings) (seeds: int list) =
        // Read before anything is written.
        let data = Data.load settings

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

    /// The findings of one number of views and one choice of groups, for each that there is.
    let private parts (findings: Finding list) = [
        for views in Findings.values viewsLabel findings do
            for groups in Findings.values groupsLabel findings do
                match findings |> Findings.where viewsLabel views |> Findings.where groupsLabel groups with
                | [] -> ()
                | part -> $"{views} views, groups {groups}", part
    ]

    let private described =
        dict [
            "concatenation", "a plain network for each view, all features read in the end"
            "siamese", "one plain network for all views, its features added up"
            "deep-sets", "one plain network for all views, and another one on the sum of its features"
            "dss", "deep sets of symmetric elements: views also give features to each other"
            "cnn", "the paper's network without its groups and without fusion"
            "cnn-fusion", "the paper's network with fusion, without its groups"
            "eq", "a network for each view, equituned over its group; all features read in the end"
            "eq-is", "eq with invariant-symmetric blocks between all views"
            "multi-gcnn", "the paper's network without fusion: one trunk, equituned over each view's group"
            "multi-gcnn-fusion", "the paper's network, its two trunks equituned over each view's group"
        ]

    let private knowsGroups (finding: Finding) =
        Findings.label modelLabel finding
        |> Option.exists (fun name -> (Contenders.named name).KnowsGroups)

    let private inPoints (value: float) = $"%.1f{100.0 * value}"

    /// What moving the views costs those trained upright, against the paper's claim.
    let private claim (part: Finding list) : string list =
        let upright = part |> Findings.where trainedLabel Condition.Upright.Name

        let losses isEquivariant = [
            for finding in upright do
                if finding.Name = final Condition.Moved && knowsGroups finding = isEquivariant then
                    match Findings.tryFind finding.Labels (final Condition.Upright) upright with
                    | Some before -> before.Mean - finding.Mean
                    | None -> ()
        ]

        let bestOf isEquivariant =
            upright
            |> List.filter (fun finding ->
                finding.Name = final Condition.Upright && knowsGroups finding = isEquivariant)
            |> List.map _.Mean

        match losses false, losses true, bestOf false, bestOf true with
        | (_ :: _ as plain), (_ :: _ as equivariant), (_ :: _ as plainly), (_ :: _ as equivariantly) -> [
            $"The paper claims that equivariant models are robust to such moves and competitive otherwise. Here, trained upright, plain models lose {inPoints (List.min plain)} to {inPoints (List.max plain)} points when the views are moved, equivariant ones at most {inPoints (List.max equivariant |> max 0.0)}; upright, the best plain model reaches {inPoints (List.max plainly)} %%, the best equivariant one {inPoints (List.max equivariantly)} %%."
          ]
        | _ -> []

    let private tables (settings: Settings) (findings: Finding list) = [
        // What all tables have in common stands below the last one.
        let all = parts findings

        for number, (title, part) in List.indexed all do
            let cell show (labels: Labels) name =
                Findings.tryFind labels name part |> Option.map show |> Option.defaultValue ""

            let baseline =
                part
                |> List.tryFind (fun finding -> finding.Name = seconds)
                |> Option.map _.Mean

            let ratio (finding: Finding) =
                match baseline with
                | Some first -> $"%.1f{finding.Mean / first}"
                | None -> ""

            {
                Title = $"Samples of {title}: classes told right, in %%"
                Columns = [
                    "model"
                    "trained"
                    for condition in [ Condition.Upright; Condition.Moved ] do
                        $"tested {condition.Name}"
                    for condition in [ Condition.Upright; Condition.Moved ] do
                        $"best {condition.Name}"
                    sameAnswer
                    evaluations
                    "time"
                ]
                Rows = [
                    for model in Findings.values modelLabel part do
                        for trained in Findings.values trainedLabel (Findings.where modelLabel model part) ->
                            let labels = [ modelLabel, model; trainedLabel, trained ]

                            [
                                model
                                trained
                                for name in
                                    [
                                        final Condition.Upright
                                        final Condition.Moved
                                        best Condition.Upright
                                        best Condition.Moved
                                        sameAnswer
                                    ] do
                                    cell Findings.percent labels name
                                cell (Findings.mean 0) labels evaluations
                                cell ratio labels seconds
                            ]
                ]
                Notes = [
                    yield! claim part

                    if number = all.Length - 1 then
                        "Tested after the last epoch; the best is over all epochs, as the paper reports it."
                        "The same answer is the share of samples whose class does not change when the views are moved."
                        "Evaluations are those of networks (stem, head or trunk) and linear maps for one sample; the time of a training step is relative to the first row."

                        for model in Findings.values modelLabel findings do
                            $"{model}: {described[model]}."
                ]
            }
    ]

    let private plots (_settings: Settings) (findings: Finding list) = [
        for number, (title, part) in List.indexed (parts findings) do
            let trained = (Findings.values trainedLabel part).Head
            let part = Findings.where trainedLabel trained part

            Plot.percentBars
                $"accuracy-{number + 1}"
                $"Samples of {title}, trained {trained}"
                "classes told right, for views as they are tested"
                modelLabel
                [ final Condition.Upright; final Condition.Moved ]
                part
    ]

    let private differences (settings: Settings) = [
        match settings.Data with
        | None ->
            "A part of Fashion-MNIST, 28 × 28 and grey, with its own division into training and test images; the paper has Caltech-101 and 15-Scene at 64 × 64, which --data takes."
        | Some _ -> ()
        if
            (settings.Epochs, settings.LearningRate, settings.LastLearningRate)
            <> (100, 0.01, 0.01)
        then
            $"{settings.Epochs} epochs with steps that fall from {settings.LearningRate} to {settings.LastLearningRate}; the paper has 100 with 0.01."
        "The accuracy is that after the last epoch; the paper reports the best over all epochs, which is chosen on the test images."
        "Moves of test views are drawn once for a seed; the paper draws them anew at each epoch."
        "Batch norm sees the views one after the other, each with its group's copies; in the published code it sees all at once."
        "Images are shifted by up to a sixteenth of their sides in training, the paper's 4 pixels of 64."
        "The mixed groups, and all models but the paper's own, are not in the published code."
    ]

    /// <summary>The experiment.</summary>
    let experiment: Experiment<Settings> = {
        Name = "views"
        Title = "Multi-image classification"
        Description =
            "tell the class of several views of which each may be turned: plain models against equivariant ones. Example: views --quick --models concatenation,eq-is"
        Settings = Settings.ofPreset
        Seeds = Experiment.usualSeeds
        Arguments = Settings.arguments
        Runs = runs
        Tables = tables
        Plots = plots
        Differences = differences
        Afterwards = fun _ _ -> []
    }
