/// `report`: one page from the results of several runs.
module internal Equivariant.Cli.ReportCommand

open System.Text
open Argu
open Equivariant.Bench
open Equivariant.Core.Serialization

type Arguments =
    | [<MainCommand; Mandatory>] Folders of folder: string list
    | [<Unique>] Out of file: string
    | [<Unique>] Readme of file: string
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Folders _ ->
                "folders with a results.json; parts of one sweep are merged, others stand side by side. Example: report out/scan-1 out/scan-2"
            | Out _ -> "the page (default: report.html)."
            | Readme _ ->
                "a Markdown file to put the tables into, between the marks of their experiment (at its end, if it has none)."
            | Json -> "print the merged results as JSON."

let private write (path: string) (text: string) =
    let content = Encoding.UTF8.GetBytes text
    AtomicFile.Write(path, fun file -> file.Write(content, 0, content.Length))

/// Reads the results of some folders, and writes their page.
let run (experiments: AnyExperiment list) (arguments: ParseResults<Arguments>) =
    let sections = Report.read experiments (arguments.GetResult Folders)
    let page = arguments.GetResult(Out, Report.page)
    write page (Report.html sections)

    match arguments.TryGetResult Readme with
    | None -> ()
    | Some readme ->
        for experiment, sections in sections |> List.groupBy _.Plan.Experiment do
            Markdown.update readme experiment (Report.markdown sections)

    if arguments.Contains Json then
        printfn $"%s{Json.text (sections |> List.map _.Results)}"
    else
        for section in sections do
            ExperimentCommand.print section

        printfn $"Written to %s{Readable.visible page}."
