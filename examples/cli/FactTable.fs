/// What the commands about groups print: JSON as in the files, or a table.
module internal Equivariant.Cli.FactTable

open System
open System.Text.Json.Nodes
open Spectre.Console

let private cell (row: JsonObject) (name: string) =
    match row[name] with
    | null -> ""
    | node -> Markup.Escape(node.ToString())

/// A table with the objects' fields as columns, named as in the files.
let private table (columns: string list) (rows: JsonObject list) =
    let table = Table(Border = TableBorder.Rounded)
    table.AddColumn(columns.Head) |> ignore

    for column in columns.Tail do
        table.AddColumn(TableColumn(column).RightAligned()) |> ignore

    for row in rows do
        table.AddRow(columns |> List.map (cell row) |> Array.ofList) |> ignore

    AnsiConsole.Write table

/// Works through a file's entries, with a bar for people who watch.
let private each (work: JsonFile.Entry -> JsonObject) (entries: JsonFile.Entry list) =
    let compute (entry: JsonFile.Entry) =
        JsonFile.at entry.Place (fun () -> work entry)

    if Console.IsErrorRedirected || entries.Length < 2 then
        List.map compute entries
    else
        Live.follow (fun show ->
            entries
            |> List.mapi (fun i entry ->
                show {
                    Work = "computing"
                    Done = i
                    Total = entries.Length
                    Note = ""
                }

                compute entry))

/// Prints the facts about every entry of a file: all of them as JSON, or some columns of them as a table.
let print path asJson columns (brief: JsonObject -> JsonObject) facts =
    let results = JsonFile.read path |> each facts

    if asJson then
        JsonFile.print results
    else
        table columns (List.map brief results)
