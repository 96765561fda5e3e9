/// Scripts of the user's, run through F# Interactive, which is asked about the models that they declare.
module internal Equivariant.Cli.Script

open System
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open Equivariant
open Equivariant.Core

/// What came of a script.
type private Ending = { Code: int; Error: string list }

/// Loads the script, then asks its own copy of the language; so no two copies of it ever meet.
let private driver (script: string) (question: string list) =
    let verbatim (text: string) =
        "@\"" + text.Replace("\"", "\"\"") + "\""

    let words = question |> List.map verbatim |> String.concat "; "

    $"""#load {verbatim script}
let language =
    System.AppDomain.CurrentDomain.GetAssemblies()
    |> Array.tryFind (fun assembly -> assembly.GetName().Name = "Equivariant")
match language with
| None -> ()
| Some language -> language.GetType("Equivariant.Scripts").GetMethod("answer").Invoke(null, [| box [| {words} |] |]) |> ignore
"""

/// The compiler's first error: its place, and its lines up to the first empty one.
let private compilerError (script: string) (lines: string list) =
    let errorLine =
        Regex(@"^(?<file>.*?)\((?<line>\d+),(?<column>\d+)\): error (?<what>.*)$")

    match lines |> List.tryFindIndex errorLine.IsMatch with
    | None -> None
    | Some at ->
        let found = errorLine.Match lines[at]

        let rest =
            lines
            |> List.skip (at + 1)
            |> List.takeWhile (fun line -> line.Trim() <> "")
            |> List.map (fun line -> " " + line.Trim())
            |> String.concat ""

        let file = Path.GetFileName found.Groups["file"].Value

        let place =
            if file = Path.GetFileName script then
                ""
            else
                $" of '%s{file}'"

        let line, column, what =
            found.Groups["line"], found.Groups["column"], found.Groups["what"]

        Some $"'%s{script}' does not compile: line {line}%s{place}, column {column}: {what}%s{rest}"

/// The sentence that a user can do something about.
let private complaint (script: string) (lines: string list) =
    match compilerError script lines, lines |> List.tryFind (fun line -> line.Trim() <> "") with
    | Some sentence, _ -> sentence
    | None, Some first -> $"'%s{script}' stops with an error: %s{first.Trim()}"
    | None, None -> $"'%s{script}' stops with an error."

let private start (arguments: string list) =
    let dotnet =
        Environment.GetEnvironmentVariable "DOTNET_HOST_PATH"
        |> Option.ofObj
        |> Option.defaultValue "dotnet"

    let info =
        ProcessStartInfo(
            dotnet,
            "fsi" :: arguments,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false
        )

    try
        match Process.Start info with
        | null -> raise (EquivariantException "F# Interactive does not start: is the .NET SDK installed?")
        | started -> started
    with :? ComponentModel.Win32Exception ->
        raise (
            EquivariantException
                $"'%s{dotnet}' does not start: scripts need the .NET SDK, with F# Interactive."
        )

/// Runs F# Interactive; answers are handed over as they come, and what the script prints itself is left out.
let private interactive (file: string) (onAnswer: JsonObject -> unit) : Ending =
    use running = start [ "--nologo"; "--quiet"; "--exec"; file ]
    let errors = running.StandardError.ReadToEndAsync()

    for line in
        Seq.unfold
            (fun () ->
                running.StandardOutput.ReadLine()
                |> Option.ofObj
                |> Option.map (fun line -> line, ()))
            () do
        match line.IndexOf Scripts.mark with
        | -1 -> ()
        | at ->
            match JsonNode.Parse(line.Substring(at + 1)) with
            | :? JsonObject as answer -> onAnswer answer
            | _ -> ()

    running.WaitForExit()

    {
        Code = running.ExitCode
        Error = errors.Result.Split '\n' |> List.ofArray
    }

/// Asks the models of a script; each answer is shown as it comes, and all of them are returned.
/// The question is what Scripts.answer of the language takes.
let ask (script: string) (question: string list) (show: JsonObject -> unit) : JsonObject list =
    if not (File.Exists script) then
        raise (EquivariantException $"There is no file '%s{script}'.")

    let folder = Directory.CreateTempSubdirectory "equivariant-"

    try
        let file = Path.Combine(folder.FullName, "driver.fsx")
        File.WriteAllText(file, driver (Path.GetFullPath script) question)
        let answers = ResizeArray<JsonObject>()

        let ending =
            interactive file (fun answer ->
                answers.Add answer
                show answer)

        match ending.Code, List.ofSeq answers with
        | 0, [] ->
            raise (
                EquivariantException
                    $"'%s{script}' declares no model: none of its top-level values is a network {{ … }}."
            )
        | 0, answers -> answers
        | _ -> raise (EquivariantException(complaint script ending.Error))
    finally
        folder.Delete true

/// A text field of an answer.
let text (name: string) (answer: JsonObject) =
    match answer[name] with
    | null -> None
    | value -> Some(value.GetValue<string>())
