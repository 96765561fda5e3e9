/// `soak`: whether memory stays flat over many steps of an experiment's models.
module internal Equivariant.Cli.SoakCommand

open System.IO
open Argu
open TorchSharp
open Equivariant.Bench
open Equivariant.Core

type Arguments =
    | [<MainCommand; Mandatory; First>] Experiment of name: string
    | [<Unique>] Steps of count: int
    | [<Unique>] Device of name: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Experiment _ ->
                "the experiment, whose own options may follow. Every run's trainings are repeated, with its tiny settings. Example: soak scan --cell lstm"
            | Steps _ -> "steps of each training (default: 20000)."
            | Device _ -> "where to compute: cpu (the default) or cuda."

/// Parts what follows the experiment's name: options of this command, and the experiment's own.
let rec divide (words: string list) =
    match words with
    | ("--steps" | "--device" as option) :: value :: rest ->
        let here, own = divide rest
        option :: value :: here, own
    | ("--steps" | "--device" | "--help" as option) :: rest ->
        let here, own = divide rest
        option :: here, own
    | word :: rest ->
        let here, own = divide rest
        here, word :: own
    | [] -> [], []

let private usualSteps, fewestSteps, mostSteps = 20_000, 10, 1_000_000_000

/// What a program needs at first, such as torch's caches, is there after a tenth of the steps.
let private settled steps = steps / 10

/// What is printed: twenty measurements.
let private interval steps = max 1 (steps / 20)

/// Growth that is none: allocators keep pages now and then.
let private tolerated = 0.02

let private mebibytes (bytes: int64) = float bytes / 1048576.0

let private refuse (message: string) = raise (EquivariantException message)

let private report steps (endured: Endured) =
    printfn
        $"%s{endured.Stage}: %+.2f{100.0 * endured.GrowthAfter(settled steps)} %% after the first %d{settled steps} steps"

/// Repeats the steps of an experiment, with some options of its own, and prints resident memory.
let run (experiments: AnyExperiment list) (own: string list) (arguments: ParseResults<Arguments>) =
    let name = arguments.GetResult Experiment
    let steps = arguments.GetResult(Steps, usualSteps)

    if steps < fewestSteps || steps > mostSteps then
        refuse $"--steps %d{steps} makes no sense: give a number from %d{fewestSteps} to %d{mostSteps}."

    let experiment =
        match experiments |> List.tryFind (fun known -> known.Name = name) with
        | Some experiment -> experiment
        | None ->
            let known = experiments |> List.map _.Name |> String.concat ", "
            refuse $"'%s{name}' is no experiment: there are %s{known}."

    match experiment.Plan Tiny own with
    | Error problem -> raise (ExperimentCommand.Misused problem)
    | Ok plan ->
        torch.set_num_threads 1

        let show (writer: TextWriter) stage step bytes =
            fprintfn writer $"%s{stage}: step %d{step}, %.1f{mebibytes bytes} MiB"

        let endured =
            Soak.run plan (arguments.GetResult(Device, "cpu")) steps (interval steps) show

        List.iter (report steps) endured

        match endured |> List.filter (fun one -> one.GrowthAfter(settled steps) > tolerated) with
        | [] -> ()
        | grown ->
            let stages = grown |> List.map _.Stage |> String.concat ", "
            refuse $"Memory grew by more than %.0f{100.0 * tolerated} %% in: %s{stages}."
