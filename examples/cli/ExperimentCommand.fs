/// One command for each experiment: what is said here holds for all of them.
module internal Equivariant.Cli.ExperimentCommand

open System
open System.Runtime.InteropServices
open Argu
open Spectre.Console
open TorchSharp
open Equivariant.Bench
open Equivariant.Core

type Arguments =
    | [<Unique>] Quick
    | [<Unique>] Tiny
    | [<Unique>] Seed of number: int
    | [<Unique>] Seeds of numbers: int list
    | [<Unique>] Device of name: string
    | [<Unique>] Threads of count: int
    | [<Unique>] Out of folder: string
    | [<Unique>] Resume
    | [<Unique>] List
    | [<Unique>] Only of number: int
    | [<Unique; CustomCommandLine "--tensorboard">] TensorBoard of folder: string
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Quick -> "a few minutes on two cores, enough to see the effect."
            | Tiny -> "a few seconds, to see that everything works; the numbers mean nothing."
            | Seed _ -> "the seed that all chance comes from."
            | Seeds _ -> "several seeds."
            | Device _ -> "where to compute: cpu (the default) or cuda."
            | Threads _ -> "the threads of one computation (default: 1; more pay only on an idle machine)."
            | Out _ ->
                "the folder for checkpoints, results.json, report.html and plots (default: a new one, out/NAME-N)."
            | Resume -> "go on from the checkpoints in the folder (without --out: in the latest out/NAME-N)."
            | List -> "print the runs, one a line with its number, and do nothing."
            | Only _ -> "do the one run with this number; 'report' merges the folders of several."
            | TensorBoard _ -> "a folder for event files that TensorBoard reads."
            | Json -> "print results.json instead of tables."

/// Stopped by a signal, with a sentence that says how to go on.
exception Interrupted of PosixSignal * string

/// What is wrong with a command line.
exception Misused of string

let private mostThreads = 1024

let private parser name =
    ArgumentParser.Create<Arguments>(programName = $"equivariant %s{name}")

/// The help of an experiment: the options of all experiments, and its own.
let help (experiment: AnyExperiment) =
    let width =
        "" :: List.map fst experiment.Usage |> List.map String.length |> List.max

    let own = [
        for written, usage in experiment.Usage -> $"    {written.PadRight width}  {usage}"
    ]

    [
        experiment.Description
        ""
        (parser experiment.Name).PrintUsage().TrimEnd()
        if not own.IsEmpty then
            ""
            $"OPTIONS OF {experiment.Name}:"
            ""
            yield! own
    ]
    |> String.concat "\n"

/// The seeds of the runs, each once.
let private seedsOf (arguments: ParseResults<Arguments>) (plan: Plan) =
    match arguments.TryGetResult Seeds, arguments.TryGetResult Seed with
    | Some _, Some _ -> raise (EquivariantException "Give --seed or --seeds, not both.")
    | Some [], None -> raise (EquivariantException "--seeds needs numbers, such as --seeds 1 2 3.")
    | Some seeds, None -> List.distinct seeds
    | None, Some seed -> [ seed ]
    | None, None -> plan.Seeds

let private threadsOf (arguments: ParseResults<Arguments>) =
    match arguments.GetResult(Threads, 1) with
    | count when count < 1 || count > mostThreads ->
        raise (
            EquivariantException
                $"--threads %d{count} makes no sense: give a number from 1 to %d{mostThreads}."
        )
    | count -> count

/// A command line that does what was stopped, as a shell reads it.
let private toGoOn (words: string list) folder =
    let quoted (word: string) =
        if
            word <> ""
            && word
               |> Seq.forall (fun letter -> Char.IsLetterOrDigit letter || "-_./:=,".Contains letter)
        then
            word
        else
            let inside = word.Replace("'", @"'\''")
            $"'%s{inside}'"

    let rec without words =
        match words with
        | "--resume" :: rest -> without rest
        | "--out" :: _ :: rest -> without rest
        | word :: rest -> word :: without rest
        | [] -> []

    "equivariant" :: without words @ [ "--out"; folder; "--resume" ]
    |> List.map quoted
    |> String.concat " "

/// Prints what was found: tables, what was noted, and how it differs from the paper.
let print (section: Section) =
    let results = section.Results

    for table in section.Plan.Tables(Results.findings results) do
        printfn $"%s{Readable.visible table.Title}, %s{Report.seeds results}"
        TextTable.print TableBorder.Horizontal table.Columns table.Rows

        for note in table.Notes do
            printfn $"  %s{Readable.visible note}"

    for note in Report.notes results do
        printfn $"%s{Readable.visible note}"

    for difference in results.DifferencesFromPaper do
        printfn $"- %s{Readable.visible difference}"

let private carryOut
    (experiment: AnyExperiment)
    (words: string list)
    (arguments: ParseResults<Arguments>)
    (plan: Plan)
    =
    let order = {
        Folder = Folder.choose experiment.Name (arguments.TryGetResult Out) (arguments.Contains Resume)
        Resume = arguments.Contains Resume
        Seeds = seedsOf arguments plan
        Only = arguments.TryGetResult Only
        Device = arguments.GetResult(Device, "cpu")
        TensorBoard = arguments.TryGetResult TensorBoard
    }

    torch.set_num_threads (threadsOf arguments)

    let results, afterwards =
        try
            Live.follow (Sweep.run plan order)
        with Signals.Stopped signal ->
            raise (Interrupted(signal, $"Go on with: %s{toGoOn (experiment.Name :: words) order.Folder}"))

    if arguments.Contains Json then
        printfn $"%s{Json.text results}"
    else
        print { Plan = plan; Results = results }

        for line in afterwards do
            printfn $"%s{Readable.visible line}"

        printfn
            $"Written to %s{Readable.visible order.Folder}: results.json, report.html, plots and the checkpoints."

let private list (plan: Plan) seeds =
    for number, run in Sweep.runs plan seeds do
        printfn $"%d{number}\t%s{Readable.visible run.Name}"

/// Runs an experiment by the words after its name.
let run (experiment: AnyExperiment) (words: string list) =
    let arguments =
        (parser experiment.Name)
            .ParseCommandLine(Array.ofList words, ignoreUnrecognized = true, raiseOnUsage = false)

    if arguments.IsUsageRequested then
        printfn $"%s{help experiment}"
    else
        let preset =
            match arguments.Contains Quick, arguments.Contains Tiny with
            | true, true -> raise (EquivariantException "Give --quick or --tiny, not both.")
            | true, false -> Preset.Quick
            | false, true -> Preset.Tiny
            | false, false -> Preset.Full

        match experiment.Plan preset arguments.UnrecognizedCliParams with
        | Error problem -> raise (Misused problem)
        | Ok plan when arguments.Contains List -> list plan (seedsOf arguments plan)
        | Ok plan -> carryOut experiment words arguments plan
