module Equivariant.Tests.Scan.TrainingTests

open System
open TorchSharp
open Xunit
open Equivariant.Bench
open Equivariant.Core.Sequences
open Equivariant.Scan
open Equivariant.Tests
open Equivariant.Tests.Bench

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
        float ((Schedule.loss model (Batches.create torch.CPU examples)).item<float32>())

    let tokens (example: Example) = float (example.Target.Length + 1)

    let each =
        examples |> Array.sumBy (fun example -> tokens example * loss [| example |])

    Assert.Equal(each / Array.sumBy tokens examples, loss examples, 1e-4)

[<Fact>]
let ``the step size falls from the first to the last`` () =
    let rate = Training.cosine schedule.LearningRate schedule.FinalLearningRate
    Assert.Equal(1e-2, rate 0.0, 1e-12)
    Assert.Equal(1e-3, rate 1.0, 1e-12)
    Assert.True(rate 0.3 > rate 0.6)

let private training schedule (model: SequenceModel) examples =
    Schedule.training schedule torch.CPU model examples

/// Trains with a seed, somewhere, and gives the mean losses of the epochs.
let private trainAt place schedule model examples =
    Places.inPlace (fun empty ->
        (Places.context (place empty)).Train("training", training schedule model examples).Losses)

let private train schedule model examples = trainAt id schedule model examples

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

    let counted = ResizeArray<int>()

    let map work batches =
        batches
        |> Array.map (fun batch ->
            counted.Add(Array.length batch)
            work batch)

    let mixed =
        Array.collect (fun (right, wrong) -> [| right; wrong |]) (Array.zip known wrong)

    Assert.Equal<bool[]>(
        Array.init mixed.Length (fun index -> index % 2 = 0),
        Evaluation.correct map model torch.CPU mixed
    )

    Assert.Equal(mixed.Length, Seq.sum counted)

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
    let examples = sentences 12 8

    Tensors.leavesNoTensors 4 (fun () ->
        train { schedule with Epochs = 1 } model examples |> ignore
        Evaluation.correct Array.map model torch.CPU examples |> ignore)

[<Fact>]
let ``relative times are medians of the rounds' ratios to the first, without the round that warms up`` () =
    // Times as a clock would give them: three rounds of two pieces of work after the first round.
    let clock = Collections.Generic.Queue [ 9.0; 1.0; 1.0; 3.0; 2.0; 4.0; 10.0; 50.0 ]
    let mutable calls = []

    let measure work =
        work ()
        clock.Dequeue()

    let times =
        Evaluation.relativeTimes measure 3 [
            (fun () -> calls <- 1 :: calls)
            (fun () -> calls <- 2 :: calls)
        ]

    Assert.Equal<float list>([ 1.0; 3.0 ], times)
    Assert.Equal<int list>([ 2; 1; 2; 1; 2; 1; 2; 1 ], calls)

[<Fact>]
let ``seconds are what a watch shows`` () =
    Assert.InRange(Evaluation.seconds (fun () -> Threading.Thread.Sleep 20), 0.015, 600.0)

let private weights (model: SequenceModel) =
    torch.cat ([| for weight in model.parameters () -> weight.detach().flatten() |])

/// How far the weights move while something is done.
let private movement (model: SequenceModel) work =
    use scope = torch.NewDisposeScope()
    let before = (weights model).clone()
    work ()
    Tensors.distance before (weights model)

[<Fact>]
let ``a gradient is shortened to the schedule's norm`` () =
    // Adam's steps do not depend on the size of gradients, unless they are far below its ε of 1e-8.
    let moved clip =
        use model = network 13

        movement model (fun () ->
            train
                {
                    schedule with
                        ClipNorm = clip
                        Epochs = 1
                }
                model
                (sentences 14 4)
            |> ignore)

    Assert.InRange(moved 1e-13, 0.0, 1e-5)
    Assert.InRange(moved 1.0, 1e-3, 1.0)

[<Fact>]
let ``every batch has the step size of its place in the schedule`` () =
    use model = network 15
    let schedule = { schedule with Epochs = 4 }
    let training = training schedule model (sentences 16 8)
    let rates = ResizeArray<float>()

    let noting (place: Workplace) = {
        place with
            Scalar =
                fun name _ _ ->
                    if name.EndsWith "/loss" then
                        rates.Add((Seq.head training.Optimiser.ParamGroups).LearningRate)
    }

    Assert.Equal(schedule.LearningRate, (Seq.head training.Optimiser.ParamGroups).LearningRate)

    Places.inPlace (fun place -> (Places.context (noting place)).Train("training", training) |> ignore)

    let expected = [
        for epoch in 0..3 do
            for batch in 0..1 ->
                Training.cosine
                    schedule.LearningRate
                    schedule.FinalLearningRate
                    ((float epoch + float batch / 2.0) / 4.0)
    ]

    Assert.Equal<float list>(expected, List.ofSeq rates)

[<Fact>]
let ``an epoch's loss is the mean over its batches, and each is reported`` () =
    use model = network 17
    let losses, rows = ResizeArray<float>(), ResizeArray<int>()

    let noting (place: Workplace) = {
        place with
            Scalar =
                fun name _ loss ->
                    if name.EndsWith "/loss" then
                        losses.Add loss
            Show = fun update -> rows.Add update.Done
    }

    let found = trainAt noting { schedule with Epochs = 1 } model (sentences 18 10)
    Assert.Equal(3, rows.Count)
    Assert.Equal(10, rows[2])

    Assert.Equal<int list>(
        [ 2; 4; 4 ],
        0 :: List.ofSeq rows
        |> List.pairwise
        |> List.map (fun (a, b) -> b - a)
        |> List.sort
    )

    Assert.Equal(Seq.average losses, found.Head, 1e-12)

[<Fact>]
let ``dropout is at work in training, and neither in measuring nor in translating`` () =
    use model = network 19

    let watching (place: Workplace) = {
        place with
            Show = fun _ -> Assert.True model.training
    }

    trainAt watching { schedule with Epochs = 1 } model (sentences 20 4) |> ignore
    Assert.False model.training
    model.train ()

    let map work batches =
        Assert.False model.training
        Array.map work batches

    Evaluation.correct map model torch.CPU (sentences 20 4) |> ignore
    model.train ()
    Evaluation.translate model torch.CPU [ "jump" ] |> ignore
    Assert.False model.training
