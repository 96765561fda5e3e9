/// `describe`: what the models that a script declares cost, and how they look.
module internal Equivariant.Cli.DescribeCommand

open System.Text.Json.Nodes
open Argu
open Equivariant.Bench
open Equivariant.Core

type Arguments =
    | [<MainCommand; ExactlyOnce>] Script of path: string
    | [<Unique>] Dot
    | [<Unique>] Svg
    | [<Unique>] Device of device: string
    | [<Unique>] Timeout of seconds: int
    | [<Unique>] Json

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Script _ ->
                "an F# script whose top-level values are models. Example: describe examples/docs/3-two-views.fsx --svg > network.svg"
            | Dot -> "print the network as text for Graphviz instead of the report."
            | Svg ->
                "print the network as an SVG picture instead of the report; of the last model, if there are several."
            | Device _ -> "where to build the networks: cpu, cuda or cuda:0; cpu if left out."
            | Timeout _ -> "how many seconds the script and the reports may take; 600 if left out."
            | Json -> "print an array of objects with report, dot and svg."

let run (arguments: ParseResults<Arguments>) =
    if arguments.Contains Dot && arguments.Contains Svg then
        raise (EquivariantException "Give --dot or --svg, not both.")

    let device = arguments.GetResult(Device, "cpu")

    let answers =
        Script.ask
            (arguments.GetResult Script)
            (arguments.GetResult(Timeout, Script.defaultTimeout))
            [ "describe"; device ]
            ignore

    match answers |> List.tryPick (Script.text "refusal") with
    | Some refusal -> raise (EquivariantException(Readable.visible refusal))
    | None -> ()

    let model answer =
        Script.text "model" answer |> Option.defaultValue ""

    let problems =
        answers |> List.filter (fun answer -> (Script.text "problem" answer).IsSome)

    let described =
        answers |> List.filter (fun answer -> (Script.text "report" answer).IsSome)

    let field name answer =
        Script.text name answer |> Option.defaultValue ""

    if arguments.Contains Json then
        JsonFile.print answers
    else if arguments.Contains Svg then
        described
        |> List.tryLast
        |> Option.iter (fun answer -> printfn $"""%s{field "svg" answer}""")
    elif arguments.Contains Dot then
        for answer in described do
            printfn $"""%s{field "dot" answer}"""
    else
        for answer in described do
            let report = field "report" answer
            printfn $"%s{model answer}\n\n%s{report}\n"

    if not problems.IsEmpty then
        let sentences = [
            for problem in problems -> $"""%s{model problem}: %s{field "problem" problem}"""
        ]

        raise (EquivariantException(String.concat "\n" sentences))
