namespace Equivariant.Bench

open System
open System.IO
open System.Text
open Equivariant.Core

/// <summary>Results as Markdown, for the README of an experiment.</summary>
[<RequireQualifiedAccess>]
module Markdown =

    let private escaped (cell: string) =
        (Readable.visible cell).Replace("|", "\\|")

    let private row cells =
        let cells = cells |> List.map escaped |> String.concat " | "
        $"| {cells} |"

    /// <summary>Writes a table as lines.</summary>
    let table (table: Table) = [
        $"**{table.Title}**"
        ""
        row table.Columns
        row ("---" :: List.replicate (table.Columns.Length - 1) "---:")
        yield! List.map row table.Rows

        if not table.Notes.IsEmpty then
            ""

            for note in table.Notes do
                $"- {note}"
    ]

    let private opening name = $"<!-- {name}: measured -->"
    let private closing name = $"<!-- {name}: end -->"

    let private refuse (message: string) = raise (EquivariantException message)

    /// <summary>
    /// Puts lines between the marks of an experiment in a Markdown text; behind its end, with marks, if there are none.
    /// </summary>
    let insert name (lines: string list) (text: string) =
        let block = opening name :: "" :: lines @ [ ""; closing name ] |> String.concat "\n"

        match text.IndexOf(opening name), text.IndexOf(closing name) with
        | -1, -1 when text = "" -> block + "\n"
        | -1, -1 -> text.TrimEnd '\n' + "\n\n" + block + "\n"
        | first, last when first >= 0 && last > first ->
            text[.. first - 1] + block + text[last + (closing name).Length ..]
        | _ ->
            refuse
                $"The marks around the figures of %s{name} are broken: '%s{opening name}' comes before '%s{closing name}', and both are there or neither."

    /// <summary>Puts lines between the marks of an experiment in a Markdown file, in one piece.</summary>
    let update (path: string) name lines =
        let text = if File.Exists path then File.ReadAllText path else ""

        Serialization.AtomicFile.Write(
            path,
            fun file -> file.Write(ReadOnlySpan(Encoding.UTF8.GetBytes(insert name lines text)))
        )
