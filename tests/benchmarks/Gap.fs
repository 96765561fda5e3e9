/// GAP beside the group engine: it draws groups from its libraries, answers what `equivariant group` prints, and times itself.
module Equivariant.Benchmarks.Gap

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes

/// A permutation group that GAP drew.
type Drawn = {
    Name: string
    Degree: int
    Generators: int[][]
}

/// What GAP says about one: facts by name, as JSON, and the seconds that the order and all of them took it.
type Answer = {
    Facts: (string * JsonNode) list
    OrderTime: float
    Time: float
}

/// How many groups to draw of each kind, and the seed from which.
type Draw = {
    Seed: int
    Transitive: int
    Primitive: int
    Regular: int
    Subgroups: int
}

let private field (node: JsonNode) (name: string) = nonNull node[name]

let private drawn (line: string) =
    let node = nonNull (JsonNode.Parse line)

    {
        Name = (field node "name").GetValue<string>()
        Degree = (field node "degree").GetValue<int>()
        Generators = [|
            for generator in (field node "generators").AsArray() ->
                [|
                    for image in (nonNull generator).AsArray() -> (nonNull image).GetValue<int>()
                |]
        |]
    }

let private answer (line: string) =
    let node = nonNull (JsonNode.Parse line)

    let seconds name =
        float ((field node name).GetValue<int64>()) / 1e9

    {
        Facts = [
            for pair in node.AsObject() do
                if not (pair.Key.EndsWith("ime", StringComparison.Ordinal)) then
                    pair.Key, (nonNull pair.Value).DeepClone()
        ]
        OrderTime = seconds "orderTime"
        Time = seconds "time"
    }

/// A run of GAP that has drawn its groups.
type private Run = { Gap: Process; Groups: Drawn list }

let private tell (gap: Process) (line: string) =
    gap.StandardInput.WriteLine line
    gap.StandardInput.Flush()

let private start draw =
    let program = Path.Combine(AppContext.BaseDirectory, "groups.g")

    let info =
        ProcessStartInfo(
            "gap",
            [ "-q"; "-A"; "-b"; "--nointeract"; program ],
            RedirectStandardInput = true,
            RedirectStandardOutput = true
        )

    let gap = nonNull (Process.Start info)
    tell gap $"{draw.Seed} {draw.Transitive} {draw.Primitive} {draw.Regular} {draw.Subgroups}"

    let rec groups drawnSoFar =
        match gap.StandardOutput.ReadLine() with
        | null ->
            failwith
                "GAP drew no groups. Its libraries are Debian's gap-transgrp, gap-primgrp and gap-smallgrp."
        | line when line.EndsWith("drawn", StringComparison.Ordinal) -> List.rev drawnSoFar
        // On its first line GAP may say first how it would show colours.
        | line -> groups (drawn line[line.IndexOf '{' ..] :: drawnSoFar)

    { Gap = gap; Groups = groups [] }

let private stop run =
    run.Gap.Kill true
    run.Gap.WaitForExit()
    run.Gap.Dispose()

/// GAP with the groups that it drew.
type Session private (draw: Draw, first: Run) =
    let mutable run = first

    /// Starts GAP and lets it draw; None where it is not installed.
    static member TryStart(draw: Draw) =
        try
            Some(new Session(draw, start draw))
        with :? Win32Exception ->
            None

    /// The groups, the same for one seed.
    member _.Groups = run.Groups

    /// Asks for all facts of a group, counted from 0; None where GAP does not answer in time. It is then started anew.
    member _.Ask(number: int, patience: TimeSpan) =
        tell run.Gap (string (number + 1))
        let reading = run.Gap.StandardOutput.ReadLineAsync()

        if reading.Wait patience then
            match reading.Result with
            | null -> failwith $"GAP ended at {run.Groups[number].Name}."
            | line -> Some(answer line)
        else
            stop run
            run <- start draw
            None

    interface IDisposable with
        member _.Dispose() = stop run
