/// What the commands about groups print: JSON as in the files, or a table.
module internal Equivariant.Cli.FactTable

open System
open System.Text.Json
open System.Text.Json.Nodes
open Spectre.Console
open Equivariant.Bench
open Equivariant.Core

let private cell (row: JsonObject) (name: string) =
    match row[name] with
    | null -> ""
    | node when node.GetValueKind() = JsonValueKind.String -> node.GetValue<string>()
    | node -> node.ToJsonString()

/// A file's entry, with the facts about it or what is wrong with it. One bad entry does not keep the others from theirs.
let private attempt (work: JsonFile.Entry -> JsonObject) (item: JsonFile.Item) =
    try
        Ok(JsonFile.at item.Place (fun () -> work (JsonFile.entry item)))
    with error ->
        Error(item, Readable.sentence error |> Readable.visible |> JsonFile.placed item.Place)

/// Works through a file's entries, with a bar for people who watch.
let private each (work: JsonFile.Entry -> JsonObject) (items: JsonFile.Item list) =
    if Console.IsErrorRedirected || items.Length < 2 then
        List.map (attempt work) items
    else
        Live.follow (fun show ->
            items
            |> List.mapi (fun i item ->
                show {
                    Work = "computing"
                    Done = i
                    Total = items.Length
                    Note = ""
                }

                attempt work item))

/// What stands in JSON for an entry without facts.
let private failure (item: JsonFile.Item) problem =
    JsonFile.ofFields [ "name", Option.bind JsonFile.text item.Name; "error", JsonFile.text problem ]

/// Prints the facts about every entry of a file: all of them as JSON, or some columns of them as a table. Fails in the
/// end if there are entries without facts.
let print path asJson columns (brief: JsonObject -> JsonObject) facts =
    let results = JsonFile.read path |> each facts
    let found = results |> List.choose Result.toOption

    let problems =
        results
        |> List.choose (function
            | Ok _ -> None
            | Error(_, problem) -> Some problem)

    if not found.IsEmpty || problems.IsEmpty then
        if asJson then
            results
            |> List.map (function
                | Ok facts -> facts
                | Error(item, problem) -> failure item problem)
            |> JsonFile.print
        else
            let row facts = List.map (cell (brief facts)) columns
            TextTable.print TableBorder.Rounded columns (List.map row found)

    if not problems.IsEmpty then
        raise (EquivariantException(String.concat "\n" problems))
