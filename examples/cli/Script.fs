/// Scripts of the user's, run through F# Interactive, which is asked about the models that they declare.
module internal Equivariant.Cli.Script

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open Equivariant
open Equivariant.Bench
open Equivariant.Core

/// A text field of an answer.
let text (name: string) (answer: JsonObject) =
    match answer[name] with
    | :? JsonValue as value when value.GetValueKind() = JsonValueKind.String -> Some(value.GetValue<string>())
    | _ -> None

/// How far a script has come. Only when it has answered is there something to judge.
type private Stage =
    | Starting
    | Loading
    | Asking of running: string
    | Answered
    | Failed of problem: string

let private doing stage =
    match stage with
    | Starting -> "F# Interactive was starting"
    | Loading -> "its own lines were being compiled and run"
    | Asking ""
    | Answered
    | Failed _ -> "its models were being asked"
    | Asking running -> $"%s{running} was being tried"

/// Code that tells a stage in a line of its own, with a key that the script does not know.
let private tell (key: string) (stage: string) =
    $"System.Console.Out.WriteLine(\"\\u%04x{int Scripts.mark}%s{key}%s{stage}"

/// Loads the script, then asks its own copy of the language; so no two copies of it ever meet.
let private driver (key: string) (script: string) (question: string list) =
    let words = question |> List.map Interpreter.literal |> String.concat "; "

    $"""#load {Interpreter.literal script}
System.Console.SetOut EquivariantGuard.output
{tell key "asking"}")
let language =
    System.AppDomain.CurrentDomain.GetAssemblies()
    |> Array.tryFind (fun assembly -> assembly.GetName().Name = "Equivariant")
try
    match language with
    | None -> ()
    | Some language -> language.GetType("Equivariant.Scripts").GetMethod("answer").Invoke(null, [| box [| {words} |] |]) |> ignore
    {tell key "answered"}")
with error ->
    let error = match error with :? System.Reflection.TargetInvocationException -> error.InnerException | _ -> error
    {tell key "failed"}" + $"{{error.GetType().FullName}}: {{error.Message}}".ReplaceLineEndings(" ").Replace('\u%04x{int Scripts.mark}', ' '))
"""

/// One of these is in every answer.
let private findings = [ "running"; "law"; "problem"; "report"; "refusal" ]

/// An answer, if a line is one. A script may print anything, also the sign of answers.
let private tryAnswer (line: string) =
    try
        match
            JsonNode.Parse(line, documentOptions = JsonDocumentOptions(AllowDuplicateProperties = false))
        with
        | :? JsonObject as answer when List.exists answer.ContainsKey findings -> Some answer
        | _ -> None
    with :? JsonException ->
        None

/// Listens to what a script prints, most of which is its own business.
type private Listener(key: string, onAnswer: JsonObject -> unit) =
    let answers = ResizeArray<JsonObject>()

    member val Stage = Starting with get, set

    member _.Answers = List.ofSeq answers

    /// Hears a line; says whether it was the last that matters.
    member this.Hear(line: string) =
        let word = line.Substring(line.LastIndexOf Scripts.mark + 1)

        if word.StartsWith(key, StringComparison.Ordinal) then
            this.Stage <-
                match word.Substring key.Length with
                | "loading" -> Loading
                | "asking" -> Asking ""
                | "answered" -> Answered
                | failed -> Failed(failed.Substring "failed".Length)
        elif this.Stage.IsAsking && line.Contains Scripts.mark then
            match tryAnswer word with
            | None -> ()
            | Some answer ->
                match text "running" answer with
                | Some running -> this.Stage <- Asking running
                | None ->
                    answers.Add answer
                    onAnswer answer

        this.Stage.IsAnswered || this.Stage.IsFailed

/// Exit codes from here on are those of signals.
let private firstSignal = 128

/// The sentence that a user can do something about, where a script ended before it had answered.
let private complaint script stage (ending: Interpreter.Ending) =
    let said =
        match ScriptErrors.lastWord ending.Error with
        | Some word -> $" It said last: %s{word}"
        | None -> ""

    let compilerError =
        match stage with
        | Starting
        | Loading -> ScriptErrors.compilerError script ending.Error
        | _ -> None

    match compilerError, ScriptErrors.exceptionMessage ending.Error with
    | Some sentence, _ -> sentence
    | None, Some message -> $"'%s{script}' stops with an error: %s{message}"
    | None, None when ending.Code > firstSignal ->
        $"'%s{script}' was ended by signal %d{ending.Code - firstSignal} while %s{doing stage}.%s{said}"
    | None, None ->
        $"'%s{script}' ended itself with exit code %d{ending.Code} while %s{doing stage}: what was not tried does not count as held. Take the call of exit out.%s{said}"

/// Does some work that is stopped after a time, and by the signals that end programs.
let private stoppable (limit: TimeSpan) (work: CancellationToken -> 'T) (onTimeout: unit -> exn) =
    use source = new CancellationTokenSource(limit)
    let received = ref None

    let stop signal =
        received.Value <- Some signal
        source.Cancel()

    try
        Signals.heard stop (fun () -> work source.Token)
    with :? OperationCanceledException ->
        match received.Value with
        | Some signal -> raise (Signals.Stopped signal)
        | None -> raise (onTimeout ())

/// How long a script may take if nobody says.
let defaultTimeout = 600

let private longestTimeout = 1_000_000

let private limit seconds =
    if seconds < 1 || seconds > longestTimeout then
        raise (
            EquivariantException
                $"--timeout %d{seconds} makes no sense: give a number of seconds from 1 to %d{longestTimeout}."
        )

    TimeSpan.FromSeconds(float seconds)

let private requireScript (script: string) =
    (Files.openRead script).Dispose()

    if not (List.contains (Path.GetExtension script) [ ".fsx"; ".fsscript"; ".fs" ]) then
        raise (EquivariantException $"'%s{script}' is no F# script by its name, which has to end in .fsx.")

/// Asks the models of a script; each answer is shown as it comes, and all of them are returned.
/// The question is what Scripts.answer of the language takes.
let ask (script: string) timeout (question: string list) (show: JsonObject -> unit) : JsonObject list =
    let limit = limit timeout
    requireScript script
    let key = Guid.NewGuid().ToString "N"
    let listener = Listener(key, show)

    let work token =
        Interpreter.run
            (tell key "loading" + "\")\n")
            (driver key (Path.GetFullPath script) question)
            token
            listener.Hear

    let onTimeout () : exn =
        EquivariantException
            $"'%s{script}' was stopped after %d{timeout} seconds, while %s{doing listener.Stage}: it loops, or --timeout has to be larger."

    match stoppable limit work onTimeout, listener.Stage, listener.Answers with
    | Some ending, stage, _ -> raise (EquivariantException(complaint script stage ending))
    | None, Failed problem, _ -> raise (EquivariantException $"'%s{script}' stops with an error: %s{problem}")
    | None, _, [] ->
        raise (
            EquivariantException
                $"'%s{script}' declares no model: none of its top-level values is a network {{ … }}."
        )
    | None, _, answers -> answers
