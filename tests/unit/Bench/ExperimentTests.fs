/// What the bench does for any experiment, seen on the example of its README.
module Equivariant.Tests.Bench.ExperimentTests

open System
open System.IO
open System.Text.Json
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Bench
open Equivariant.Tests.Program
open Equivariant.Tests

[<Fact>]
let ``the example of the README is one that is tested`` () =
    let code =
        File.ReadAllLines(Repository.path [ "tests"; "unit"; "Bench"; "CornersExample.fs" ])
        |> Array.skip 3
        |> String.concat "\n"

    let readme =
        Repository.path [ "examples"; "bench"; "README.md" ] |> File.ReadAllText

    Assert.Contains($"```fsharp\n{code}\n```", readme)

let corners = Experiment.any CornersExample.experiment

let planned words =
    match corners.Plan Tiny words with
    | Ok plan -> plan
    | Error problem -> failwith problem

let ordered folder = {
    Folder = folder
    Resume = false
    Seeds = [ 1 ]
    Only = None
    Device = "cpu"
    TensorBoard = None
}

let carryOut plan order =
    torch.set_num_threads 1
    Sweep.run plan order ignore |> fst

let private refusal work =
    let error = Assert.Throws<EquivariantException>(fun () -> work () |> ignore)
    Assert.DoesNotContain("\n", error.Message)
    error.Message

[<Fact>]
let ``an equivariant network keeps what a plain one loses when images are turned`` () =
    inFolder (fun folder ->
        let results = carryOut (planned []) (ordered folder)
        let findings = Results.findings results

        let mean group name =
            (Findings.tryFind [ "group", group ] name findings).Value.Mean

        Assert.True(mean "C4" "upright" > 0.9)
        Assert.Equal(mean "C4" "upright", mean "C4" "turned", 0.1)
        Assert.True(mean "none" "turned" < mean "none" "upright" - 0.1)

        Assert.Equal(2, Directory.GetFiles(folder, "seed-1-training-*.safetensors").Length))

[<Fact>]
let ``results are means and deviations over seeds, and say what computed them`` () =
    inFolder (fun folder ->
        let order = { ordered folder with Seeds = [ 1; 2 ] }
        let results = carryOut (planned []) order

        let document =
            JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "results.json"))).RootElement

        Assert.Equal("corners", document.GetProperty("experiment").GetString())
        Assert.Equal(64, document.GetProperty("settings").GetProperty("images").GetInt32())
        Assert.Equal("cpu", document.GetProperty("device").GetString())
        Assert.StartsWith("0.", document.GetProperty("versions").GetProperty("TorchSharp").GetString())
        Assert.Equal(4, document.GetProperty("runs").GetArrayLength())
        let first = document.GetProperty("figures")[0]

        let values = [
            for value in first.GetProperty("perSeed").EnumerateArray() -> value.GetDouble()
        ]

        Assert.Equal("none", first.GetProperty("labels").GetProperty("group").GetString())
        Assert.Equal(2, values.Length)
        Assert.Equal(List.average values, first.GetProperty("mean").GetDouble(), 1e-5)

        let deviation = abs (values[0] - values[1]) / sqrt 2.0
        Assert.Equal(deviation, first.GetProperty("deviation").GetDouble(), 1e-5)
        Assert.Equal(Json.text (Some results), Json.text (Results.tryRead folder))

        for name in [ "accuracy.png"; "accuracy.svg"; "report.html" ] do
            Assert.True(File.Exists(Path.Combine(folder, name)), name))

let private figures (results: Results) = Results.findings results

[<Fact>]
let ``runs done one by one, in folders of their own, merge to the whole`` () =
    inFolder (fun folder ->
        let at name = ordered (Path.Combine(folder, name))
        let seeds (order: Order) = { order with Seeds = [ 1; 2 ] }
        let whole = carryOut (planned []) (seeds (at "whole"))

        // Not in their order.
        let folders = [
            for number in [ 3; 1; 4; 2 ] do
                let order = {
                    seeds (at $"run-{number}") with
                        Only = Some number
                }

                let part = carryOut (planned []) order
                Assert.Equal(number, (List.exactlyOne part.Runs).Number)
                order.Folder
        ]

        let merged = Report.read [ corners ] folders |> List.exactlyOne
        Assert.Equal<Finding list>(figures whole, figures merged.Results)
        Assert.Equal(Json.text whole, Json.text merged.Results)

        // Twice the same run, or another experiment's settings: side by side.
        let again = Report.read [ corners ] (folders @ [ folders.Head ])
        Assert.Equal(2, again.Length)
        let other = { at "other" with Only = Some 1 }
        carryOut (planned [ "--epochs"; "1" ]) other |> ignore
        let sections = Report.read [ corners ] (folders @ [ other.Folder ])
        Assert.Equal<string list>([ "Corners (epochs: 10)"; "Corners (epochs: 1)" ], Report.titles sections))

[<Fact>]
let ``a number that no run has is refused`` () =
    inFolder (fun folder ->
        let message =
            refusal (fun () -> carryOut (planned []) { ordered folder with Only = Some 3 })

        Assert.Equal("There is no run 3: they are 1 to 2; --list shows them.", message)
        Assert.Empty(Directory.GetFiles folder))

[<Fact>]
let ``a finished run is read, not done again, and one with other settings is not gone on with`` () =
    inFolder (fun folder ->
        let first = carryOut (planned []) (ordered folder)
        let going = { ordered folder with Resume = true }
        let reports = ref 0

        let again, _ =
            Sweep.run (planned []) going (fun _ -> reports.Value <- reports.Value + 1)

        Assert.Equal(Json.text first, Json.text again)
        Assert.Equal(0, reports.Value)
        Assert.Contains("already holds a run", refusal (fun () -> carryOut (planned []) (ordered folder)))

        Assert.Contains(
            "settings.epochs was 10 and is now 3",
            refusal (fun () -> carryOut (planned [ "--epochs"; "3" ]) going)
        )

        File.WriteAllText(Path.Combine(folder, "results.json"), "{ \"experiment\": ")
        Assert.Contains("move it away", refusal (fun () -> carryOut (planned []) going)))

exception private Killed

[<Fact>]
let ``a sweep that is killed again and again comes to the same figures`` () =
    let whole =
        inFolder (fun folder -> figures (carryOut (planned []) (ordered folder)))

    inFolder (fun folder ->
        let mutable kills = 0
        let mutable found = None

        while found.IsNone && kills < 50 do
            let reports = ref 0

            let show _ =
                reports.Value <- reports.Value + 1

                if reports.Value = 9 + 4 * (kills % 3) then
                    raise Killed

            try
                found <-
                    Some(
                        Sweep.run
                            (planned [])
                            {
                                ordered folder with
                                    Resume = kills > 0
                            }
                            show
                        |> fst
                    )
            with Killed ->
                kills <- kills + 1

        Assert.InRange(kills, 3, 30)
        Assert.Equal<Finding list>(whole, figures found.Value))

[<Fact>]
let ``a folder takes one run at a time`` () =
    inFolder (fun folder ->
        let held = Folder.enter folder false

        Assert.Contains(
            $"Another run is at work in '{folder}'",
            refusal (fun () -> Folder.enter folder true)
        )

        held.Dispose()
        (Folder.enter folder false).Dispose())

[<Fact>]
let ``checkpoints of the older format are refused with a sentence`` () =
    inFolder (fun folder ->
        let old = Path.Combine(folder, "seed-1-pretraining.checkpoint")
        File.WriteAllText(old, "Equivariant SCAN-II checkpoint 1\n")

        for resume in [ true; false ] do
            let message = refusal (fun () -> Folder.enter folder resume)
            Assert.Contains($"'{old}' is a checkpoint of an older version", message))

[<Fact>]
let ``a folder that can't be written is named`` () =
    inFolder (fun folder ->
        let file = Path.Combine(folder, "file")
        File.WriteAllText(file, "")
        let below = Path.Combine(file, "below")

        Assert.StartsWith(
            $"The folder '{below}' can't be written",
            refusal (fun () -> Folder.enter below false)
        ))

[<Fact>]
let ``a run gets a folder of its own, and going on takes the latest`` () =
    inFolder (fun folder ->
        let before = Environment.CurrentDirectory
        Environment.CurrentDirectory <- folder

        try
            let numbered number = Path.Combine("out", $"scan-{number}")
            Assert.Equal(numbered 1, Folder.choose "scan" None false)
            Assert.Equal(numbered 1, Folder.choose "scan" None true)
            Directory.CreateDirectory(numbered 1) |> ignore
            Directory.CreateDirectory(numbered 2) |> ignore
            Assert.Equal(numbered 3, Folder.choose "scan" None false)
            Assert.Equal(numbered 2, Folder.choose "scan" None true)
            Assert.Equal("mine", Folder.choose "scan" (Some "mine") true)
        finally
            Environment.CurrentDirectory <- before)

[<Fact>]
let ``a device that is not there is named`` () =
    Assert.Equal(
        "The device 'abacus' can't be used: name cpu, cuda or cuda:N.",
        refusal (fun () -> Devices.find "abacus")
    )

[<Fact>]
let ``two runs with one name are refused`` () =
    let plan = {
        planned [] with
            Runs = fun seeds -> (planned []).Runs(seeds @ seeds)
    }

    Assert.Contains("There are two runs 'seed 1, none'", refusal (fun () -> Sweep.runs plan [ 1 ]))

[<Fact>]
let ``options are read, and what is wrong with them is said`` () =
    let epochs words =
        (planned words).Settings.GetProperty("epochs").GetInt32()

    Assert.Equal(10, epochs [])
    Assert.Equal(7, epochs [ "--epochs"; "7" ])

    let problem words =
        match corners.Plan Tiny words with
        | Ok _ -> ""
        | Error problem -> problem

    Assert.Equal("unrecognized argument: '--fast'.", problem [ "--fast" ])
    Assert.Equal("'--epochs' needs a value, its number.", problem [ "--epochs" ])
    Assert.Equal("'--epochs' is given more than once.", problem [ "--epochs"; "1"; "--epochs"; "2" ])

    for number in [ "0"; "1001"; "many"; "1.5"; "" ] do
        Assert.Contains(
            $"--epochs {number} makes no sense: give a number from 1 to 1000",
            refusal (fun () -> planned [ "--epochs"; number ])
        )

[<Fact>]
let ``TensorBoard's files are written where they are asked for`` () =
    inFolder (fun folder ->
        let events = Path.Combine(folder, "events")

        carryOut (planned [ "--epochs"; "1" ]) {
            ordered (Path.Combine(folder, "run")) with
                TensorBoard = Some events
        }
        |> ignore

        let files = Directory.GetFiles(events, "*tfevents*", SearchOption.AllDirectories)
        Assert.NotEmpty files
        let text = files |> Array.map File.ReadAllText |> String.concat ""
        Assert.Contains("seed 1/training C4/loss", text))

[<Fact>]
let ``memory is measured for every training, at its own steps`` () =
    let shown = ResizeArray<string * int>()

    let endured =
        Soak.run (planned []) "cpu" 40 10 (fun writer stage step bytes ->
            Assert.True(bytes > 1_000_000L)

            if writer <> TextWriter.Null then
                shown.Add(stage, step))

    let stages = [ "training none"; "training C4" ]
    Assert.Equal<string list>(stages, endured |> List.map _.Stage)

    Assert.Equal<(string * int) list>(
        [
            for stage in stages do
                for step in 10..10..40 -> stage, step
        ],
        List.ofSeq shown
    )

    let grown = {
        Stage = ""
        Resident = [ 10, 50L; 20, 100L; 30, 90L; 40, 103L ]
    }

    Assert.Equal(0.03, grown.GrowthAfter 20, 1e-9)
