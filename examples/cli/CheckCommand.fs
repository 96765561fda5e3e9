/// `check`: the laws of the models that a script declares.
module internal Equivariant.Cli.CheckCommand

open System.Text.Json.Nodes
open Argu
open Equivariant.Bench
open Equivariant.Core

type Arguments =
    | [<MainCommand; ExactlyOnce>] Script of path: string
    | [<Unique>] Trials of count: int
    | [<Unique>] Seed of seed: int64
    | [<Unique>] Device of device: string
    | [<Unique>] Timeout of seconds: int
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Script _ ->
                "an F# script whose top-level values are models. Example: check examples/docs/3-two-views.fsx"
            | Trials _ -> "how many trials each law gets; 50 if left out."
            | Seed _ ->
                "seeds the weights and the trials; 0 if left out. The same seed finds the same counterexample."
            | Device _ -> "where to run: cpu, cuda or cuda:0; cpu if left out."
            | Timeout _ -> "how many seconds the script and the laws of its models may take; 600 if left out."
            | Json -> "print an array of objects instead of lines."

/// A line for an answer.
let private line (answer: JsonObject) =
    let model = Script.text "model" answer |> Option.defaultValue ""

    match Script.text "law" answer, Script.text "counterexample" answer, Script.text "problem" answer with
    | Some law, None, _ -> Some $"""held    %s{model}: %s{law} ({answer["trials"]} trials)"""
    | Some _, Some counterexample, _ -> Some $"broken  %s{model}: %s{counterexample}"
    | None, _, Some problem -> Some $"wrong   %s{model}: %s{problem}"
    | None, _, None -> None

let private isBad (answer: JsonObject) =
    (Script.text "counterexample" answer).IsSome
    || (Script.text "problem" answer).IsSome

let run (arguments: ParseResults<Arguments>) =
    let trials = arguments.GetResult(Trials, 50)

    if trials < 1 then
        raise (EquivariantException $"--trials %d{trials} makes no sense: a law takes at least one trial.")

    let device = arguments.GetResult(Device, "cpu")
    let json = arguments.Contains Json

    let show answer =
        if not json then
            line answer |> Option.map Readable.visible |> Option.iter (printfn "%s")

    let answers =
        Script.ask
            (arguments.GetResult Script)
            (arguments.GetResult(Timeout, Script.defaultTimeout))
            [ "check"; device; string trials; string (arguments.GetResult(Seed, 0L)) ]
            show

    match answers |> List.tryPick (Script.text "refusal") with
    | Some refusal -> raise (EquivariantException(Readable.visible refusal))
    | None -> ()

    if json then
        JsonFile.print answers

    match answers |> List.filter isBad |> List.length with
    | 0 -> ()
    | bad -> raise (EquivariantException $"%d{bad} of %d{answers.Length} laws and declarations do not hold.")
