namespace Equivariant.Scan

open TorchSharp
open Equivariant.Bench
open Equivariant.Core.Sequences

/// <summary>How many of some sentences were translated without any mistake.</summary>
type Accuracy = {
    Name: string
    Correct: int
    Count: int
} with

    /// <summary>The share of correct sentences.</summary>
    member this.Share = float this.Correct / float (max 1 this.Count)

/// <summary>SCAN-II as an experiment: pretrain, finetune every design from the same weights, compare.</summary>
[<RequireQualifiedAccess>]
module Scan =

    let private designLabel = "design"

    /// <summary>Makes the network of a run, with the random weights that its seed gives.</summary>
    let network (settings: Settings) (context: Context) =
        context.SeedTorch "weights"

        let network =
            new Seq2Seq(settings.Architecture, Vocabularies.input.Count, Vocabularies.output.Count)

        network.``to`` context.Device |> ignore
        network

    /// <summary>Trains a network before any design is around it; all runs with the same seed share this.</summary>
    let pretrain (settings: Settings) (data: Data) (context: Context) network =
        Schedule.training settings.Pretraining context.Device network data.Pretraining
        |> fun training -> context.Shared.Train("pretraining", training)

    /// <summary>Puts a design around the pretrained network, and trains on.</summary>
    let finetune (settings: Settings) (data: Data) (context: Context) design network =
        context.SeedTorch "design"
        let model = Design.wrap design network |> Design.evaluated context.Evaluation
        model.``to`` context.Device |> ignore

        let history =
            context.Train(
                "finetuning",
                Schedule.training settings.Finetuning context.Device model data.Finetuning
            )

        model, history

    /// <summary>Counts the sentences of each set that a model translates without any mistake.</summary>
    let measure (data: Data) (context: Context) (model: SequenceModel) : Accuracy list =
        context.Once(
            "accuracy",
            fun () -> [
                for name, examples in data.Evaluation do
                    let map work batches =
                        context.Map($"measuring {name}", Array.length, batches, work)

                    let right = Evaluation.correct map model context.Device examples

                    {
                        Name = name
                        Correct = right |> Array.filter id |> Array.length
                        Count = examples.Length
                    }
            ]
        )

    let private sentencesPerSecond = "sentences per second"
    let private evaluations = "evaluations"

    let private figures (history: History) (accuracies: Accuracy list) = [
        for accuracy in accuracies do
            Figure.named accuracy.Name accuracy.Share

        Figure.named sentencesPerSecond history.RowsPerSecond
    ]

    let private pretrained = "pretrained"

    let private pretrainingRun settings seed =
        Experiment.run seed [ designLabel, pretrained ] (fun context ->
            let data = Data.draw settings seed
            use network = network settings context
            let history = pretrain settings data context network
            measure data context network |> figures history)

    let private designRun settings seed design =
        Experiment.run seed [ designLabel, Design.name design ] (fun context ->
            let data = Data.draw settings seed
            use network = network settings context
            pretrain settings data context network |> ignore
            let model, history = finetune settings data context design network

            figures history (measure data context model)
            @ [ Figure.named evaluations (float (Design.evaluations model)) ])

    let private timedRounds = 5
    let private timedSentences = 256
    let private forwardTime, trainingTime = "time forward", "time training"

    /// Measures what the designs cost, side by side, on a batch of sentences.
    let private costs (settings: Settings) (context: Context) =
        let data = Data.draw settings context.Seed
        use network = network settings context

        let batches =
            data.Pretraining
            |> Array.truncate timedSentences
            |> Array.sortBy _.Target.Length
            |> Array.chunkBySize (max 1 (min settings.Finetuning.BatchSize timedSentences))

        let models = [ for design in Design.all -> Design.wrap design network ]

        for model in models do
            model.``to`` context.Device |> ignore

        let forward (model: SequenceModel) () =
            use _ = torch.no_grad ()

            for sentences in batches do
                use batch = Batches.create context.Device sentences
                use loss = Schedule.loss model batch
                loss.item<float32>() |> ignore

        let train (training: Training<Example[]>) () =
            let broken (_: float) =
                exn "The loss of a step to be timed is no number."

            for batch in batches do
                Training.step training 0.0 broken batch |> ignore

        let trainings = [
            for model in models -> Schedule.training settings.Finetuning context.Device model data.Finetuning
        ]

        let times = Evaluation.relativeTimes Evaluation.seconds timedRounds

        let measured = [
            forwardTime, times (List.map forward models)
            trainingTime, times (List.map train trainings)
        ]

        for training in trainings do
            training.Optimiser.Dispose()

        [
            for name, values in measured do
                for design, value in List.zip Design.all values ->
                    Figure.labelled [ designLabel, Design.name design ] name value
        ]

    /// <summary>Lists the runs: for each seed the pretrained network and every design, then what designs cost.</summary>
    let runs (settings: Settings) (seeds: int list) = [
        for seed in seeds do
            pretrainingRun settings seed

            for design in Design.all do
                designRun settings seed design

        Experiment.run seeds.Head [ "part", "costs" ] (costs settings)
    ]

    let private sets = [ Data.inDistribution; yield! Data.heldOutNames ]

    let private designs (findings: Finding list) =
        pretrained :: List.map Design.name Design.all
        |> List.filter (fun design -> List.contains design (Findings.values designLabel findings))

    /// Below this share in distribution, what is held out says little.
    let private wellTrained = 0.97

    let private tables (_settings: Settings) (findings: Finding list) =
        let cell show design name =
            findings
            |> Findings.tryFind [ designLabel, design ] name
            |> Option.map show
            |> Option.defaultValue ""

        let learnt =
            Findings.tryFind [ designLabel, pretrained ] Data.inDistribution findings

        [
            {
                Title = "Sentences translated without any mistake, in %"
                Columns = [
                    "network"
                    for set in sets do
                        if set = Data.inDistribution then "in dist." else set

                    "runs"
                    forwardTime
                    trainingTime
                ]
                Rows = [
                    for design in designs findings ->
                        [
                            design
                            for set in sets do
                                cell Findings.percent design set

                            cell (Findings.mean 0) design evaluations
                            cell (Findings.show 1.0 2) design forwardTime
                            cell (Findings.show 1.0 2) design trainingTime
                        ]
                ]
                Notes = [
                    "Runs are evaluations of the network for one sentence; times are relative to plain. All start from the same pretrained network."
                    for design in Design.all do
                        $"{Design.name design}: {Design.describe design}."
                    match learnt with
                    | Some learnt when learnt.Mean < wellTrained ->
                        $"Note: the pretrained network translates only %.1f{100.0 * learnt.Mean} %% of sentences like those it was trained on; more --epochs help."
                    | _ -> ()
                ]
            }
        ]

    let private plots (settings: Settings) (findings: Finding list) = [
        Plot.percentBars
            "accuracy"
            $"SCAN-II, {(Settings.cellName settings.Architecture.Cell).ToUpperInvariant()}"
            "sentences without any mistake"
            designLabel
            sets
            (findings |> List.filter (fun finding -> List.contains finding.Name sets))
    ]

    let private differences (settings: Settings) = [
        $"Batches of {settings.Pretraining.BatchSize} sentences; the authors' code trains on one at a time."
        $"Each bare primitive is %.0f{100.0 * settings.PrimitiveShare} %% of the training sentences; the authors repeat each 2601 times, about 5 %%."
        "The attention follows the decoder's recurrent network, so that a known target is one call of it."
        $"{settings.HeldBackSize} training sentences are held back, to measure accuracy in distribution."
        "Held-out accuracy leaves out the bare primitives, which training shows."
        if settings.EvaluationSize < Splits.scanII.Value.Training.Length then
            $"At most {settings.EvaluationSize} commands of each held-out split are translated, drawn at random."
        "Sentences with both jump and run are also reported by themselves: no exchange maps them to a training sentence."
    ]

    let private translate settings (context: Context) design words =
        let data = Data.draw settings context.Seed
        use network = network settings context
        let model, _ = finetune settings data context design network
        Evaluation.translate model context.Device words

    let private translations (settings: Settings) (runs: (Run * Context) list) =
        match settings.Translate with
        | None -> []
        | Some sentence ->
            let words = Vocabulary.Split sentence

            let meaning =
                Grammar.parse words
                |> Option.map (Grammar.interpret >> List.map Grammar.actionName)
                |> Option.defaultValue [ "(not one of its commands)" ]

            let line name translation =
                $"""  {name}: {String.concat " " translation}"""

            [
                String.concat " " words
                line "SCAN-II" meaning

                for run, context in runs do
                    for design in Design.all do
                        if run.Labels = [ designLabel, Design.name design ] then
                            line run.Name (translate settings context design words)
            ]

    /// <summary>The experiment.</summary>
    let experiment: Experiment<Settings> = {
        Name = "scan"
        Title = "SCAN-II"
        Description =
            "compare plain, equitune and multi-equitune networks on SCAN-II. Example: scan --quick --cell lstm --seed 7"
        Settings = Settings.ofPreset
        Seeds = Experiment.usualSeeds
        Arguments = Settings.arguments
        Runs = runs
        Tables = tables
        Plots = plots
        Differences = differences
        Afterwards = translations
    }
