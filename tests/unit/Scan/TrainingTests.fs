module Equivariant.Tests.Scan.TrainingTests

open System
open TorchSharp
open Xunit
open Equivariant.Core.Designs
open Equivariant.Scan

let private sentences (seed: int) count =
    let random = Random seed
    Array.init count (fun _ -> Vocabularies.example Grammar.all[random.Next Grammar.all.Length])

let private network (seed: int) =
    torch.set_num_threads 1
    torch.manual_seed (int64 seed) |> ignore

    new Seq2Seq(
        {
            Cell = Gru
            Hidden = 32L
            Dropout = 0.0
        },
        Vocabularies.input.Count,
        Vocabularies.output.Count
    )

let private schedule = {
    Epochs = 60
    BatchSize = 4
    LearningRate = 1e-2
    FinalLearningRate = 1e-3
    ClipNorm = 1.0
}

[<Fact>]
let ``batches hold every sentence once, and little padding`` () =
    let examples = sentences 1 1000
    let batches = Batches.plan (Random 2) 32 examples

    let places (batch: Example[]) =
        batch.Length * (batch |> Array.map _.Target.Length |> Array.max)

    let tokens = examples |> Array.sumBy _.Target.Length
    Assert.Equal<Example[]>(Array.sort examples, batches |> Array.concat |> Array.sort)
    Assert.All(batches, fun batch -> Assert.InRange(batch.Length, 1, 32))
    Assert.InRange(float (Array.sumBy places batches) / float tokens, 1.0, 1.15)

[<Fact>]
let ``the order of batches comes from the random numbers`` () =
    let examples = sentences 3 200
    let plan (seed: int) = Batches.plan (Random seed) 16 examples
    Assert.Equal<Example[][]>(plan 1, plan 1)
    Assert.NotEqual<Example[][]>(plan 1, plan 2)

[<Fact>]
let ``a batch starts its prefixes, ends its targets and pads both`` () =
    use batch =
        Batches.create torch.CPU [|
            for sentence in [ "jump left"; "walk" ] ->
                sentence.Split ' '
                |> List.ofArray
                |> Grammar.parse
                |> Option.get
                |> Vocabularies.example
        |]

    let rows (tensor: torch.Tensor) =
        tensor.data<int64>().ToArray()
        |> Array.chunkBySize (int tensor.shape[1])
        |> Array.map List.ofArray
        |> List.ofArray

    let word = Vocabularies.input.Id
    let action = Vocabularies.output.Id
    let start, finish, pad = Vocabularies.start, Vocabularies.finish, Vocabulary.Pad
    Assert.Equal<int64 list list>([ [ word "jump"; word "left" ]; [ word "walk"; pad ] ], rows batch.Source)

    Assert.Equal<int64 list list>(
        [
            [ start; action "I_TURN_LEFT"; action "I_JUMP" ]
            [ start; action "I_WALK"; pad ]
        ],
        rows batch.Prefix
    )

    Assert.Equal<int64 list list>(
        [
            [ action "I_TURN_LEFT"; action "I_JUMP"; finish ]
            [ action "I_WALK"; finish; pad ]
        ],
        rows batch.Target
    )

[<Fact>]
let ``the loss is the mean over tokens, whatever the padding`` () =
    use scope = torch.NewDisposeScope()
    use model = network 4
    let examples = sentences 5 6

    let loss examples =
        float ((Training.loss model (Batches.create torch.CPU examples)).item<float32>())

    let tokens (example: Example) = float (example.Target.Length + 1)

    let each =
        examples |> Array.sumBy (fun example -> tokens example * loss [| example |])

    Assert.Equal(each / Array.sumBy tokens examples, loss examples, 1e-4)

[<Fact>]
let ``the step size falls from the first to the last`` () =
    let rate = Training.learningRate schedule
    Assert.Equal(1e-2, rate 0.0, 1e-12)
    Assert.Equal(1e-3, rate 1.0, 1e-12)
    Assert.True(rate 0.3 > rate 0.6)

let private train schedule (model: SequenceModel) examples =
    use optimizer = Training.optimizer schedule model

    [
        for epoch in 0 .. schedule.Epochs - 1 ->
            Training.epoch schedule epoch epoch (fun _ _ -> ()) model optimizer torch.CPU examples
    ]

[<Fact>]
let ``a few sentences are learnt, and only they are translated without mistakes`` () =
    use model = network 6

    let known =
        sentences 7 8 |> Array.filter (fun example -> example.Target.Length < 12)

    let losses = train schedule model known
    Assert.True(List.last losses < 0.1 * losses.Head)

    let wrong =
        known
        |> Array.map (fun example -> {
            example with
                Target = Array.append example.Target [| example.Target[0] |]
        })

    let mutable counted = 0
    let report count = counted <- counted + count

    let mixed =
        Array.collect (fun (right, wrong) -> [| right; wrong |]) (Array.zip known wrong)

    Assert.Equal<bool[]>(
        Array.init mixed.Length (fun index -> index % 2 = 0),
        Evaluation.correct report model torch.CPU mixed
    )

    Assert.Equal(mixed.Length, counted)

    for example in known do
        let words = Vocabularies.input.Decode example.Source

        Assert.Equal<string list>(
            Vocabularies.output.Decode example.Target,
            Evaluation.translate model torch.CPU words
        )

[<Fact>]
let ``the same seed trains to the same losses`` () =
    let losses seed =
        use model = network seed
        train { schedule with Epochs = 3 } model (sentences 8 12)

    Assert.Equal<float list>(losses 9, losses 9)
    Assert.NotEqual<float list>(losses 9, losses 10)

[<Theory>]
[<InlineData(0)>]
[<InlineData(1)>]
[<InlineData(2)>]
[<InlineData(4)>]
let ``training and translating leave no tensors behind`` (index: int) =
    use network = network 11
    let model = Design.wrap Design.all[index] network
    use optimizer = Training.optimizer schedule model
    let examples = sentences 12 8

    let work () =
        Training.epoch schedule 1 1 (fun _ _ -> ()) model optimizer torch.CPU examples
        |> ignore

        Evaluation.correct ignore model torch.CPU examples |> ignore

    work ()
    // What earlier tests left to the collector should not go while this one counts.
    GC.Collect()
    GC.WaitForPendingFinalizers()
    let before = torch.Tensor.TotalCount

    for _ in 1..4 do
        work ()

    Assert.Equal(before, torch.Tensor.TotalCount)

[<Fact>]
let ``relative times are relative to the first`` () =
    let spin milliseconds () =
        Threading.SpinWait.SpinUntil((fun () -> false), (milliseconds: int)) |> ignore

    let times = Evaluation.relativeTimes 3 [ spin 10; spin 30 ]
    Assert.Equal(1.0, times[0])
    Assert.InRange(times[1], 1.5, 6.0)
