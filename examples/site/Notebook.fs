namespace Equivariant.Site

open System
open System.Text.Json
open System.Text.RegularExpressions

/// <summary>A part of a literate script.</summary>
type Cell =
    | Prose of string
    | Code of string

/// <summary>What people take away: notebooks and scripts that run from the packages, of the same text as the page.</summary>
[<RequireQualifiedAccess>]
module Notebook =

    let private frontMatter = Regex(@"\A\s*---\n.*?\n---\n", RegexOptions.Singleline)

    /// Links into the reference have only their name here, and marks of languages are for fsdocs.
    let private prose (text: string) =
        let text = frontMatter.Replace(text, "")

        let text =
            Regex.Replace(text, @"`+cref:\w:(?:[\w.]+\.)?(\w+?)(?:Module)?(?:`\d)?`+", "`$1`")

        Regex.Replace(text, @"(?m)^    \[lang=\w+\]\n", "").Trim()

    /// <summary>Takes a literate script apart. A value that its page shows is the last line of its cell.</summary>
    let cells (script: string) : Cell list =
        let add (text: string) cell cells =
            if text.Trim() = "" then
                cells
            else
                cell (text.Trim()) :: cells

        let rec read (lines: string list) (code: string list) (cells: Cell list) =
            let finished () =
                add (String.concat "\n" (List.rev code)) Code cells

            match lines with
            | [] -> List.rev (finished ())
            | "(**" :: rest ->
                let text = rest |> List.takeWhile ((<>) "*)")
                let rest = rest |> List.skip (min rest.Length (text.Length + 1))
                read rest [] (add (prose (String.concat "\n" text)) Prose (finished ()))
            | line :: rest when line.StartsWith "(*** include-value:" ->
                let value = line.Substring(19).Replace("***)", "").Trim()
                read rest (value :: "" :: code) cells
            | line :: rest when line.StartsWith "(***" -> read rest code cells
            | line :: rest -> read rest (line :: code) cells

        read (script.ReplaceLineEndings("\n").Split '\n' |> List.ofArray) [] []

    /// The libraries of experiments, which are in the repository and in no package.
    let private ofRepository =
        Regex @"(?m)^open Equivariant\.(Bench|Fairness|Graphs|Images|Scan|Views|ZeroShot)\b"

    let private preamble = "#load \"../equivariant.fsx\""

    /// <summary>Whether a script needs the repository, not only the packages.</summary>
    let needsRepository (script: string) =
        ofRepository.IsMatch script || script.Contains "#load \"../../"

    /// <summary>The script with the packages of a version in place of the repository's build.</summary>
    let fromPackages version (script: string) =
        let references = [
            $"#r \"nuget: Equivariant, {version}\""
            if script.Contains "Equivariant.Pretrained" then
                $"#r \"nuget: Equivariant.Pretrained, {version}\""
            "#r \"nuget: libtorch-cpu-linux-x64, 2.10.0\""
        ]

        script.Replace(preamble, String.concat "\n" references)

    /// <summary>The script as a notebook with F# cells.</summary>
    let ofScript (script: string) : string =
        let lines (text: string) =
            let parts = text.Split '\n'

            parts
            |> Array.mapi (fun i line -> if i < parts.Length - 1 then line + "\n" else line)

        let cell kind text : obj =
            match kind with
            | "code" -> {|
                cell_type = kind
                metadata = {| |}
                source = lines text
                outputs = Array.empty<string>
                execution_count = Nullable<int>()
              |}
            | _ -> {|
                cell_type = kind
                metadata = {| |}
                source = lines text
              |}

        let notebook = {|
            nbformat = 4
            nbformat_minor = 4
            metadata = {|
                kernelspec = {|
                    display_name = ".NET (F#)"
                    language = "F#"
                    name = ".net-fsharp"
                |}
                language_info = {|
                    name = "F#"
                    file_extension = ".fs"
                    mimetype = "text/x-fsharp"
                |}
            |}
            cells = [|
                for part in cells script ->
                    match part with
                    | Prose text -> cell "markdown" text
                    | Code text -> cell "code" text
            |]
        |}

        JsonSerializer.Serialize(
            notebook,
            JsonSerializerOptions(
                WriteIndented = true,
                Encoder = Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
            )
        )
