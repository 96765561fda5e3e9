module Equivariant.Benchmarks.Program

open System.IO
open Argu
open TorchSharp
open Equivariant.Core

/// What README has tables of, by name: they are measured in so many rounds.
let private tables: (string * (int -> string list)) list = [
    "designs", Designs.run
    "ranks", Ranks.run None
    "groups", (fun rounds -> Groups.besideGap (max 3 (rounds / 4)))
]

/// A benchmark by name: what it measures, and how, given the number of rounds.
let private benchmarks: (string * (int -> unit)) list = [
    "designs", (fun rounds -> Designs.run rounds |> ignore)
    "groups",
    fun rounds ->
        Groups.speeds ()
        Groups.besideGap (max 3 (rounds / 4)) |> ignore
    "linear",
    fun rounds ->
        LinearLayers.building ()
        LinearLayers.invariantSymmetric (max 5 (rounds / 2))
        LinearLayers.equivariant rounds
    "sequences",
    fun rounds ->
        SequenceDesigns.overhead rounds
        SequenceDesigns.scaling (max 3 (rounds / 2))
    "frames", Frames.run
    "generation", (fun rounds -> Generation.run (max 3 (rounds / 4)))
    "ranks", (fun rounds -> Ranks.run None rounds |> ignore)
]

/// Puts tables between their marks in README.md.
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
                "measure the designs (or the ranks, or the groups) and put their tables into this file, between its marks. Example: groups --readme README.md"
            | Oracle _ ->
                "write groups that GAP draws, with its answers, into this file. Example: --oracle tests/unit/Oracles/data/drawn.json"
            | Memory_Of _ -> "measure the memory of one design (a child process of this program)."
            | Into _ -> "put the ranks' table into this file (a rank of this program)."
            | Threads _ -> "how many threads torch may use (as many as there are cores if left out)."

let private runAll rounds wanted =
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
                run rounds

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
            arguments.TryGetResult Memory_Of, arguments.TryGetResult Readme, arguments.TryGetResult Into
        with
        | Some design, _, _ ->
            Designs.memoryOf design
            0
        | None, _, Some path ->
            Ranks.run (Some path) rounds |> ignore
            0
        | None, Some path, None ->
            match wanted |> Option.defaultValue [ "designs" ] with
            | [ name ] when tables |> List.exists (fst >> (=) name) ->
                match (tables |> List.find (fst >> (=) name) |> snd) rounds with
                | [] -> 1
                | lines ->
                    intoReadme name lines path
                    0
            | _ ->
                eprintfn
                    $"""--readme takes one of {tables |> List.map fst |> String.concat ", "} at a time."""

                2
        | None, None, None when arguments.Contains Oracle ->
            Groups.writeOracle (arguments.GetResult Oracle)
            0
        | None, None, None -> runAll rounds (wanted |> Option.defaultValue (List.map fst benchmarks))
    with
    | :? ArguParseException as error ->
        eprintfn $"{error.Message}"
        2
    | :? EquivariantException as error ->
        eprintfn $"{error.Message}"
        1
