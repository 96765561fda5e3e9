module Equivariant.Tests.Scan.StageTests

open System
open System.IO
open System.Text.Json
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Scan
open Equivariant.Tests.Program

let private tinySchedule = {
    Epochs = 3
    BatchSize = 8
    LearningRate = 1e-2
    FinalLearningRate = 1e-3
    ClipNorm = 1.0
}

let private tiny: Settings = {
    Architecture = {
        Cell = Gru
        Hidden = 8L
        Dropout = 0.1
    }
    Device = "cpu"
    TrainingSize = 40
    PrimitiveShare = 0.05
    HeldBackSize = 6
    EvaluationSize = 6
    Pretraining = tinySchedule
    FinetuningSize = 16
    Finetuning = { tinySchedule with Epochs = 2 }
}

let private silent (_: Progress) = ()

/// Many threads on a busy machine wait for each other longer than such small work takes.
let private run settings folder report seed =
    torch.set_num_threads 1
    Experiment.run settings folder report seed

/// What a run found, without what depends on the clock.
let private findings (run: Run) =
    let found (result: StageResult) = result.Losses, result.Accuracies
    found run.Pretraining, [ for design, result in run.Finetuning -> design, found result ]

let private unbroken =
    lazy (inFolder (fun folder -> findings (run tiny folder silent 1)))

exception private Killed

/// Runs the experiment, but dies at the given report of progress; says whether it did.
let private runUntil moment folder =
    let mutable reports = 0

    let report (_: Progress) =
        reports <- reports + 1

        if reports = moment then
            raise Killed

    try
        run tiny folder report 1 |> ignore
        false
    with Killed ->
        true

[<Fact>]
let ``a run that is killed again and again comes to the same end`` () =
    inFolder (fun folder ->
        // Early in an epoch, late in it, while translating: every moment comes up, and each run gets further.
        let kills =
            Seq.initInfinite (fun index -> 7 + 5 * (index % 4))
            |> Seq.takeWhile (fun moment -> runUntil moment folder)

        Assert.InRange(Seq.length kills, 3, 200)
        Assert.Equal(unbroken.Value, findings (run tiny folder silent 1)))

[<Fact>]
let ``a run that is killed while it writes a checkpoint comes to the same end`` () =
    inFolder (fun folder ->
        Assert.True(runUntil 20 folder)
        let checkpoint = Directory.GetFiles(folder) |> Array.exactlyOne
        File.WriteAllBytes(checkpoint + ".new", File.ReadAllBytes(checkpoint)[..99])
        Assert.Equal(unbroken.Value, findings (run tiny folder silent 1)))

[<Fact>]
let ``a finished run is read, not run again`` () =
    inFolder (fun folder ->
        let first = findings (run tiny folder silent 1)
        let mutable reports = 0
        Assert.Equal(first, findings (run tiny folder (fun _ -> reports <- reports + 1) 1))
        Assert.Equal(0, reports))

[<Fact>]
let ``another seed gives other numbers`` () =
    inFolder (fun folder -> Assert.NotEqual(unbroken.Value, findings (run tiny folder silent 2)))

/// Begins a run, changes something, and checks that going on is refused in a sentence and leaves the files alone.
let private assertRefused (sentence: string) settings (change: string -> unit) =
    inFolder (fun folder ->
        Assert.True(runUntil 20 folder)
        let path = Directory.GetFiles(folder) |> Array.exactlyOne
        change path
        let content = File.ReadAllBytes path

        let error =
            Assert.Throws<EquivariantException>(fun () -> run settings folder silent 1 |> ignore)

        Assert.Contains(sentence, error.Message)
        Assert.Contains(path, error.Message)
        Assert.DoesNotContain("\n", error.Message)
        Assert.Equal<string[]>([| path |], Directory.GetFiles folder)
        Assert.Equal<byte[]>(content, File.ReadAllBytes path))

[<Fact>]
let ``a run with other settings is not gone on with`` () =
    let other = {
        tiny with
            Pretraining.LearningRate = 2e-2
    }

    assertRefused "pretrainingLearningRate was 0.01 and is now 0.02" other ignore

[<Fact>]
let ``a run of another cell is not gone on with`` () =
    let other = {
        tiny with
            Settings.Architecture = { tiny.Architecture with Cell = Lstm }
    }

    assertRefused "cell was \"gru\" and is now \"lstm\"" other ignore

[<Fact>]
let ``a damaged checkpoint is named`` () =
    assertRefused "is damaged" tiny (fun path ->
        let content = File.ReadAllBytes path
        content[content.Length / 2] <- content[content.Length / 2] ^^^ 1uy
        File.WriteAllBytes(path, content))

[<Fact>]
let ``a checkpoint that was cut off is named`` () =
    assertRefused "is damaged" tiny (fun path ->
        let content = File.ReadAllBytes path
        File.WriteAllBytes(path, content[.. content.Length / 2]))

[<Fact>]
let ``a file of another program is named`` () =
    assertRefused "is not a checkpoint of this experiment" tiny (fun path ->
        File.WriteAllText(path, "PK and so on"))

[<Fact>]
let ``a checkpoint of another stage is named`` () =
    inFolder (fun other ->
        Assert.True(runUntil 20 other)
        // The same settings with seed 2, renamed to seed 1.
        inFolder (fun folder ->
            try
                run
                    tiny
                    folder
                    (fun progress ->
                        if progress.Evaluating then
                            raise Killed)
                    2
                |> ignore
            with Killed ->
                ()

            let file = Directory.GetFiles(folder) |> Array.exactlyOne
            File.Move(file, file.Replace("seed-2", "seed-1"))

            let error =
                Assert.Throws<EquivariantException>(fun () -> run tiny folder silent 1 |> ignore)

            Assert.Contains("holds pretraining with seed 2", error.Message)))

[<Fact>]
let ``a training that breaks down says so`` () =
    inFolder (fun folder ->
        let wild = {
            tiny with
                Pretraining.LearningRate = 1e37
        }

        let error =
            Assert.Throws<EquivariantException>(fun () -> run wild folder silent 1 |> ignore)

        Assert.StartsWith("The loss of pretraining is no number any more in epoch 1", error.Message)
        Assert.Empty(Directory.GetFiles folder))

[<Fact>]
let ``a folder that can't be written is named`` () =
    inFolder (fun folder ->
        let file = Path.Combine(folder, "file")
        File.WriteAllText(file, "")
        let below = Path.Combine(file, "below")

        let error =
            Assert.Throws<EquivariantException>(fun () -> Experiment.prepareFolder below false)

        Assert.StartsWith($"The folder '{below}' can't be written", error.Message))

[<Fact>]
let ``a folder with a run is only for going on`` () =
    inFolder (fun folder ->
        Assert.True(runUntil 20 folder)
        let files = Directory.GetFiles folder

        let error =
            Assert.Throws<EquivariantException>(fun () -> Experiment.prepareFolder folder false)

        Assert.Contains("already holds a run", error.Message)
        Experiment.prepareFolder folder true
        Assert.Equal<string[]>(files, Directory.GetFiles folder))

[<Fact>]
let ``a device that is not there is named`` () =
    let error =
        Assert.Throws<EquivariantException>(fun () ->
            Settings.device { tiny with Device = "abacus" } |> ignore)

    Assert.Equal("The device 'abacus' can't be used: name cpu, cuda or cuda:N.", error.Message)

[<Fact>]
let ``a finished run translates, each design by itself`` () =
    inFolder (fun folder ->
        let finished = run tiny folder silent 1
        let translations = Experiment.translate tiny finished [ "jump"; "left" ]
        Assert.Equal<Design list>(Design.all, List.map fst translations)

        Assert.All(
            translations |> Seq.collect snd,
            fun word -> Assert.Contains(word, Vocabularies.output.Words)
        ))

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

/// Losses of all batches, by stage and epoch, and the lengths of the stages.
let private batchLosses settings =
    inFolder (fun folder ->
        let reports = ResizeArray<Progress>()
        run settings folder reports.Add 1 |> ignore

        reports
        |> Seq.filter (fun progress -> not progress.Evaluating)
        |> List.ofSeq
        |> List.groupBy _.Stage)

let private still schedule = {
    schedule with
        Epochs = 3
        BatchSize = 4
        LearningRate = 0.0
        FinalLearningRate = 0.0
}

/// Nothing is learnt and nothing dropped: the loss of a batch tells which sentences are in it.
let private stillLife = {
    tiny with
        Settings.Architecture = { tiny.Architecture with Dropout = 0.0 }
        Pretraining = still tinySchedule
        FinetuningSize = 32
        Finetuning = still tinySchedule
}

[<Fact>]
let ``every epoch of every stage has an order of its own`` () =
    for stage, reports in batchLosses stillLife do
        let epochs = reports |> List.map _.Loss |> List.splitInto 3

        Assert.True(
            (epochs = List.distinct epochs),
            $"{Stage.name stage} repeats the order of an epoch: %A{epochs}"
        )

[<Fact>]
let ``a stage counts its own sentences, all epochs of them`` () =
    let data = Data.draw stillLife 1

    for stage, reports in batchLosses stillLife do
        let sentences =
            if stage = Pretraining then
                data.Pretraining
            else
                data.Finetuning

        let total = 3 * sentences.Length
        Assert.All(reports, (fun progress -> Assert.Equal(total, progress.Total)))
        Assert.Equal(total, (List.last reports).Done)
        Assert.Equal<Progress list>(reports, reports |> List.sortBy _.Done)

    Assert.NotEqual(data.Pretraining.Length, data.Finetuning.Length)

[<Fact>]
let ``every design starts from the pretrained weights`` () =
    inFolder (fun folder ->
        // Pretraining learns, finetuning does not.
        let settings = {
            stillLife with
                Pretraining = tinySchedule
        }

        let found = run settings folder silent 1

        for design, result in found.Finetuning do
            Assert.True(
                result.Weights.AsSpan().SequenceEqual(found.Pretraining.Weights.AsSpan()),
                Design.name design
            ))

[<Fact>]
let ``data and first weights come from the seed`` () =
    Assert.Equal(Data.draw tiny 1, Data.draw tiny 1)
    let one, two = Data.draw tiny 1, Data.draw tiny 2
    Assert.NotEqual<Example[]>(one.Pretraining, two.Pretraining)

    for (name, ones), (_, twos) in List.zip one.Evaluation two.Evaluation do
        Assert.False((ones = twos), $"the seed does not choose {name}")

    let weights seed =
        use network = Stage.create tiny seed None

        network.parameters ()
        |> Seq.map (fun weight -> weight.data<float32>().ToArray())
        |> Array.concat

    Assert.Equal<float32[]>(weights 1, weights 1)
    Assert.NotEqual<float32[]>(weights 1, weights 2)

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
    let _, finetuning = unbroken.Value

    for design, (losses, accuracies) in finetuning do
        Assert.Equal(2, List.length losses)

        for accuracy in accuracies do
            Assert.Equal((accuracy.Name, 0, 0.0), (accuracy.Name, accuracy.Correct, accuracy.Share))

        let counts =
            Data.draw tiny 1
            |> _.Evaluation
            |> List.map (fun (name, all) -> name, all.Length)

        Assert.Equal<(string * int) list>(counts, accuracies |> List.map (fun all -> all.Name, all.Count))

[<Fact>]
let ``a checkpoint adds up the time of its epochs, and speed is sentences over time`` () =
    inFolder (fun folder ->
        let header () =
            let path = Path.Combine(folder, "seed-1-pretraining.checkpoint")
            JsonDocument.Parse((Checkpoint.read path).Header).RootElement

        let seconds () =
            header().GetProperty("Seconds").GetDouble()
        // Each of its three epochs reports a number of batches: this dies in the second.
        Assert.True(runUntil 8 folder)
        Assert.Equal(1, header().GetProperty("Losses").GetArrayLength())
        let afterOne = seconds ()
        Assert.True(afterOne > 0.0)
        let found = run tiny folder silent 1
        Assert.True(seconds () > afterOne)
        let sentences = (Data.draw tiny 1).Pretraining.Length * tiny.Pretraining.Epochs
        Assert.Equal(float sentences, found.Pretraining.SentencesPerSecond * seconds (), 1e-6))

[<Fact>]
let ``costs are those of each design, relative to the plain network`` () =
    torch.set_num_threads 1
    let costs = Experiment.costs tiny 1
    Assert.Equal<Design list>(Design.all, costs |> List.map _.Design)
    Assert.Equal<int list>([ 1; 8; 6; 6; 6; 6 ], costs |> List.map _.Evaluations)
    Assert.Equal((1.0, 1.0), (costs.Head.ForwardTime, costs.Head.TrainingTime))
    Assert.All(costs, (fun cost -> Assert.True(cost.ForwardTime > 0.0 && cost.TrainingTime > 0.0)))

[<Fact>]
let ``a checkpoint is replaced in one piece`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "checkpoint")

        let checkpoint text = {
            Header = text
            Blocks = [ [| 1uy |] ]
        }

        Checkpoint.write path (checkpoint "old")
        let old = File.ReadAllBytes path
        use reader = File.OpenRead path
        Checkpoint.write path (checkpoint "new")
        let read = Array.zeroCreate old.Length
        reader.ReadExactly(read.AsSpan())
        Assert.Equal<byte[]>(old, read)
        Assert.Equal(checkpoint "new", Checkpoint.read path))

[<Fact>]
let ``a file is replaced in one piece`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "file")
        Checkpoint.writeAtomically path "the old content"B
        // Whoever reads the old file goes on doing so: the new one is written beside it.
        use reader = new StreamReader(path)
        Checkpoint.writeAtomically path "the new"B
        Assert.Equal("the old content", reader.ReadToEnd())
        Assert.Equal("the new", File.ReadAllText path)
        Assert.Equal<string[]>([| path |], Directory.GetFiles folder))

[<Fact>]
let ``a full disk leaves the old content and nothing else`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "file")
        Checkpoint.writeAtomically path "the old content"B
        File.CreateSymbolicLink(path + ".new", "/dev/full") |> ignore

        let error =
            Assert.ThrowsAny<IOException>(fun () ->
                Checkpoint.writeAtomically path (Array.zeroCreate 100_000))

        Assert.Contains("No space left", error.Message)
        Assert.Equal("the old content", File.ReadAllText path)
        Assert.Equal<string[]>([| path |], Directory.GetFiles folder))

[<Fact>]
let ``a link stays a link`` () =
    inFolder (fun folder ->
        let target, link = Path.Combine(folder, "target"), Path.Combine(folder, "link")
        Checkpoint.writeAtomically target "old"B
        File.CreateSymbolicLink(link, target) |> ignore
        Checkpoint.writeAtomically link "new"B
        Assert.Equal(target, FileInfo(link).LinkTarget)
        Assert.Equal("new", File.ReadAllText target))
