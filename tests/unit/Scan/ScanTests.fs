/// SCAN-II as an experiment.
module Equivariant.Tests.Scan.ScanTests

open System
open System.IO
open TorchSharp
open Xunit
open Equivariant.Bench
open Equivariant.Scan
open Equivariant.Tests
open Equivariant.Tests.Bench

let private tiny = Settings.tiny

let private plan (settings: Settings) =
    let experiment =
        Experiment.any {
            Scan.experiment with
                Settings = fun _ -> settings
        }

    match experiment.Plan Tiny [] with
    | Ok plan -> plan
    | Error problem -> failwith problem

let private clocked =
    set [ "sentences per second"; "time forward"; "time training" ]

/// What a run found, without what depends on the clock.
let private findings (results: Results) =
    [
        for finding in Results.findings results do
            if not (clocked.Contains finding.Name) then
                finding
    ],
    [ for run in results.Runs -> run.Curves ]

let private run settings seeds folder =
    torch.set_num_threads 1

    Sweep.run (plan settings) {
        Folder = folder
        Resume = true
        Seeds = seeds
        Only = None
        Device = "cpu"
        TensorBoard = None
    }

let private unbroken =
    lazy (Program.inFolder (fun folder -> findings (run tiny [ 1 ] folder ignore |> fst)))

exception private Killed

[<Fact>]
let ``a run that is killed again and again comes to the same end`` () =
    Program.inFolder (fun folder ->
        let mutable kills = 0
        let mutable found = None

        while found.IsNone && kills < 200 do
            let reports = ref 0

            // Early in an epoch, late in it, while translating: every moment comes up, and each run gets further.
            let show _ =
                reports.Value <- reports.Value + 1

                if reports.Value = 7 + 5 * (kills % 4) then
                    raise Killed

            try
                found <- Some(run tiny [ 1 ] folder show |> fst)
            with Killed ->
                kills <- kills + 1

        Assert.InRange(kills, 3, 200)
        let figures, _ = findings found.Value
        Assert.Equal<Finding list>(fst unbroken.Value, figures))

[<Fact>]
let ``every design is a run, with the same sets of sentences`` () =
    let figures, curves = unbroken.Value
    let designs = "pretrained" :: List.map Design.name Design.all
    Assert.Equal<string list>(designs, Findings.values "design" figures)

    for design in designs do
        let own = Findings.where "design" design figures

        for set in Data.inDistribution :: Data.heldOutNames do
            Assert.InRange((Findings.tryFind [] set own).Value.Mean, 0.0, 1.0)

    for design in Design.all do
        let own = figures |> Findings.tryFind [ "design", Design.name design ] "evaluations"

        use network =
            new Seq2Seq(tiny.Architecture, Vocabularies.input.Count, Vocabularies.output.Count)

        Assert.Equal(float (Design.evaluations (Design.wrap design network)), own.Value.Mean)

    // All of a seed share their pretraining.
    let pretrainings =
        curves
        |> List.collect id
        |> List.filter (fun curve -> curve.Name = "pretraining, loss")

    Assert.Equal(1 + Design.all.Length, pretrainings.Length)
    Assert.Single(List.distinct pretrainings) |> ignore

[<Fact>]
let ``another seed gives other numbers`` () =
    Program.inFolder (fun folder ->
        let _, curves = findings (run tiny [ 2 ] folder ignore |> fst)
        Assert.NotEqual<Curve list list>(snd unbroken.Value, curves))

/// A network and its data, in a place of their own.
let private inRun settings work =
    Places.inPlace (fun place ->
        let context = Places.labelled [ "design", "some" ] place
        use network = Scan.network settings context
        work place context network (Data.draw settings 1))

let private weights (model: torch.nn.Module) =
    model.parameters ()
    |> Seq.map (fun weight -> weight.data<float32>().ToArray())
    |> Array.concat

let private still (schedule: Schedule) = {
    schedule with
        Epochs = 3
        BatchSize = 4
        LearningRate = 0.0
        FinalLearningRate = 0.0
}

[<Fact>]
let ``every design starts from the pretrained weights`` () =
    // Finetuning learns nothing.
    let settings = {
        tiny with
            Finetuning = still tiny.Finetuning
    }

    inRun settings (fun place context network data ->
        let fresh = weights network
        Scan.pretrain settings data context network |> ignore
        let pretrained = weights network
        Assert.NotEqual<float32[]>(fresh, pretrained)

        for design in Design.all do
            let context = Places.labelled [ "design", Design.name design ] place
            use network = Scan.network settings context
            Scan.pretrain settings data context network |> ignore
            Scan.finetune settings data context design network |> ignore
            Assert.Equal<float32[]>(pretrained, weights network))

[<Fact>]
let ``every epoch of every stage has an order of its own`` () =
    // Nothing is learnt and nothing dropped: the loss of a batch tells which sentences are in it.
    let settings = {
        tiny with
            Settings.Architecture.Dropout = 0.0
            Pretraining = still tiny.Pretraining
            FinetuningSize = 32
            Finetuning = still tiny.Finetuning
    }

    let losses = ResizeArray<string * float>()

    Places.inPlace (fun place ->
        let noting = {
            place with
                Scalar =
                    fun name _ loss ->
                        if name.EndsWith "/loss" then
                            losses.Add(name, loss)
        }

        let context = Places.labelled [ "design", "plain" ] noting
        use network = Scan.network settings context
        let data = Data.draw settings 1
        Scan.pretrain settings data context network |> ignore
        Scan.finetune settings data context Design.Plain network |> ignore)

    for stage, losses in losses |> List.ofSeq |> List.groupBy fst do
        let epochs = losses |> List.map snd |> List.splitInto 3
        Assert.True((epochs = List.distinct epochs), $"{stage} repeats the order of an epoch: %A{epochs}")

[<Fact>]
let ``held-back and held-out sentences are in no training`` () =
    let data = Data.draw tiny 1
    let training = data.Pretraining |> Array.append data.Finetuning |> set

    for name, examples in data.Evaluation do
        Assert.DoesNotContain(examples, training.Contains)
        Assert.True(examples.Length <= 6, name)

    let primitives = [ "jump"; "turn left"; "turn up" ]

    for primitive in primitives do
        let words = primitive.Split ' '

        let copies =
            data.Pretraining
            |> Array.filter (fun example -> example.Source = Vocabularies.input.Encode words)

        Assert.Equal(2, copies.Length)

[<Fact>]
let ``data and first weights come from the seed`` () =
    Assert.Equal(Data.draw tiny 1, Data.draw tiny 1)
    let one, two = Data.draw tiny 1, Data.draw tiny 2
    Assert.NotEqual<Example[]>(one.Pretraining, two.Pretraining)

    for (name, ones), (_, twos) in List.zip one.Evaluation two.Evaluation do
        Assert.False((ones = twos), $"the seed does not choose {name}")

    let first seed =
        Places.inPlace (fun place ->
            use network = Scan.network tiny (Context(place, seed, [], Collected()))
            weights network)

    Assert.Equal<float32[]>(first 1, first 1)
    Assert.NotEqual<float32[]>(first 1, first 2)

[<Fact>]
let ``sets of sentences are what their names say`` () =
    let settings = {
        tiny with
            EvaluationSize = 400
            HeldBackSize = 50
    }

    let data = Data.draw settings 1

    let words (example: Example) =
        Vocabularies.input.Decode example.Source

    let phrases = [
        Data.inDistribution, []
        "jump", [ "jump" ]
        Data.jumpAndRun, [ "jump"; "run" ]
        "turn left", [ "turn left" ]
        "turn up", [ "turn up" ]
    ]

    Assert.Equal<string list>(List.map fst phrases, List.map fst data.Evaluation)
    Assert.Equal<string list>(List.map fst phrases, Data.inDistribution :: Data.heldOutNames)

    for (_, held), (_, examples) in List.zip phrases data.Evaluation do
        Assert.NotEmpty examples
        Assert.Equal(examples.Length, Array.distinct examples |> Array.length)

        for example in examples do
            let sentence = " " + String.concat " " (words example) + " "

            for phrase in held do
                Assert.Contains($" {phrase} ", sentence)

            if held.IsEmpty then
                for phrase in [ " jump "; " turn left "; " turn up " ] do
                    Assert.DoesNotContain(phrase, sentence)

    let counts = data.Evaluation |> List.map (snd >> Array.length)
    Assert.Equal<int list>([ 50; 400; counts[2]; 400; 400 ], counts)
    Assert.InRange(counts[2], 50, 130)
    Assert.True(Set.isSubset (set data.Finetuning) (set data.Pretraining))

[<Fact>]
let ``an untrained network translates nothing, and every sentence counts`` () =
    inRun tiny (fun _ context network data ->
        let accuracies = Scan.measure data context network

        Assert.Equal<(string * int * int) list>(
            [ for name, examples in data.Evaluation -> name, 0, examples.Length ],
            [
                for accuracy in accuracies -> accuracy.Name, accuracy.Correct, accuracy.Count
            ]
        )

        Assert.Equal(0.25, { Name = ""; Correct = 2; Count = 8 }.Share))

[<Fact>]
let ``costs are those of each design, relative to the plain network`` () =
    Program.inFolder (fun folder ->
        let results, _ = run tiny [ 1 ] folder ignore

        for name in [ "time forward"; "time training" ] do
            let times =
                Results.findings results |> List.filter (fun finding -> finding.Name = name)

            Assert.Equal<string list>(List.map Design.name Design.all, Findings.values "design" times)
            Assert.Equal(1.0, times.Head.Mean)
            Assert.All(times, (fun time -> Assert.True(time.Mean > 0.0))))

[<Fact>]
let ``settings are the usual ones but for what is named`` () =
    let read words =
        Argument.read Settings.arguments words Settings.quick

    Assert.Equal(Ok Settings.quick, read [])

    Assert.Equal(
        Ok {
            Settings.quick with
                Settings.Architecture.Cell = Lstm
                Pretraining = {
                    Settings.quick.Pretraining with
                        Epochs = 4
                }
                Finetuning = {
                    Settings.quick.Finetuning with
                        Epochs = 5
                }
                Translate = Some "jump left"
        },
        read [
            "--cell"
            "lstm"
            "--epochs"
            "4"
            "--finetune-epochs"
            "5"
            "--translate"
            "jump left"
        ]
    )

    // As JSON, and back; what is translated decides nothing.
    let settings = {
        Settings.full with
            Translate = Some "run"
    }

    Assert.Equal(Settings.full, Json.value<Settings>(Json.element settings))
