/// Tables for terminals, pipes and files. No number is ever cut: a table that is too wide becomes a list of its rows.
module Equivariant.Bench.TextTable

open System
open System.IO
open Spectre.Console

/// How wide lines may be: what COLUMNS says, else what the terminal shows; a pipe or a file takes any width.
let private availableWidth () =
    match Int32.TryParse(Environment.GetEnvironmentVariable "COLUMNS") with
    | true, columns when columns > 0 -> columns
    | _ when Console.IsOutputRedirected -> Int32.MaxValue
    | _ -> AnsiConsole.Profile.Width

/// Wider than any table, so that Spectre cuts nothing.
let private unlimited = 1 <<< 28

let private render (border: TableBorder) (titles: string list) (rows: string list list) =
    let table = Table(Border = border)

    for index, title in List.indexed titles do
        let column = TableColumn(Markup.Escape title)
        table.AddColumn(if index = 0 then column else column.RightAligned()) |> ignore

    for row in rows do
        table.AddRow(row |> List.map Markup.Escape |> Array.ofList) |> ignore

    use writer = new StringWriter()

    let console =
        AnsiConsole.Create(AnsiConsoleSettings(Ansi = AnsiSupport.No, Out = AnsiConsoleOutput writer))

    console.Profile.Width <- unlimited
    console.Write table
    writer.ToString().TrimEnd('\n').Split '\n' |> List.ofArray

/// Breaks a text between words; a word that is longer than the width stays whole.
let private wrap width (text: string) =
    let fill (lines: string list) (word: string) =
        match lines with
        | line :: earlier when line.GetCellWidth() + 1 + word.GetCellWidth() <= width ->
            $"%s{line} %s{word}" :: earlier
        | lines -> word :: lines

    text.Split ' ' |> Array.fold fill [] |> List.rev

/// The narrowest that values are wrapped to.
let private narrowest = 20

/// Each row as lines of a title and its value.
let private list width (titles: string list) (rows: string list list) =
    let margin = 2 + (titles |> List.map String.length |> List.max)
    let indent = String(' ', margin)

    let field (title: string, value: string) =
        match wrap (max narrowest (width - margin)) value with
        | first :: rest -> (title.PadRight margin + first) :: List.map ((+) indent) rest
        | [] -> [ title ]

    rows
    |> List.map (List.zip titles >> List.collect field >> List.map _.TrimEnd())
    |> List.reduce (fun above below -> above @ "" :: below)

/// Prints rows under titles; the first column to the left, the others, with the numbers, to the right.
let print border (titles: string list) (rows: string list list) =
    let rows = List.map (List.map Readable.visible) rows
    let width = availableWidth ()
    let table = render border titles rows

    let lines =
        if rows.IsEmpty || table |> List.forall (fun line -> line.GetCellWidth() <= width) then
            table
        else
            list width titles rows

    for line in lines do
        printfn $"%s{line}"
