module Equivariant.Benchmarks.Program

open System.IO
open Argu
open TorchSharp
open Equivariant.Core

/// A benchmark by name: what it measures, given the number of rounds; it shows what it finds, and gives the tables for the page of costs, if it has any.
let private benchmarks: (string * (int -> string list)) list =
    let shownOnly run (rounds: int) : string list =
        run rounds
        []

    [
        "designs", Designs.run
        "groups",
        fun rounds ->
            Groups.speeds ()
            Groups.besideGap (max 3 (rounds / 4))
        "linear", LinearLayers.run
        "inputs", SeveralInputs.run
        "alternatives", Alternatives.run
        "sequences",
        shownOnly (fun rounds ->
            SequenceDesigns.overhead rounds
            SequenceDesigns.scaling (max 3 (rounds / 2)))
        "frames", Frames.run
        "generation", shownOnly (fun rounds -> Generation.run (max 3 (rounds / 4)))
        "ranks", Ranks.run None
    ]

/// Puts tables between their marks in a Markdown file.
let private intoReadme (name: string) (tables: string list) (path: string) =
    let first, last = $"<!-- {name}: measured -->", $"<!-- {name}: end -->"
    let lines = File.ReadAllLines path |> List.ofArray
    let before = lines |> List.takeWhile ((<>) first)
    let after = lines |> List.skipWhile ((<>) last)

    if before.Length = lines.Length || after.IsEmpty then
        failwith $"'{path}' lacks the lines '{first}' and '{last}'."

    File.WriteAllLines(path, before @ [ first; "" ] @ tables @ after)

let private names = benchmarks |> List.map fst |> String.concat ", "

type Arguments =
    | [<MainCommand>] Which of names: string list
    | [<AltCommandLine "-r">] Rounds of count: int
    | Threads of count: int
    | Readme of path: string
    | Oracle of path: string
    | [<Hidden>] Memory_Of of design: string
    | [<Hidden>] Into of path: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Which _ -> $"which benchmarks: {names}; all if left out. Example: sequences --rounds 40"
            | Rounds _ -> "how many rounds of turns to take (20 if left out)."
            | Readme _ ->
                "put the tables of the benchmarks (the designs' if none is named) into this file, between its marks. Example: linear inputs --readme examples/docs/costs.md"
            | Oracle _ ->
                "write groups that GAP draws, with its answers, into this file. Example: --oracle tests/unit/Oracles/data/drawn.json"
            | Memory_Of _ -> "measure the memory of one design (a child process of this program)."
            | Into _ -> "put the ranks' table into this file (a rank of this program)."
            | Threads _ -> "how many threads torch may use (as many as there are cores if left out)."

let private runAll readme rounds wanted =
    match
        wanted
        |> List.tryFind (fun name -> not (List.exists (fst >> (=) name) benchmarks))
    with
    | Some unknown ->
        eprintfn $"There is no benchmark '{unknown}': choose from {names}."
        2
    | None ->
        for name, run in benchmarks do
            if List.contains name wanted then
                let tables = run rounds

                match readme with
                | Some path when not tables.IsEmpty -> intoReadme name tables path
                | _ -> ()

        0

[<EntryPoint>]
let main argv =
    let parser = ArgumentParser.Create<Arguments>(programName = "benchmarks")

    try
        let arguments = parser.ParseCommandLine argv
        arguments.TryGetResult Threads |> Option.iter torch.set_num_threads
        let rounds = arguments.GetResult(Rounds, 20)

        let wanted = arguments.TryGetResult Which

        match
            arguments.TryGetResult Memory_Of, arguments.TryGetResult Into, arguments.TryGetResult Readme
        with
        | Some design, _, _ ->
            Designs.memoryOf design
            0
        | None, Some path, _ ->
            Ranks.run (Some path) rounds |> ignore
            0
        | None, None, _ when arguments.Contains Oracle ->
            Groups.writeOracle (arguments.GetResult Oracle)
            0
        | None, None, readme ->
            Paired.keepFreedMemory ()

            let usual =
                match readme with
                | Some _ -> [ "designs" ]
                | None -> List.map fst benchmarks

            runAll readme rounds (wanted |> Option.defaultValue usual)
    with
    | :? ArguParseException as error ->
        eprintfn $"{error.Message}"
        2
    | :? EquivariantException as error ->
        eprintfn $"{error.Message}"
        1
