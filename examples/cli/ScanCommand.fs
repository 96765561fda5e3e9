/// `scan`: the SCAN-II comparison.
module internal Equivariant.Cli.ScanCommand

open System
open System.IO
open System.Text
open Argu
open Spectre.Console
open TorchSharp
open Equivariant.Core
open Equivariant.Scan

type Arguments =
    | Quick
    | Cell of name: string
    | Seed of number: int
    | Seeds of numbers: int list
    | Epochs of count: int
    | Finetune_Epochs of count: int
    | Device of name: string
    | Threads of count: int
    | Out of folder: string
    | Resume
    | Translate of sentence: string
    | Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Quick ->
                "a few minutes: fewer epochs, samples of the held-out commands, one seed. Example: scan --quick --cell lstm --seed 7"
            | Cell _ -> "the recurrent network: gru (the default), lstm or rnn."
            | Seed _ -> "the seed that all chance comes from (default: 1)."
            | Seeds _ -> "several seeds, one run each (default without --quick: 1 2 3)."
            | Epochs _ -> "how often pretraining sees its sentences."
            | Finetune_Epochs _ -> "how often finetuning sees its sentences."
            | Device _ -> "where to compute: cpu (the default) or cuda."
            | Threads _ -> "the threads of one computation (default: 1; more pay only on an idle machine)."
            | Out _ ->
                "the folder for checkpoints, results.json and accuracy.png (default: a new one, out/scan-N)."
            | Resume -> "go on from the checkpoints in the folder (without --out: in the latest out/scan-N)."
            | Translate _ ->
                "a sentence for every design to translate in the end. Example: --translate \"jump left twice\"."
            | Json -> "print the results as JSON instead of a table."

let private parseCell name =
    match name with
    | "gru" -> Gru
    | "lstm" -> Lstm
    | "rnn" -> Rnn
    | _ -> raise (EquivariantException $"'%s{name}' is no recurrent network: choose gru, lstm or rnn.")

let private positive name value =
    if value < 1 then
        raise (EquivariantException $"--%s{name} %d{value} makes no sense: give a number from 1 on.")

    value

let private settingsOf (arguments: ParseResults<Arguments>) =
    let settings =
        if arguments.Contains Quick then
            Settings.quick
        else
            Settings.full

    let cell =
        arguments.TryGetResult Cell
        |> Option.map parseCell
        |> Option.defaultValue settings.Architecture.Cell

    let epochs name count (schedule: Schedule) = {
        schedule with
            Epochs = count |> Option.map (positive name) |> Option.defaultValue schedule.Epochs
    }

    {
        settings with
            Settings.Architecture = {
                settings.Architecture with
                    Cell = cell
            }
            Settings.Device = arguments.GetResult(Device, settings.Device)
            Settings.Pretraining = epochs "epochs" (arguments.TryGetResult Epochs) settings.Pretraining
            Settings.Finetuning =
                epochs "finetune-epochs" (arguments.TryGetResult Finetune_Epochs) settings.Finetuning
    }

/// The words of a sentence, all of them known.
let private wordsOf (sentence: string) =
    let words =
        sentence.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

    if words.IsEmpty then
        raise (EquivariantException "--translate needs a sentence, such as \"jump left twice\".")

    Vocabularies.input.Encode words |> ignore
    words

let private seedsOf (arguments: ParseResults<Arguments>) =
    match arguments.TryGetResult Seeds, arguments.TryGetResult Seed with
    | Some _, Some _ -> raise (EquivariantException "Give --seed or --seeds, not both.")
    | Some seeds, None when not seeds.IsEmpty -> List.distinct seeds
    | _, Some seed -> [ seed ]
    | _, None -> if arguments.Contains Quick then [ 1 ] else [ 1; 2; 3 ]

let private numberedFolders () =
    Seq.initInfinite (fun index -> Path.Combine("out", $"scan-{index + 1}"))

let private folderOf (arguments: ParseResults<Arguments>) =
    match arguments.TryGetResult Out with
    | Some folder -> folder
    | None ->
        let used = numberedFolders () |> Seq.takeWhile Directory.Exists |> List.ofSeq

        match List.tryLast used with
        | Some latest when arguments.Contains Resume -> latest
        | _ -> numberedFolders () |> Seq.item used.Length

let private update (progress: Progress) : Live.Update =
    let doing = if progress.Evaluating then "measuring" else "training"

    {
        Work = $"seed {progress.Seed}, {Stage.name progress.Stage}, {doing}"
        Done = progress.Done
        Total = progress.Total
        Note =
            if progress.Evaluating then
                ""
            else
                $"loss %.4f{progress.Loss}"
    }

/// Below this share in distribution, what is held out says little.
let private wellTrained = 0.97

let private percent (summary: Summary) =
    if summary.Shares.Length > 1 then
        $"%.1f{100.0 * summary.Mean} ± %.1f{100.0 * summary.Deviation}"
    else
        $"%.1f{100.0 * summary.Mean}"

let private table (lines: Line list) =
    let table = Table(Border = TableBorder.Horizontal)
    table.AddColumn(TableColumn("").NoWrap().PadLeft(0).PadRight(0)) |> ignore

    let titles = [
        for summary in lines.Head.Accuracies do
            if summary.Name = Data.inDistribution then
                "in dist."
            else
                summary.Name

        "runs"
        "time forward"
        "time training"
    ]

    for title in titles do
        table.AddColumn(TableColumn(Markup.Escape title).RightAligned().PadRight(0))
        |> ignore

    for line in lines do
        let cost (show: Cost -> string) =
            line.Cost |> Option.map show |> Option.defaultValue ""

        table.AddRow [|
            line.Name
            yield! List.map percent line.Accuracies
            cost (fun cost -> string cost.Evaluations)
            cost (fun cost -> $"%.2f{cost.ForwardTime}")
            cost (fun cost -> $"%.2f{cost.TrainingTime}")
        |]
        |> ignore

    table

let private explain (settings: Settings) (seeds: int list) (lines: Line list) =
    let seedsRun =
        match seeds with
        | [ seed ] -> $"seed {seed}"
        | _ ->
            let numbers = seeds |> List.map string |> String.concat ", "
            $"mean ± standard deviation over the seeds {numbers}"

    printfn
        $"Sentences translated without any mistake, in %%, %s{seedsRun}; evaluations of the network (runs) and"

    printfn "time for one sentence, relative to plain. All start from the same pretrained network."

    for design in Design.all do
        printfn $"  %s{Design.name design}: %s{Design.describe design}."

    for difference in Results.differences settings do
        printfn $"- %s{difference}"

    let pretrained = lines.Head.Accuracies.Head

    if pretrained.Mean < wellTrained then
        printfn
            $"Note: the pretrained network translates only %.1f{100.0 * pretrained.Mean} %% of sentences like those it was trained on; more --epochs help."

let private showTranslations (settings: Settings) run words =
    let show name translation = printfn $"  %s{name}: %s{translation}"

    let meaning =
        Grammar.parse words
        |> Option.map (Grammar.interpret >> List.map Grammar.actionName >> String.concat " ")
        |> Option.defaultValue "(not one of its commands)"

    printfn "%s" (String.concat " " words)
    show "SCAN-II" meaning

    for design, actions in Experiment.translate settings run words do
        show (Design.name design) (String.concat " " actions)

/// Runs the experiment.
let run (arguments: ParseResults<Arguments>) =
    let settings = settingsOf arguments
    let seeds = seedsOf arguments
    let folder = folderOf arguments
    let sentence = arguments.TryGetResult Translate |> Option.map wordsOf
    Settings.device settings |> ignore
    torch.set_num_threads (arguments.GetResult(Threads, 1) |> positive "threads")
    Experiment.prepareFolder folder (arguments.Contains Resume)

    let runs, costs =
        Live.follow (fun show ->
            [ for seed in seeds -> Experiment.run settings folder (update >> show) seed ],
            Experiment.costs settings seeds.Head)

    let lines = Results.compare runs costs
    let json = Results.json settings runs lines

    let title =
        $"SCAN-II, {(Settings.cellName settings.Architecture.Cell).ToUpperInvariant()}"

    Checkpoint.writeAtomically (Path.Combine(folder, "results.json")) (Encoding.UTF8.GetBytes json)
    Checkpoint.writeAtomically (Path.Combine(folder, "accuracy.png")) (ScanPlot.png title lines)

    if arguments.Contains Json then
        printfn $"%s{json}"
    else
        // A file is as wide as it needs to be.
        if Console.IsOutputRedirected then
            AnsiConsole.Profile.Width <- 160

        AnsiConsole.Write(table lines)
        explain settings seeds lines
        Option.iter (showTranslations settings runs.Head) sentence
        printfn $"Written to %s{folder}: results.json, accuracy.png and the checkpoints."
