module Equivariant.Tests.Scan.ScanCommandTests

open System
open System.IO
open System.Text.Json
open Xunit
open Equivariant.Cli
open Equivariant.Scan
open Equivariant.Tests

let private accuracy name correct : Accuracy = {
    Name = name
    Correct = correct
    Count = 10
}

let private result correct : StageResult = {
    Losses = [ 1.0; 0.5 ]
    SentencesPerSecond = 100.0
    Accuracies = [ accuracy "jump" correct; accuracy "turn left" 10 ]
    Weights = [||]
}

let private runs = [
    for seed, correct in [ 1, 2; 2, 4 ] ->
        {
            Seed = seed
            Pretraining = result 0
            Finetuning = [
                for index, design in List.indexed Design.all -> design, result (correct + index)
            ]
        }
]

let private costs = [
    for design in Design.all ->
        {
            Design = design
            Evaluations = 3
            ForwardTime = 2.5
            TrainingTime = 1.5
        }
]

[<Fact>]
let ``results are the means and deviations over the seeds`` () =
    let lines = Results.compare runs costs

    let document =
        JsonDocument.Parse(Results.json Settings.quick runs lines).RootElement

    let designs = document.GetProperty("designs")
    let plain = designs[1]
    let jump = plain.GetProperty("accuracy").GetProperty "jump"
    Assert.Equal(1 + Design.all.Length, designs.GetArrayLength())
    Assert.Equal("plain", plain.GetProperty("name").GetString())
    Assert.Equal(3, plain.GetProperty("evaluationsPerSentence").GetInt32())
    Assert.Equal(2.5, plain.GetProperty("relativeForwardTime").GetDouble())
    Assert.Equal(0.3, jump.GetProperty("mean").GetDouble(), 1e-9)
    Assert.Equal(0.141421, jump.GetProperty("deviation").GetDouble(), 1e-6)
    let last = designs[Design.all.Length].GetProperty("accuracy").GetProperty "jump"
    Assert.Equal(0.8, last.GetProperty("mean").GetDouble(), 1e-9)
    Assert.Equal("gru", document.GetProperty("settings").GetProperty("cell").GetString())
    Assert.Equal(2, document.GetProperty("seeds").GetArrayLength())

[<Fact>]
let ``the plot is a PNG`` () =
    let png = ScanPlot.png "SCAN-II" (Results.compare runs costs)
    Assert.Equal<byte[]>([| 0x89uy; byte 'P'; byte 'N'; byte 'G' |], png[..3])

[<Fact>]
let ``bars stand side by side over their labels, in per cent`` () =
    let lines = Results.compare runs costs
    let palette = ScottPlot.Palettes.Category10()

    let bars = [
        for index, line in List.indexed lines -> ScanPlot.bars lines.Length palette index line
    ]

    for line, bars in List.zip lines bars do
        for place, (summary, bar) in Seq.indexed (Seq.zip line.Accuracies bars) do
            Assert.Equal(100.0 * summary.Mean, bar.Value, 1e-9)
            Assert.Equal(100.0 * summary.Deviation, bar.Error, 1e-9)
            Assert.InRange(bar.Position, float place - 0.5, float place + 0.5)

    let positions = bars |> List.map (Array.head >> _.Position)
    Assert.Equal<float list>(List.sort positions, positions)
    Assert.Equal(0.0, List.average positions, 1e-9)
    let size = bars |> List.map (Array.head >> _.Size) |> List.max
    Assert.True(positions[1] - positions[0] > size)

let private tiny: Settings = {
    Settings.quick with
        Architecture = {
            Settings.quick.Architecture with
                Hidden = 8L
        }
        TrainingSize = 24
        HeldBackSize = 4
        EvaluationSize = 4
        FinetuningSize = 8
        Pretraining = {
            Settings.quick.Pretraining with
                Epochs = 1
        }
}

[<Fact>]
let ``a comparison prints a table, and writes its results, a plot and checkpoints`` () =
    Program.inFolder (fun folder ->
        let at name = Path.Combine(folder, name)

        // Whoever reads older results goes on doing so.
        let readers = [
            for name in [ "results.json"; "accuracy.png" ] do
                File.WriteAllText(at name, "older")
                new StreamReader(at name)
        ]

        let output = Console.Out
        use captured = new StringWriter()
        Console.SetOut captured

        try
            Program.withVariable "COLUMNS" None (fun () ->
                ScanCommand.compare tiny [ 1; 2 ] folder false (Some [ "jump"; "left" ]))
        finally
            Console.SetOut output

        let text = captured.ToString()
        let lines = text.Split '\n'

        let cells (line: string) =
            line.Split([| "  " |], StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

        let row (name: string) =
            lines
            |> Array.map cells
            |> Array.find (fun cells -> cells.Length > 5 && cells[0] = name)

        Assert.Equal<string[]>(
            [|
                "network"
                "in dist."
                "jump"
                "jump and run"
                "turn left"
                "turn up"
                "runs"
                "time forward"
                "time training"
            |],
            row "network"
        )

        Assert.Equal<string[]>([| "pretrained"; "0.0 ± 0.0" |], (row "pretrained")[..1])
        Assert.Equal("1", (row "plain")[6])
        Assert.Equal("1.00", (row "plain")[7])
        Assert.Equal("8", (row "equitune")[6])
        Assert.Contains("mean ± standard deviation over the seeds 1, 2", text)
        Assert.Contains("SCAN-II: I_TURN_LEFT I_JUMP", text)
        Assert.Contains("Note: the pretrained network translates only 0.0 %", text)

        for reader in readers do
            Assert.Equal("older", reader.ReadToEnd())
            reader.Dispose()

        let document = JsonDocument.Parse(File.ReadAllText(at "results.json")).RootElement
        Assert.Equal(2, document.GetProperty("seeds").GetArrayLength())
        Assert.Equal(2, document.GetProperty("losses").GetArrayLength())
        Assert.Equal<byte[]>([| 0x89uy; byte 'P' |], File.ReadAllBytes(at "accuracy.png")[..1])
        Assert.Equal(2 * (1 + Design.all.Length), Directory.GetFiles(folder, "*.checkpoint").Length))

let private parsed (line: string) =
    let parser = Argu.ArgumentParser.Create<ScanCommand.Arguments>()
    parser.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries))

[<Fact>]
let ``seeds are those that are named, once each`` () =
    let seeds line = ScanCommand.seedsOf (parsed line)
    Assert.Equal<int list>([ 1; 2; 3 ], seeds "")
    Assert.Equal<int list>([ 1 ], seeds "--quick")
    Assert.Equal<int list>([ 7 ], seeds "--seed 7")
    Assert.Equal<int list>([ 7 ], seeds "--quick --seed 7")
    Assert.Equal<int list>([ 3; -1; 4 ], seeds "--quick --seeds 3 -1 3 4")

[<Fact>]
let ``settings are the usual ones but for what is named`` () =
    let settings line = ScanCommand.settingsOf (parsed line)
    Assert.Equal(Settings.full, settings "")
    Assert.Equal(Settings.quick, settings "--quick")

    Assert.Equal(
        {
            Settings.quick with
                Architecture = {
                    Settings.quick.Architecture with
                        Cell = Lstm
                }
                Device = "cuda:1"
                Pretraining = {
                    Settings.quick.Pretraining with
                        Epochs = 4
                }
                Finetuning = {
                    Settings.quick.Finetuning with
                        Epochs = 5
                }
        },
        settings "--quick --cell lstm --device cuda:1 --epochs 4 --finetune-epochs 5"
    )

[<Fact>]
let ``a run gets a folder of its own, and going on takes the latest`` () =
    Program.inFolder (fun folder ->
        let before = Environment.CurrentDirectory
        Environment.CurrentDirectory <- folder

        try
            let chosen line = ScanCommand.folderOf (parsed line)
            let numbered number = Path.Combine("out", $"scan-{number}")
            Assert.Equal(numbered 1, chosen "")
            Assert.Equal(numbered 1, chosen "--resume")
            Directory.CreateDirectory(numbered 1) |> ignore
            Directory.CreateDirectory(numbered 2) |> ignore
            Assert.Equal(numbered 3, chosen "")
            Assert.Equal(numbered 2, chosen "--resume")
            Assert.Equal("mine", chosen "--resume --out mine")
        finally
            Environment.CurrentDirectory <- before)

let private assertComplains code (sentence: string) arguments =
    let ending = Program.run arguments
    Assert.Contains(sentence, ending.Error)
    Assert.DoesNotContain("\n", ending.Error.Trim())
    Assert.Empty ending.Output
    Assert.Equal(code, ending.Code)

[<Fact>]
let ``an unknown cell is one sentence`` () =
    assertComplains 1 "'tape' is no recurrent network: choose gru, lstm or rnn." [ "scan"; "--cell"; "tape" ]

[<Fact>]
let ``an unknown option is one sentence`` () =
    assertComplains 2 "unrecognized argument: '--fast'" [ "scan"; "--fast" ]

[<Fact>]
let ``an unknown word is one sentence, before anything is trained`` () =
    assertComplains 1 "'hop' is not an input word of SCAN-II" [ "scan"; "--translate"; "jump and hop" ]

[<Fact>]
let ``a number that makes no sense is one sentence`` () =
    assertComplains 1 "--epochs 0 makes no sense" [ "scan"; "--epochs"; "0" ]

[<Fact>]
let ``a folder that can't be written is one sentence`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "file")
        File.WriteAllText(file, "")
        let below = Path.Combine(file, "run")
        assertComplains 1 $"The folder '{below}' can't be written" [ "scan"; "--quick"; "--out"; below ])

[<Fact>]
let ``help shows an example`` () =
    let ending = Program.run [ "scan"; "--help" ]

    let words =
        ending.Output.Split([| ' '; '\n' |], StringSplitOptions.RemoveEmptyEntries)

    Assert.Equal(0, ending.Code)
    Assert.Empty ending.Error
    Assert.Contains("--finetune-epochs", words)
    Assert.Contains("scan --quick --cell lstm", String.concat " " words)
