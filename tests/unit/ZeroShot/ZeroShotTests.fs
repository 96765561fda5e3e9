/// Zero-shot classification as a command, and with real weights.
module Equivariant.Tests.ZeroShot.ZeroShotTests

open System
open System.IO
open System.Text.Json
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Bench
open Equivariant.Images
open Equivariant.ZeroShot
open Equivariant.Tests
open Equivariant.Tests.Pretrained.Fixture
open Equivariant.Tests.ZeroShot.PromptTests
open Equivariant.Tests.ZeroShot.PictureTests

let private classes = [ "cat"; "dog"; "eel"; "fox"; "hen"; "owl" ]

/// A tiny CLIP, noise as CIFAR-100 has its images, and names for it.
let private withSubject (work: string list -> string -> 'T) =
    Program.inFolder (fun folder ->
        let model, data = Path.Combine(folder, "model"), Path.Combine(folder, "data")

        for created in [ model; data ] do
            Directory.CreateDirectory created |> ignore

        clipFolder model
        writeCifar data classes [ for row in 0..17 -> row % 6 ]
        let random = Random 1

        for file in [ "train.bin"; "test.bin" ] do
            let path = Path.Combine(data, file)
            let bytes = File.ReadAllBytes path
            random.NextBytes(bytes.AsSpan(2, 3072))
            random.NextBytes(bytes.AsSpan(3074 + 2, 3072))
            File.WriteAllBytes(path, bytes)

        let prompts = Path.Combine(folder, "prompts.json")

        let content = {|
            classes = classes
            templates = [ "a {}"; "the {}" ]
        |}

        File.WriteAllText(prompts, JsonSerializer.Serialize content)
        work [ "zeroshot"; "--tiny"; "--model"; model; "--data"; data; "--prompts"; prompts ] folder)

/// What a run measured: its figures but for speeds.
let private figures (folder: string) =
    [
        for finding in Results.findings (Results.tryRead folder).Value do
            if List.contains finding.Name [ "top-1"; "top-5"; "evaluations" ] then
                let label key = (Findings.label key finding).Value
                (label "group", label "images", label "method", finding.Name), finding.Mean
    ]
    |> Map.ofList

[<Fact>]
let ``a CLIP of the user's classifies CIFAR-100's layout under every method`` () =
    withSubject (fun command folder ->
        let out = Path.Combine(folder, "out")
        let ending = Program.run (command @ [ "--out"; out ])
        Assert.Equal((0, ""), (ending.Code, (if ending.Code = 0 then "" else ending.Error)))
        let found = figures out

        for symmetry in Symmetry.all do
            for method in Method.all do
                if Method.fits symmetry method then
                    for name in [ "top-1"; "top-5"; "evaluations" ] do
                        Assert.True(found.ContainsKey((symmetry.Name, "moved", Method.name method, name)))

            let evaluations method =
                found[(symmetry.Name, "moved", Method.name method, "evaluations")]

            let order = float (Symmetry.group symmetry).Order
            Assert.Equal(1.0, evaluations Plain, 6)
            // Some of the images are of one shade, and each of these is its own transform.
            Assert.InRange(evaluations Equitune, 1.01, order)
            Assert.InRange(evaluations CanonicalPose, 0.999, order)
            Assert.True(File.Exists(Path.Combine(out, $"""samples-{symmetry.Name.Replace(' ', '-')}.svg""")))

        for file in [ "accuracy.png"; "accuracy.svg"; "report.html" ] do
            Assert.True(File.Exists(Path.Combine(out, file)))

        Assert.Contains("multi-equizero", ending.Output)
        let kept = Directory.GetFiles(Path.Combine(folder, "model"), "class-weights-*")
        Assert.Single kept |> ignore
        // The same seed gives the same, in another folder and from checkpoints.
        let again = Path.Combine(folder, "again")
        Assert.Equal(0, (Program.run (command @ [ "--out"; again ])).Code)
        Assert.Equal<Map<_, _>>(found, figures again)

        for file in Directory.GetFiles(again, "*batches*") |> Array.truncate 1 do
            File.Delete file

        File.Delete(Path.Combine(again, "results.json"))
        Assert.Equal(0, (Program.run (command @ [ "--out"; again; "--resume" ])).Code)
        Assert.Equal<Map<_, _>>(found, figures again))

[<Fact>]
let ``a cache of class weights from another model is noticed, and said`` () =
    withSubject (fun command folder ->
        let small = command @ [ "--methods"; "plain"; "--groups"; "rot90" ]
        let first = Program.run (small @ [ "--out"; Path.Combine(folder, "first") ])
        Assert.DoesNotContain("made again", first.Output)

        let file =
            Assert.Single(Directory.GetFiles(Path.Combine(folder, "model"), "class-weights-*"))

        let before = File.ReadAllBytes file
        let prompts = Path.Combine(folder, "prompts.json")
        File.WriteAllText(prompts, (File.ReadAllText prompts).Replace("the {}", "one {}"))
        let second = Program.run (small @ [ "--out"; Path.Combine(folder, "second") ])
        Assert.Contains("made again", second.Output)
        Assert.NotEqual<byte[]>(before, File.ReadAllBytes file))

[<Fact>]
let ``what makes no sense is a sentence and a code`` () =
    withSubject (fun command folder ->
        let fails (code: int) (parts: string list) (arguments: string list) =
            let out = Path.Combine(folder, "fails")
            let ending = Program.run (arguments @ [ "--out"; out ])
            Assert.Equal(code, ending.Code)
            Assert.Equal("", ending.Output)
            let line = ending.Error.Trim().Split('\n') |> Array.last

            for part in parts do
                Assert.Contains(part, line)

            Assert.DoesNotContain("   at ", ending.Error)
            Assert.False(File.Exists(Path.Combine(out, "results.json")))

            if Directory.Exists out then
                Directory.Delete(out, true)

        fails 1 [ "no group"; "rot91"; "rot90" ] (command @ [ "--groups"; "rot91" ])
        fails 1 [ "no method"; "equitone" ] (command @ [ "--methods"; "plain,equitone" ])
        fails 1 [ "--factor"; "-1" ] (command @ [ "--factor"; "-1" ])

        let replaced (option: string) (value: string) =
            List.pairwise ("" :: command)
            |> List.map (fun (before, word) -> if before = option then value else word)

        fails 1 [ "no directory"; "nowhere" ] (replaced "--data" (Path.Combine(folder, "nowhere")))
        let one = Path.Combine(folder, "one")
        Directory.CreateDirectory one |> ignore
        writeCifar one classes [ 3; 3; 3 ]
        fails 1 [ "one class only"; "fox" ] (replaced "--data" one)
        let prompts = Path.Combine(folder, "no-place.json")
        File.WriteAllText(prompts, """{ "classes": ["cat", "dog"], "templates": ["a photo"] }""")
        fails 1 [ "no place for a name"; "no-place.json" ] (replaced "--prompts" prompts)
        File.Delete(Path.Combine(folder, "model", "vocab.json"))
        fails 1 [ "no tokenizer" ] command)

/// Prototypes of ten images a class, by ResNet-18, and the first 150 test images.
let private clothes =
    lazy
        (let encoder = Encoder.resNet18 ()
         let net = new Remembered(Encoder.sight encoder, 32)
         let learning, testing = FashionMnist.subset ()
         let prototypes, _ = Pictures.parted 10 learning
         let tested = ImageSet.choose [| 0..149 |] testing

         net,
         {
             Name = encoder.Name
             Images = image 1 28 28
             Net = net
             Weights = (ClassWeights.ofImages net prototypes).DetachFromDisposeScope()
             Factor = 10.0
         },
         tested)

/// The share of images that a method gets right, of those given.
let private share (method: Method) (symmetry: Symmetry) (turned: torch.Tensor) =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let _, classifier, tested = clothes.Value

    let aids = {
        Target = Target.cpu
        Averaging = Probabilities
        Direction = torch.rand
        Weights = None
    }

    let net = Method.network aids classifier symmetry method

    let right =
        [|
            for rows in Array.chunkBySize 32 [| 0 .. tested.Count - 1 |] ->
                let x = turned.narrow (0, int64 rows[0], int64 rows.Length)
                Accuracy.hits 1 (rows |> Array.map (Array.get tested.Labels)) (net.call x)
        |]
        |> Array.sum

    float right / float tested.Count

[<WeightsFact>]
let ``ResNet-18's prototypes tell clothes apart as was measured elsewhere`` () =
    use scope = torch.NewDisposeScope()
    let net, _, tested = clothes.Value

    let upright =
        (ImageSet.batch [| 0 .. tested.Count - 1 |] tested).``to`` torch.float32

    let turned (quarters: int64) =
        upright.rot90 (quarters, struct (-2L, -1L))

    let elsewhere = [ 0L, 0.753; 1L, 0.187; 2L, 0.547; 3L, 0.220 ]

    for quarters, expected in elsewhere do
        let low, high =
            Accuracy.interval (share Plain Symmetry.rot90 (turned quarters)) tested.Count

        Assert.InRange(expected, low, high)

    // Under any turn what designs say is the same, and better than what the turned images alone say.
    let plain =
        [ for quarters in 0L .. 3L -> share Plain Symmetry.rot90 (turned quarters) ]
        |> List.average

    let equitune, equizero =
        share Equitune Symmetry.rot90 upright, share Surest Symmetry.rot90 upright

    Assert.Equal(equitune, share Equitune Symmetry.rot90 (turned 1L), 9)
    Assert.Equal(equizero, share Surest Symmetry.rot90 (turned 3L), 9)

    for value, expected in [ equitune, 0.607; equizero, 0.687 ] do
        let low, high = Accuracy.interval value tested.Count
        Assert.InRange(expected, low, high)

    Assert.True(
        plain < equitune && equitune < equizero,
        $"plain {plain}, equitune {equitune}, equizero {equizero}"
    )
    // Four images for each, however often they were asked for, beside a hundred for prototypes.
    Assert.InRange(net.Computed, 700L, 708L)

[<WeightsFact>]
let ``without a model of the user's the command takes ResNet-18`` () =
    Program.inFolder (fun folder ->
        let out = Path.Combine(folder, "out")

        let ending =
            Program.run [
                "zeroshot"
                "--tiny"
                "--images"
                "1"
                "--shots"
                "1"
                "--groups"
                "flip left-right"
                "--methods"
                "plain,equitune"
                "--out"
                out
            ]

        Assert.Equal(0, ending.Code)
        let found = figures out
        Assert.Equal(2.0, found[("flip left-right", "moved", "equitune", "evaluations")], 6)
        Assert.Contains("encoder's share", ending.Output))
