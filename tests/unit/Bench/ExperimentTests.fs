/// What the bench does for any experiment, seen on the example of its README.
module Equivariant.Tests.Bench.ExperimentTests

open System
open System.IO
open System.Runtime.CompilerServices
open TorchSharp
open Xunit
open Equivariant.Bench
open Equivariant.Tests.Program

type private Here =
    static member Folder([<CallerFilePath>] ?path: string) =
        Path.GetDirectoryName path.Value

[<Fact>]
let ``the example of the README is one that is tested`` () =
    let code =
        File.ReadAllLines(Path.Combine(Here.Folder(), "CornersExample.fs"))
        |> Array.skip 3
        |> String.concat "\n"

    let readme =
        Path.Combine(Here.Folder(), "..", "..", "..", "examples", "bench", "README.md")
        |> File.ReadAllText

    Assert.Contains($"```fsharp\n{code}\n```", readme)

let private corners = Experiment.any CornersExample.experiment

let private plan words =
    match corners.Plan Tiny words with
    | Ok plan -> plan
    | Error problem -> failwith problem

let private order folder = {
    Folder = folder
    Resume = false
    Seeds = [ 1 ]
    Only = None
    Device = "cpu"
    TensorBoard = None
}

let private carryOut plan order =
    torch.set_num_threads 1
    Sweep.run plan order ignore |> fst

[<Fact>]
let ``an equivariant network keeps what a plain one loses when images are turned`` () =
    inFolder (fun folder ->
        let results = carryOut (plan []) (order folder)
        let findings = Results.findings results

        let mean group name =
            (Findings.tryFind [ "group", group ] name findings).Value.Mean

        Assert.True(mean "C4" "upright" > 0.9)
        Assert.Equal(mean "C4" "upright", mean "C4" "turned", 0.1)
        Assert.True(mean "none" "turned" < mean "none" "upright" - 0.1))
