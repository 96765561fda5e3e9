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
            Finetuning = [ for design in Design.all -> design, result correct ]
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
    Assert.Equal("gru", document.GetProperty("settings").GetProperty("cell").GetString())
    Assert.Equal(2, document.GetProperty("seeds").GetArrayLength())

[<Fact>]
let ``the plot is a PNG`` () =
    let png = ScanPlot.png "SCAN-II" (Results.compare runs costs)
    Assert.Equal<byte[]>([| 0x89uy; byte 'P'; byte 'N'; byte 'G' |], png[..3])

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
