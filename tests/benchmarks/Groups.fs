/// The group engine beside GAP, and the speeds that layers and designs rest on.
module Equivariant.Benchmarks.Groups

open System
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open Spectre.Console
open Equivariant.Core.Actions
open Equivariant.Core.Groups

let private seconds (work: unit -> unit) =
    let clock = Stopwatch.StartNew()
    work ()
    clock.Elapsed.TotalSeconds

/// A permutation group as a file of groups describes it.
type private Described = {
    Name: string
    Degree: int
    Generators: int[][]
}

let private describe (entry: JsonNode) =
    let permutation (node: JsonNode | null) =
        (nonNull node).AsArray()
        |> Seq.map (fun image -> (nonNull image).GetValue<int>())
        |> Array.ofSeq

    {
        Name = (nonNull entry["name"]).GetValue<string>()
        Degree = (nonNull entry["degree"]).GetValue<int>()
        Generators = (nonNull entry["generators"]).AsArray() |> Seq.map permutation |> Array.ofSeq
    }

let private orderOf described =
    Group.OfPermutations(described.Degree, described.Generators).Order

/// GAP's program for the same list: it times itself, so its start-up does not count.
let private gapProgram (groups: Described list) =
    let permutation (images: int[]) =
        images
        |> Array.map (fun i -> string (i + 1))
        |> String.concat ","
        |> sprintf "PermList([%s])"

    let group described =
        let generators = described.Generators |> Array.map permutation |> String.concat ","
        $"Group([{generators}],())"

    let list = groups |> List.map group |> String.concat ",\n"

    $"gs := [\n{list}\n];;\nt := NanosecondsSinceEpoch();;\norders := List(gs, Size);;\nPrint(NanosecondsSinceEpoch() - t, \"\\n\", orders, \"\\n\");\nQUIT;\n"

/// Runs GAP, if it is installed: its seconds and the orders that it found.
let private runGap (groups: Described list) =
    let file = Path.GetTempFileName()

    try
        File.WriteAllText(file, gapProgram groups)

        let start =
            ProcessStartInfo(
                "gap",
                [ "-q"; "-A"; "-b"; "--nointeract"; file ],
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        try
            use gap = nonNull (Process.Start start)
            let output = gap.StandardOutput.ReadToEnd()
            gap.WaitForExit()
            let lines = output.Split('\n', 2)

            let orders =
                lines[1]
                    .Replace("\\\n", "")
                    .Split([| '['; ']'; ','; ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries)

            Some(float (int64 lines[0]) / 1e9, List.ofArray orders)
        with :? ComponentModel.Win32Exception ->
            None
    finally
        File.Delete file

/// Orders and chains of all groups of a file, beside GAP's.
let againstGap (path: string) =
    let groups =
        (nonNull (JsonNode.Parse(File.ReadAllText path))).AsArray()
        |> Seq.map (nonNull >> describe)
        |> List.ofSeq

    // The first pass pays for compiling the engine, as GAP's start-up pays for loading its library.
    let ours = groups |> List.map orderOf
    let again = seconds (fun () -> groups |> List.iter (orderOf >> ignore))

    match runGap groups with
    | None ->
        AnsiConsole.MarkupLine
            $"Orders and chains of {groups.Length} groups: {again * 1000.0:F1} ms. GAP is not installed (Debian: gap-core), so there is nothing to compare with."
    | Some(gap, orders) ->
        if orders <> List.map string ours then
            failwith "GAP found other orders."

        AnsiConsole.MarkupLine
            $"Orders and chains of {groups.Length} groups, start-up of both excluded: GAP takes {gap / again:F0} times as long; all orders agree."

/// Millions of things a second.
let private rate count (work: unit -> unit) =
    work ()
    float count / seconds work / 1e6

/// Speeds of what is done most.
let speeds () =
    let table =
        Table().Title("The group engine alone").AddColumns("what", "measured", "target")

    let uniform (group: Group) =
        let random = Random 1
        let code = Array.zeroCreate group.Width

        rate 1000000 (fun () ->
            for _ in 1..1000000 do
                group.Random(random, code.AsSpan()))

    let inverted =
        Group.Semidirect(Group.Cyclic 4, Group.Cyclic 2, fun h n -> if h.IsIdentity then n else n.Inverse())

    table.AddRow("uniform elements of S10", $"{uniform (Group.Symmetric 10):F1} million a second", "1")
    |> ignore

    table.AddRow("uniform elements of C4 ⋊ C2", $"{uniform inverted:F1} million a second", "1")
    |> ignore

    let dihedral = GridActions.Symmetries(Group.Dihedral 4, 64, 64)
    let pairs = seconds (fun () -> PairOrbits.Of(dihedral, dihedral) |> ignore)
    table.AddRow("orbits on pairs of 4096 pixels", $"{pairs:F2} s", "2 s") |> ignore

    let order name (group: unit -> Group) =
        let time = seconds (fun () -> (group ()).Order |> ignore)

        table.AddRow($"order of {name}", $"{time * 1000.0:F1} ms", "well under 1 s")
        |> ignore

    let raw (group: Group) =
        Group.OfPermutations(
            group.ToPermutationGroup().Degree,
            [| for g in group.ToPermutationGroup().Generators -> g.Code.ToArray() |]
        )
        :> Group

    let hundred =
        Group.OfPermutations(100, [| [| for i in 0..99 -> (i + 1) % 100 |]; [| 1; 0; yield! [ 2..99 ] |] |])

    order "S100, from two permutations" (fun () ->
        Group.OfPermutations(100, [| for g in hundred.Generators -> g.Code.ToArray() |]))

    let wreath = Group.Wreath(Group.Symmetric 10, Group.Symmetric 10)
    order "S10 ≀ S10, from permutations of 100 points" (fun () -> raw wreath)
    order "S20 ≀ S20, by its structure" (fun () -> Group.Wreath(Group.Symmetric 20, Group.Symmetric 20))
    AnsiConsole.Write table
