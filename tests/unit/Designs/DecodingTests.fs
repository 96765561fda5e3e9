module Equivariant.Tests.Designs.DecodingTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Sequences
open Equivariant.Pretrained
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

/// A permutation of a vocabulary by its cycles.
let private cycles degree (cycles: int list list) = [|
    for i in 0 .. degree - 1 ->
        cycles
        |> List.tryFind (List.contains i)
        |> Option.map (fun cycle -> cycle[(List.findIndex ((=) i) cycle + 1) % cycle.Length])
        |> Option.defaultValue i
|]

/// Groups of exchanges, on one vocabulary of 12 tokens for text and continuation: 0 pads, 10 and 11 stand still.
let private exchanges = [
    let c2, c3 = Group.Cyclic 2 :> Group, Group.Cyclic 3 :> Group

    "C2³, pairs of words",
    PermutationAction(
        Group.Direct [| c2; c2; c2 |],
        12,
        [|
            cycles 12 [ [ 1; 2 ]; [ 7; 8 ] ]
            cycles 12 [ [ 3; 4 ] ]
            cycles 12 [ [ 5; 6 ] ]
        |]
    )

    "C2 × C3",
    PermutationAction(
        Group.Direct [| c2; c3 |],
        12,
        [| cycles 12 [ [ 1; 2 ] ]; cycles 12 [ [ 3; 4; 5 ]; [ 6; 8; 7 ] ] |]
    )

    // Not abelian, and one word leaves a stabiliser; the factors move the same tokens.
    let s4 = Group.Symmetric 4 in

    "S4",
    PermutationAction(
        s4,
        12,
        [|
            for g in s4.Generators -> [| 0; yield! [ for i in g.Code.ToArray() -> i + 1 ]; yield! [ 5..11 ] |]
        |]
    )

    "C2 × C2 on the same four words",
    PermutationAction(
        Group.Direct [| c2; c2 |],
        12,
        [| cycles 12 [ [ 1; 2 ]; [ 3; 4 ] ]; cycles 12 [ [ 1; 3 ]; [ 2; 4 ] ] |]
    )
]

let private toy seed =
    torch.manual_seed (int64 seed) |> ignore
    new ToySequenceModel(12, 12, torch.float64)

let private designs (words: PermutationAction) (model: SequenceModel) : SequenceModel list = [
    new EquituneSequenceModel(model, words, words)
    match words.Group with
    | :? DirectProduct as product when words.OrbitCount > 8 ->
        new QuotientSequenceModel(
            model,
            words,
            words,
            QuotientTerm.ForFactors product,
            SequenceInvariance.Canonicalise()
        )
    | _ -> ()
]

let private sample (seed: int) =
    TokenChoice.Sample(new torch.Generator(uint64 (abs (int64 seed))), 1.5, 8, 0.95)

let private decode (model: SequenceModel) choice (x: torch.Tensor, start: torch.Tensor) count =
    Decoding.Decode(model, x, start, choice, 9, [| 11L |], count)

let private same left right = distance left right = 0.0

/// The sampling law: the transformed prompt has the transformed sentence, by an element that takes the one prompt to
/// the other; by every such element where they agree on all words.
[<Property(MaxTest = 15)>]
let ``from one state of the generator, a transformed prompt has the transformed sentence`` (seed: int) =
    let random = Random seed

    for name, words in exchanges do
        use scope = torch.NewDisposeScope()
        let onTokens = TokenAction words
        let group = words.Group
        let x = tokens random 0 12 [ 3L; int64 (random.Next 5) ]
        let start = tokens random 0 12 [ 3L ]
        let elements = List.ofSeq group.Elements

        for design in designs words (toy seed) do
            for choice in [ sample seed; TokenChoice.Greedy ] do
                let g = group.Random random

                let apply (h: GroupElement) (t: torch.Tensor) =
                    if t.numel () = 0L then t else onTokens.Apply(h, t)

                let choice' =
                    match choice with
                    | c when obj.ReferenceEquals(c, TokenChoice.Greedy) -> c
                    | _ -> sample seed

                let here = decode design choice (x, start) 2
                let there = decode design choice' (apply g x, apply g start) 2

                for b in 0L .. 2L do
                    let row (t: torch.Tensor) (b: int64) (n: int64) = t.narrow (0, b, n)

                    let takes (h: GroupElement) =
                        same (apply h (row x b 1L)) (apply g (row x b 1L))
                        && same (apply h (row start b 1L)) (apply g (row start b 1L))

                    let agrees (h: GroupElement) =
                        same (apply h (row here (2L * b) 2L)) (row there (2L * b) 2L)

                    Assert.True(
                        elements |> List.exists (fun h -> takes h && agrees h),
                        $"{name}, {g}, row {b}"
                    )

[<Fact>]
let ``a prompt that names a word of every exchange follows the very element`` () =
    let name, words = exchanges[0]
    use scope = torch.NewDisposeScope()
    let onTokens = TokenAction words
    use design = new EquituneSequenceModel(toy 1, words, words)
    let x = torch.tensor (array2D [ [ 1L; 10L; 4L; 5L ]; [ 9L; 6L; 2L; 3L ] ])
    let start = torch.tensor [| 10L; 5L |]
    let here = decode design (sample 4) (x, start) 50
    Assert.True((here.unique () |> fun struct (values, _, _) -> values.numel ()) > 6L, name)

    for g in words.Group.Elements do
        let there =
            decode design (sample 4) (onTokens.Apply(g, x), onTokens.Apply(g, start)) 50

        Assert.True(same (onTokens.Apply(g, here)) there, $"{g}")

    // A factor of which the prompt names no word has no part in it.
    let silent = torch.tensor (array2D [ [ 1L; 10L ]; [ 2L; 9L ] ])
    let a = words.Group.Generators[0]
    let here = decode design (sample 4) (silent, start) 50

    let there =
        decode design (sample 4) (onTokens.Apply(a, silent), onTokens.Apply(a, start)) 50

    Assert.True(same (onTokens.Apply(a, here)) there)

/// Noise that does not know the sentence: the same law fails.
[<Fact>]
let ``without the frames the law fails`` () =
    let _, words = exchanges[0]
    use scope = torch.NewDisposeScope()
    let onTokens = TokenAction words
    let design = new EquituneSequenceModel(toy 1, words, words)

    let frameless = {
        new SequenceModel("frameless") with
            member _.forward(x, y) = design.call (x, y)
            member _.Start x = design.Start x
            member _.Step(state, tokens) = design.Step(state, tokens)
    }

    // By rank of their scores, as top-k has them, tokens would carry their noise along: all are left here.
    let free () =
        TokenChoice.Sample(new torch.Generator(4UL))

    let x, start = torch.tensor (array2D [ [ 1L; 3L; 5L ] ]), torch.tensor [| 10L |]
    let g = words.Group.Generators[0]

    let follows (model: SequenceModel) =
        let here = decode model (free ()) (x, start) 50

        let there =
            decode model (free ()) (onTokens.Apply(g, x), onTokens.Apply(g, start)) 50

        same (onTokens.Apply(g, here)) there

    Assert.True(follows design)
    Assert.False(follows frameless)

/// How often each first token comes, over its probability, is right within five standard deviations.
let private requireShares
    (model: SequenceModel)
    (x: torch.Tensor, start: torch.Tensor)
    choice
    (probabilities: float[])
    =
    let count = 4000
    let drawn = Decoding.Decode(model, x, start, choice, 1, [||], count)
    let drawn = drawn.data<int64>().ToArray()

    for token in 0 .. probabilities.Length - 1 do
        let p = probabilities[token]

        let share =
            float (drawn |> Array.filter ((=) (int64 token)) |> Array.length) / float count

        let deviation = sqrt (p * (1.0 - p) / float count)
        Assert.True(abs (share - p) <= 5.0 * deviation, $"token {token}: {share} for {p}")

[<Fact>]
let ``tokens come as often as temperature, top-k and top-p say`` () =
    use scope = torch.NewDisposeScope()
    let _, words = exchanges[0]
    let x, start = torch.tensor (array2D [ [ 2L; 4L; 10L ] ]), torch.tensor [| 6L |]
    let generator = new torch.Generator(5UL)

    for model in [ toy 3 :> SequenceModel; new EquituneSequenceModel(toy 3, words, words) ] do
        let logits = model.call(x, start.unsqueeze 0).flatten().data<float>().ToArray()

        let softmax temperature (kept: int -> bool) =
            let weights =
                logits |> Array.mapi (fun i l -> if kept i then exp (l / temperature) else 0.0)

            weights |> Array.map (fun w -> w / Array.sum weights)

        let order = [| 0..11 |] |> Array.sortByDescending (fun i -> logits[i])
        let place i = Array.IndexOf(order, i)
        requireShares model (x, start) (TokenChoice.Sample generator) (softmax 1.0 (fun _ -> true))
        requireShares model (x, start) (TokenChoice.Sample(generator, 0.5)) (softmax 0.5 (fun _ -> true))

        requireShares
            model
            (x, start)
            (TokenChoice.Sample(generator, topK = 3))
            (softmax 1.0 (fun i -> place i < 3))

        requireShares
            model
            (x, start)
            (TokenChoice.Sample(generator, topK = 100))
            (softmax 1.0 (fun _ -> true))

        requireShares
            model
            (x, start)
            (TokenChoice.Sample(generator, topP = 1.0))
            (softmax 1.0 (fun _ -> true))

        let all = softmax 2.0 (fun _ -> true)

        let before i =
            order |> Array.take (place i) |> Array.sumBy (fun j -> all[j])

        requireShares
            model
            (x, start)
            (TokenChoice.Sample(generator, 2.0, topP = 0.6))
            (softmax 2.0 (fun i -> before i < 0.6))
        // Of the five best, those that make up 0.6 of what the five have.
        let five = softmax 2.0 (fun i -> place i < 5)

        let before i =
            order |> Array.take (place i) |> Array.sumBy (fun j -> five[j])

        requireShares
            model
            (x, start)
            (TokenChoice.Sample(generator, 2.0, 5, 0.6))
            (softmax 2.0 (fun i -> place i < 5 && before i < 0.6))

        // The best token is always left.
        let greedy = decode model TokenChoice.Greedy (x, start) 1
        Assert.True(same greedy (decode model (TokenChoice.Sample(generator, topK = 1)) (x, start) 1))
        Assert.True(same greedy (decode model (TokenChoice.Sample(generator, topP = 1e-9)) (x, start) 1))

[<Fact>]
let ``one state of the generator has one result, and the next another`` () =
    use scope = torch.NewDisposeScope()
    let x, start = tokens (Random 1) 0 12 [ 4L; 3L ], tokens (Random 2) 0 12 [ 4L ]
    let model = toy 2
    let first = decode model (sample 7) (x, start) 3
    let before = randomState ()
    let choice = sample 7
    Assert.True(same first (decode model choice (x, start) 3))
    Assert.False(same first (decode model choice (x, start) 3))
    Assert.Equal<byte[]>(before, randomState ())

[<Fact>]
let ``a sentence is read once for all its continuations`` () =
    use scope = torch.NewDisposeScope()
    let _, words = exchanges[0]
    let model = toy 1
    use design = new EquituneSequenceModel(model, words, words)
    let x, start = tokens (Random 1) 0 12 [ 2L; 3L ], tokens (Random 2) 0 12 [ 2L ]
    let many = decode design TokenChoice.Greedy (x, start) 5
    // Twice eight rows were read, by one call.
    Assert.Equal(1, model.Meter.Calls)
    Assert.Equal(16L, model.Meter.Rows)
    let one = decode design TokenChoice.Greedy (x, start) 1
    Assert.True(same (one.repeat_interleave (5L, 0L)) many)

[<Fact>]
let ``a target ends at the first stop token, whatever the others do`` () =
    use scope = torch.NewDisposeScope()
    let model = toy 8
    let x, start = tokens (Random 5) 0 12 [ 12L; 4L ], tokens (Random 6) 0 12 [ 12L ]
    let free = Decoding.Decode(model, x, start, TokenChoice.Greedy, 12, [||])
    // Tokens that really come, at different places.
    let stops = [| free[0, 3].item<int64>(); free[7, 5].item<int64>() |]
    let stopped = Decoding.Decode(model, x, start, TokenChoice.Greedy, 12, stops)

    for row in 0L .. 11L do
        let free = free.select(0, row).data<int64>().ToArray() |> List.ofArray

        let expected =
            match List.tryFindIndex (fun t -> Array.contains t stops) free with
            | Some place -> List.take place free @ List.replicate (12 - place) free[place]
            | None -> free

        Assert.Equal<int64 list>(expected, stopped.select(0, row).data<int64>().ToArray() |> List.ofArray)

    Assert.Equal<int64[]>(
        [| 12L; 0L |],
        (Decoding.Decode(model, x, start, TokenChoice.Greedy, 0, stops)).shape
    )

/// Notes how many tensors there are at every step.
type private Counting(choice: TokenChoice) =
    inherit TokenChoice()
    member val Counts = ResizeArray<int64>()

    override this.Choose logits =
        this.Counts.Add torch.Tensor.TotalCount
        choice.Choose logits

[<Fact>]
let ``a thousand tokens leave no more tensors than ten`` () =
    use scope = torch.NewDisposeScope()
    let _, words = exchanges[0]
    let x, start = tokens (Random 1) 0 12 [ 3L; 4L ], tokens (Random 2) 0 12 [ 3L ]

    let sizes =
        Gpt2Config(VocabularySize = 12, ContextLength = 1005, Width = 8, Layers = 2, Heads = 2)

    let gpt2 = new Gpt2(sizes, new torch.Generator(1UL))
    gpt2.eval ()

    for model in
        [
            toy 1 :> SequenceModel
            gpt2
            yield! designs words (toy 1)
            new EquituneSequenceModel(gpt2, words, words)
        ] do
        let choice = Counting(sample 3)
        liveTensors () |> ignore
        Decoding.Decode(model, x, start, choice, 1000, [||], 2) |> ignore
        // Garbage of earlier tests may still go meanwhile, so fewer are no fault.
        let settled = choice.Counts[5]
        let most = Seq.max (Seq.skip 5 choice.Counts)
        Assert.True(most <= settled, $"{settled} tensors became {most}")

[<Fact>]
let ``what can't be decoded is a sentence`` () =
    use scope = torch.NewDisposeScope()
    let model = toy 1
    let x, start = tokens (Random 1) 0 12 [ 2L; 3L ], tokens (Random 2) 0 12 [ 2L ]
    use generator = new torch.Generator(1UL)
    refused [ "-1 tokens" ] (fun () -> Decoding.Decode(model, x, start, TokenChoice.Greedy, -1, [||]))
    refused [ "0 targets" ] (fun () -> Decoding.Decode(model, x, start, TokenChoice.Greedy, 1, [||], 0))

    refused [ "[2, 3]"; "[1]" ] (fun () ->
        Decoding.Decode(model, x, start.narrow (0, 0L, 1L), TokenChoice.Greedy, 1, [||]))

    refused [ "[2, 3]" ] (fun () -> Decoding.Decode(model, x, x, TokenChoice.Greedy, 1, [||]))
    refused [ "temperature of 0" ] (fun () -> TokenChoice.Sample(generator, 0.0))
    refused [ "temperature of NaN" ] (fun () -> TokenChoice.Sample(generator, nan))
    refused [ "best 0 tokens" ] (fun () -> TokenChoice.Sample(generator, topK = 0))
    refused [ "top-p"; "1.5" ] (fun () -> TokenChoice.Sample(generator, topP = 1.5))
    refused [ "top-p" ] (fun () -> TokenChoice.Sample(generator, topP = nan))
    let nothing = torch.full ([| 2L; 5L |], nan.ToScalar())
    refused [ "[2, 5]"; "NaN" ] (fun () -> TokenChoice.Greedy.Choose nothing)
    refused [ "[2, 5]" ] (fun () -> (TokenChoice.Sample generator).Choose nothing)

    refused [ "Text 1 is empty" ] (fun () ->
        Decoding.Continue(model, [| [| 1L |]; [||] |], TokenChoice.Greedy, 1, [||]))

    refused [ "1 and 2 tokens"; "PaddingToken" ] (fun () ->
        Decoding.Continue(model, [| [| 1L |]; [| 2L; 3L |] |], TokenChoice.Greedy, 1, [||]))

    let _, words = exchanges[0]
    model.PaddingToken <- 4L
    use design = new EquituneSequenceModel(model, words, words)
    refused [ "padding token 4" ] (fun () -> design.Start x)
    refused [ "padding token 4" ] (fun () -> design.call (x, x))
    design.PaddingToken <- 0L
    Assert.Equal(Nullable 0L, model.PaddingToken)
    (design.Start x).Dispose()
    let other = PermutationAction.Natural(Group.Symmetric 3)
    refused [ "S3" ] (fun () -> SequenceSymmetry(words, other))
