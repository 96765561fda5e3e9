module Equivariant.Linear.Program

open System
open Argu
open Spectre.Console

type Arguments =
    | [<Unique>] Steps of count: int
    | [<Unique>] Seed of number: int

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Steps _ -> "training steps for each network (800 if left out)"
            | Seed _ -> "the seed of data and weights (1 if left out)"

let private mostSteps = 1_000_000

[<EntryPoint>]
let main argv =
    let parser = ArgumentParser.Create<Arguments>(programName = "linear")

    try
        let arguments = parser.ParseCommandLine argv
        let steps, seed = arguments.GetResult(Steps, 800), arguments.GetResult(Seed, 1)

        if steps < 1 || steps > mostSteps then
            arguments.Raise $"--steps %d{steps} makes no sense: give a number from 1 to %d{mostSteps}."

        let table =
            Table()
                .Title("Trained on one input of each orbit: relative errors on new inputs")
                .AddColumns("groups", "network", "on representatives", "on whole orbits")

        for outcome in Theorem3.runAll steps seed do
            for name, errors in [ "IS", outcome.Symmetric; "plain", outcome.Plain ] do
                table.AddRow(
                    outcome.Target.Name,
                    name,
                    $"{errors.OnRepresentatives:F3}",
                    $"{errors.OnWholeOrbits:F3}"
                )
                |> ignore

        AnsiConsole.Write table
        0
    with
    | :? ArguParseException as error when error.ErrorCode = ErrorCode.HelpText ->
        printfn $"%s{error.Message}"
        0
    | :? ArguParseException as error ->
        eprintfn $"%s{error.Message}"
        2
