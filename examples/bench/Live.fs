/// Progress for people who watch, and a plain line now and then for files that listen.
module Equivariant.Bench.Live

open System
open System.Collections.Generic
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

    let bars = Dictionary<string, ProgressTask>()

    let columns: ProgressColumn[] = [|
        TaskDescriptionColumn(Alignment = Justify.Left)
        ProgressBarColumn()
        PercentageColumn()
        RemainingTimeColumn()
    |]

    console
        .Progress()
        .Columns(columns)
        .Start(fun context ->
            work (fun update ->
                let bar =
                    match bars.TryGetValue update.Work with
                    | true, bar -> bar
                    | false, _ ->
                        let bar = context.AddTask(Markup.Escape update.Work, maxValue = float update.Total)
                        bars.Add(update.Work, bar)
                        bar

                bar.Value <- float update.Done
                bar.Description <- Markup.Escape $"%s{update.Work} %s{update.Note}"))

/// Does some work that tells how far it is.
let follow (work: (Update -> unit) -> 'T) =
    if Console.IsErrorRedirected then
        plainly work
    else
        lively work
