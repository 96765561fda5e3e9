module internal Equivariant.Cli.Program

open System.Runtime.InteropServices
open Argu
open Equivariant.Core.Native

/// A command is one file with its arguments and a `run`; it is named here and below.
type Command =
    | [<CliPrefix(CliPrefix.None)>] Group of ParseResults<GroupCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Hom of ParseResults<HomCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Design of ParseResults<DesignCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<CheckCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Describe of ParseResults<DescribeCommand.Arguments>
    | [<CliPrefix(CliPrefix.None)>] Scan of ParseResults<ScanCommand.Arguments>

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
                "try the laws of the models that a script declares. Example: check examples/3-two-views.fsx"
            | Describe _ ->
                "report on the models that a script declares, or draw them. Example: describe examples/3-two-views.fsx --svg"
            | Scan _ ->
                "compare plain, equitune and multi-equitune networks on SCAN-II. Example: scan --quick"

let private run command =
    match command with
    | Group arguments -> GroupCommand.run arguments
    | Hom arguments -> HomCommand.run arguments
    | Design arguments -> DesignCommand.run arguments
    | Check arguments -> CheckCommand.run arguments
    | Describe arguments -> DescribeCommand.run arguments
    | Scan arguments ->
        LibTorch.Load()
        ScanCommand.run arguments

let private failed, misused = 1, 2

let private complain (code: int) (message: string) =
    eprintfn $"%s{Readable.visibleLines message}"
    code

/// What shells give for a program that a signal ended.
let private signalled signal =
    match signal with
    | PosixSignal.SIGHUP -> 129
    | PosixSignal.SIGINT -> 130
    | _ -> 143

[<EntryPoint>]
let main argv =
    let parser = ArgumentParser.Create<Command>(programName = "equivariant")

    try
        match parser.ParseCommandLine(argv).TryGetSubCommand() with
        | Some command ->
            run command
            0
        | None -> complain misused (parser.PrintUsage())
    with
    | :? ArguParseException as error when error.ErrorCode = ErrorCode.HelpText ->
        printfn $"%s{error.Message}"
        0
    | :? ArguParseException as error ->
        complain misused $"%s{Readable.firstLine error.Message} (equivariant --help lists what there is.)"
    | Script.Stopped signal -> complain (signalled signal) $"Stopped by %O{signal}."
    | error -> complain failed (Readable.sentence error)
