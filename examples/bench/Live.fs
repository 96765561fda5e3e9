/// Progress for people who watch, and a plain line now and then for files that listen.
module Equivariant.Bench.Live

open System
open System.Diagnostics
open Spectre.Console

/// What is going on: a piece of work, how much of it is done, and a word about it.
type Update = {
    Work: string
    Done: int
    Total: int
    Note: string
}

let private lineInterval = TimeSpan.FromSeconds 20.0

/// Lines on standard error: when a piece of work begins, and every twenty seconds.
let private plainly (work: (Update -> unit) -> 'T) =
    let sinceLine = Stopwatch()
    let mutable current = ""

    work (fun update ->
        if update.Work <> current || sinceLine.Elapsed > lineInterval then
            current <- update.Work
            sinceLine.Restart()
            let percent = 100L * int64 update.Done / int64 (max 1 update.Total)
            eprintfn $"%s{update.Work}: %d{percent} %% %s{update.Note}")

/// Bars on standard error.
let private lively (work: (Update -> unit) -> 'T) =
    let console =
        AnsiConsole.Create(AnsiConsoleSettings(Out = AnsiConsoleOutput Console.Error))

    let columns: ProgressColumn[] = [|
        TaskDescriptionColumn(Alignment = Justify.Left)
        ProgressBarColumn()
        PercentageColumn()
        RemainingTimeColumn()
    |]

    // One bar at a time: a sweep has hundreds of pieces of work.
    let current: (string * ProgressTask) option ref = ref None

    console
        .Progress()
        .HideCompleted(true)
        .Columns(columns)
        .Start(fun context ->
            let begun (update: Update) =
                current.Value |> Option.iter (fun (_, bar) -> bar.StopTask())
                let bar = context.AddTask(Markup.Escape update.Work, maxValue = float update.Total)
                current.Value <- Some(update.Work, bar)
                bar

            work (fun update ->
                let bar =
                    match current.Value with
                    | Some(work, bar) when work = update.Work -> bar
                    | _ -> begun update

                bar.Value <- float update.Done
                bar.Description <- Markup.Escape $"%s{update.Work} %s{update.Note}"))

/// Does some work that tells how far it is.
let follow (work: (Update -> unit) -> 'T) =
    if Console.IsErrorRedirected then
        plainly work
    else
        lively work
