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
    | [<Unique>] Quick
    | [<Unique>] Cell of name: string
    | [<Unique>] Seed of number: int
    | [<Unique>] Seeds of numbers: int list
    | [<Unique>] Epochs of count: int
    | [<Unique>] Finetune_Epochs of count: int
    | [<Unique>] Device of name: string
    | [<Unique>] Threads of count: int
    | [<Unique>] Out of folder: string
    | [<Unique>] Resume
    | [<Unique>] Translate of sentence: string
    | [<Unique>] Json

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

let private numberUpTo largest name value =
    if value < 1 || value > largest then
        raise (
            EquivariantException $"--%s{name} %d{value} makes no sense: give a number from 1 to %d{largest}."
        )

    value

let private mostEpochs, mostThreads = 10_000, 1024

/// The settings that the arguments ask for.
let settingsOf (arguments: ParseResults<Arguments>) =
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
            Epochs =
                count
                |> Option.map (numberUpTo mostEpochs name)
                |> Option.defaultValue schedule.Epochs
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

/// The seeds of the runs, each once.
let seedsOf (arguments: ParseResults<Arguments>) =
    match arguments.TryGetResult Seeds, arguments.TryGetResult Seed with
    | Some _, Some _ -> raise (EquivariantException "Give --seed or --seeds, not both.")
    | Some [], None -> raise (EquivariantException "--seeds needs numbers, such as --seeds 1 2 3.")
    | Some seeds, None -> List.distinct seeds
    | None, Some seed -> [ seed ]
    | None, None -> if arguments.Contains Quick then [ 1 ] else [ 1; 2; 3 ]

let private numberedFolders () =
    Seq.initInfinite (fun index -> Path.Combine("out", $"scan-{index + 1}"))

/// The folder named, or the first that is free; to go on, the last that is not.
let folderOf (arguments: ParseResults<Arguments>) =
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

let private titles (lines: Line list) = [
    "network"
    for summary in lines.Head.Accuracies do
        if summary.Name = Data.inDistribution then
            "in dist."
        else
            summary.Name

    "runs"
    "time forward"
    "time training"
]

let private row (line: Line) =
    let cost (show: Cost -> string) =
        line.Cost |> Option.map show |> Option.defaultValue ""

    [
        line.Name
        yield! List.map percent line.Accuracies
        cost (fun cost -> string cost.Evaluations)
        cost (fun cost -> $"%.2f{cost.ForwardTime}")
        cost (fun cost -> $"%.2f{cost.TrainingTime}")
    ]

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

let private showTranslations (settings: Settings) (run: Run) words =
    let show name translation = printfn $"  %s{name}: %s{translation}"

    let meaning =
        Grammar.parse words
        |> Option.map (Grammar.interpret >> List.map Grammar.actionName >> String.concat " ")
        |> Option.defaultValue "(not one of its commands)"

    printfn "%s" (String.concat " " words)
    show "SCAN-II" meaning

    for design, actions in Experiment.translate settings run words do
        show (Design.name design) (String.concat " " actions)

/// Runs the experiment, or what is left of it, and says what it found.
let compare (settings: Settings) (seeds: int list) folder asJson sentence =
    let (runs: Run list), costs =
        Live.follow (fun show ->
            [ for seed in seeds -> Experiment.run settings folder (update >> show) seed ],
            Experiment.costs settings seeds.Head)

    let lines = Results.compare runs costs
    let json = Results.json settings runs lines

    let title =
        $"SCAN-II, {(Settings.cellName settings.Architecture.Cell).ToUpperInvariant()}"

    Checkpoint.writeAtomically (Path.Combine(folder, "results.json")) (Encoding.UTF8.GetBytes json)
    Checkpoint.writeAtomically (Path.Combine(folder, "accuracy.png")) (ScanPlot.png title lines)

    if asJson then
        printfn $"%s{json}"
    else
        TextTable.print TableBorder.Horizontal (titles lines) (List.map row lines)
        explain settings seeds lines
        Option.iter (showTranslations settings runs.Head) sentence
        printfn $"Written to %s{Readable.visible folder}: results.json, accuracy.png and the checkpoints."

/// Runs the experiment.
let run (arguments: ParseResults<Arguments>) =
    let settings = settingsOf arguments
    let seeds = seedsOf arguments
    let folder = folderOf arguments
    let sentence = arguments.TryGetResult Translate |> Option.map wordsOf
    Settings.device settings |> ignore
    torch.set_num_threads (arguments.GetResult(Threads, 1) |> numberUpTo mostThreads "threads")
    Experiment.prepareFolder folder (arguments.Contains Resume)
    compare settings seeds folder (arguments.Contains Json) sentence
