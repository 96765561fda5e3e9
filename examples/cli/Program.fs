module internal Equivariant.Cli.Program

open Argu
open Equivariant.Bench
open Equivariant.Core
open Equivariant.Core.Distributed
open Equivariant.Core.Native
open Equivariant.Fairness
open Equivariant.Graphs
open Equivariant.Scan
open Equivariant.Views
open Equivariant.ZeroShot

/// The experiments, each a command of its own name.
let private experiments = [
    Experiment.any Scan.experiment
    Experiment.any Views.experiment
    Experiment.any Fairness.experiment
    Experiment.any ZeroShot.experiment
    Experiment.any Graphs.experiment
]

/// A command is one file with its arguments and a `run`; it is named here and below.
type Command =
    | [<CliPrefix(CliPrefix.None)>] Group of ParseResults<GroupCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Hom of ParseResults<HomCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Design of ParseResults<DesignCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<CheckCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Describe of ParseResults<DescribeCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Report of ParseResults<ReportCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Soak of ParseResults<SoakCommand.Arguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Group _ ->
                "facts about permutation groups: order, classes, centre, orbits. Example: group groups.json --json"
            | Hom _ ->
                "dimensions of the spaces of equivariant and invariant-symmetric linear maps. Example: hom homs.json"
            | Design _ ->
                "cost and power of a quotient design, or the best one within a budget. Example: design d4.json --budget 4"
            | Check _ ->
                "try the laws of the models that a script declares. Example: check examples/docs/3-two-views.fsx"
            | Describe _ ->
                "report on the models that a script declares, or draw them. Example: describe examples/docs/3-two-views.fsx --svg"
            | Report _ -> "put the results of experiments on one page. Example: report out/scan-1 out/scan-2"
            | Soak _ -> "see whether memory stays flat over many steps of an experiment. Example: soak scan"

let private run own command =
    match command with
    | Group arguments -> GroupCommand.run arguments
    | Hom arguments -> HomCommand.run arguments
    | Design arguments -> DesignCommand.run arguments
    | Check arguments -> CheckCommand.run arguments
    | Describe arguments -> DescribeCommand.run arguments
    | Report arguments -> ReportCommand.run experiments arguments
    | Soak arguments ->
        LibTorch.Load()
        SoakCommand.run experiments own arguments

let private failed, misused = 1, 2

/// The ranks that this program was started as; by itself where they do not meet.
let private ranks () =
    try
        Ranks.Join()
    with :? EquivariantException ->
        Ranks.Alone

/// Says what is wrong, once if all ranks say it; one of them ends all.
let private complain (code: int) (message: string) =
    let text = Readable.visibleLines message

    let ranks = ranks ()

    if ranks.Count > 1 then
        ranks.Abort(text, code)

    eprintfn $"%s{text}"
    code

/// What there is, experiments included.
let private usage (parser: ArgumentParser<Command>) =
    let width = experiments |> List.map _.Name.Length |> List.max

    [
        parser.PrintUsage().TrimEnd()
        ""
        "EXPERIMENTS:"
        ""
        for experiment in experiments do
            $"    {experiment.Name.PadRight width}  {experiment.Description}"
    ]
    |> String.concat "\n"

let private runAny (argv: string[]) =
    let parser = ArgumentParser.Create<Command>(programName = "equivariant")

    let experiment =
        experiments
        |> List.tryFind (fun experiment -> Array.tryHead argv = Some experiment.Name)

    match experiment with
    | Some experiment ->
        LibTorch.Load()
        ExperimentCommand.run experiment (List.tail (List.ofArray argv))
        0
    | None when argv = [| "--help" |] ->
        printfn $"%s{usage parser}"
        0
    | None ->
        let words, own =
            match List.ofArray argv with
            | "soak" :: name :: rest ->
                let here, own = SoakCommand.divide rest
                "soak" :: name :: here, own
            | words -> words, []

        match parser.ParseCommandLine(Array.ofList words).TryGetSubCommand() with
        | Some command ->
            run own command
            0
        | None -> complain misused (usage parser)

[<EntryPoint>]
let main argv =
    try
        runAny argv
    with
    | :? ArguParseException as error when error.ErrorCode = ErrorCode.HelpText ->
        printfn $"%s{error.Message}"
        0
    | :? ArguParseException as error ->
        complain misused $"%s{Readable.firstLine error.Message} (equivariant --help lists what there is.)"
    | ExperimentCommand.Misused problem ->
        complain misused $"%s{problem} (equivariant --help lists what there is.)"
    | ExperimentCommand.Interrupted(signal, sentence) ->
        complain (Signals.exitCode signal) $"Stopped by %O{signal}. %s{sentence}"
    | Signals.Stopped signal -> complain (Signals.exitCode signal) $"Stopped by %O{signal}."
    | error -> complain failed (Readable.sentence error)
