/// Tables for people and for Markdown.
module Equivariant.Benchmarks.Tables

open Spectre.Console

/// Prints a table; gives its lines as Markdown.
let show (title: string) (columns: string list) (rows: string list list) =
    let table = Table().Title(Markup.Escape title)

    for column in columns do
        table.AddColumn(Markup.Escape column) |> ignore

    for row in rows do
        table.AddRow(row |> List.map Markup.Escape |> Array.ofList) |> ignore

    AnsiConsole.Write table
    let escaped (cell: string) = cell.Replace("|", "\\|")

    let line cells =
        "| " + (cells |> List.map escaped |> String.concat " | ") + " |"

    [
        title + ":"
        ""
        line columns
        line (columns |> List.map (fun _ -> "---"))
        yield! List.map line rows
        ""
    ]
