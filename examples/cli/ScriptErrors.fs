/// What F# Interactive says on standard error, as the one sentence that a user can do something about. Warnings, notices
/// of libraries and what the script prints itself stand there too, before and after the error.
module internal Equivariant.Cli.ScriptErrors

open System
open System.IO
open System.Text.RegularExpressions

let private errorLine =
    Regex @"^(?<file>.*?)\((?<line>\d+),(?<column>\d+)\): error (?<what>.*)$"

/// The compiler's first error: its place, and its lines up to the first empty one.
let compilerError (script: string) (lines: string list) =
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

let private isFrame (line: string) =
    line.StartsWith("   at ", StringComparison.Ordinal)

/// An exception's type and its message's first line. Types of F# Interactive are nested, all others are in a namespace.
let private header =
    Regex @"^(Unhandled exception\. | ---> )?(\(Inner Exception #\d+\) )?(?<type>[\w<>$`]+([.+][\w<>$`]+)+): "

/// They say only that something inside them went wrong.
let private wrappers = [
    "System.Reflection.TargetInvocationException"
    "System.TypeInitializationException"
    "System.AggregateException"
]

/// The message of the last exception that was printed with its stack trace, and not caught by what only wraps it.
let exceptionMessage (lines: string list) =
    let block =
        match lines |> List.tryFindIndexBack isFrame with
        | None -> []
        | Some last ->
            let before = List.take last lines

            before
            |> List.tryFindIndexBack (fun line -> header.IsMatch line && not (line.StartsWith ' '))
            |> Option.map (fun first -> List.skip first before)
            |> Option.defaultValue []

    let messageAt first =
        let found = header.Match block[first]

        let rest =
            block
            |> List.skip (first + 1)
            |> List.takeWhile (fun line ->
                not (isFrame line || line.StartsWith(" --->", StringComparison.Ordinal)))

        let start = block[first][found.Groups["type"].Index ..]
        found.Groups["type"].Value, start :: rest |> List.map _.Trim() |> String.concat " "

    let messages =
        List.indexed block
        |> List.filter (snd >> header.IsMatch)
        |> List.map (fst >> messageAt)

    messages
    |> List.tryFind (fun (kind, _) -> not (List.contains kind wrappers))
    |> Option.orElse (List.tryLast messages)
    |> Option.map snd

/// A warning of the compiler, or a notice of libtorch, as [W918 08:15:00 NNPACK.cpp:57] is the beginning of one.
let private notice = Regex @"^(.*\(\d+,\d+\): )?warning |^\[[IW]\d* "

/// The last line that is no notice and no part of a stack trace.
let lastWord (lines: string list) =
    lines
    |> List.map _.TrimEnd()
    |> List.tryFindBack (fun line -> line <> "" && not (isFrame line || notice.IsMatch line))
