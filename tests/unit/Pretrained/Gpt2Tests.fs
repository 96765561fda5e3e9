module Equivariant.Tests.Pretrained.Gpt2Tests

open System
open System.Collections.Generic
open System.IO
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Sequences
open Equivariant.Core.Groups
open Equivariant.Core.Serialization
open Equivariant.Pretrained
open Equivariant.Pretrained.Weights
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

let private tiny () = Gpt2.Load(path "gpt2_tiny")

/// Continues texts by the best token.
let private continued (model: SequenceModel) (ids: torch.Tensor) count =
    use scope = torch.NewDisposeScope()
    let length = ids.shape[1]

    let added =
        Decoding.Decode(
            model,
            ids.narrow (1, 0L, length - 1L),
            ids.select (1, length - 1L),
            TokenChoice.Greedy,
            count,
            [||]
        )

    (joined 1L [ ids; added ]).MoveToOuterDisposeScope()

[<Fact>]
let ``logits, hidden states and what is inside blocks are the reference's`` () =
    use scope = torch.NewDisposeScope()

    for folder, tolerance, layers in [ "gpt2_tiny", 1e-4, 3; "gpt2_prefixed_fp16", 5e-5, 2 ] do
        let expected = read $"{folder}/expected.safetensors"
        use model = Gpt2.Load(path folder)
        let hidden = [ for i in 0..layers -> $"hidden_states.{i}" ]

        let blocks = [
            for i in 0 .. layers - 1 do
                for part in [ "attn_out"; "mlp_out"; "output" ] -> $"block.{i}.{part}"
        ]

        let names = [
            for name in hidden @ blocks do
                if expected.ContainsKey name then
                    name
        ]

        Assert.True(folder <> "gpt2_tiny" || names.Length = 13)

        agree tolerance expected names (fun observe ->
            assertClose tolerance expected["logits"] (model.Logits(expected["input_ids"], observe)))

        use asModule = model.AsModule()
        assertClose tolerance expected["logits"] (asModule.call expected["input_ids"])

[<Fact>]
let ``the loss is the reference's`` () =
    use scope = torch.NewDisposeScope()
    let expected = read "gpt2_tiny/expected.safetensors"
    use model = tiny ()
    assertClose 1e-4 expected["loss"] (model.Loss expected["input_ids"])

[<Fact>]
let ``greedy continuation is the reference's, with the cache and without`` () =
    use scope = torch.NewDisposeScope()

    for folder in [ "gpt2_tiny"; "gpt2_prefixed_fp16" ] do
        let expected = read $"{folder}/expected.safetensors"
        use model = Gpt2.Load(path folder)
        let ids, greedy = expected["input_ids"], expected["greedy_ids"]
        let count = int (greedy.shape[1] - ids.shape[1])
        Assert.True(same greedy (continued model ids count))
        let mutable all = ids

        for _ in 1..count do
            all <- joined 1L [ all; (model.Logits all).select(1, -1L).argmax(-1L).unsqueeze 1 ]

        Assert.True(same greedy all)

[<Fact>]
let ``pytorch_model.bin gives the same model`` () =
    use scope = torch.NewDisposeScope()

    Program.inFolder (fun folder ->
        copyInto folder [
            "gpt2_prefixed_fp16/pytorch_model.bin", "pytorch_model.bin"
            "gpt2_prefixed_fp16/config.json", "config.json"
        ]

        let expected = read "gpt2_prefixed_fp16/expected.safetensors"
        let mutable report = Unchecked.defaultof<LoadReport>
        use model = Gpt2.Load(folder, &report)
        assertClose 5e-5 expected["logits"] (model.Logits expected["input_ids"])
        Assert.Contains("transformer.h.0.attn.bias", report.Ignored)
        Assert.Contains("lm_head.weight", report.Ignored)
        Assert.Empty report.LeftOver
        use single = Gpt2.Load(Path.Combine(folder, "pytorch_model.bin"), torch.float64)
        let logits = single.Logits expected["input_ids"]
        Assert.Equal(torch.float64, logits.dtype)
        assertClose 5e-6 (expected["logits"].``to`` torch.float64) logits)

[<Fact>]
let ``weights of any floating type are cast while they are read`` () =
    use scope = torch.NewDisposeScope()

    Program.inFolder (fun folder ->
        copyInto folder [ "gpt2_tiny/config.json", "config.json" ]
        let expected = read "gpt2_tiny/expected.safetensors"
        let tensors = read "gpt2_tiny/model.safetensors"

        let logits (kind: torch.ScalarType) (back: torch.ScalarType) =
            let cast =
                Dictionary(
                    dict [
                        for KeyValue(name, tensor) in tensors -> name, tensor.``to``(kind).``to`` back
                    ]
                )

            Safetensors.Save(Path.Combine(folder, "model.safetensors"), cast)
            use model = Gpt2.Load folder
            model.Logits expected["input_ids"]

        for kind in [ torch.bfloat16; torch.float16; torch.float64 ] do
            Assert.True(same (logits kind torch.float32) (logits kind kind))

        use half = Gpt2.Load(folder, torch.bfloat16)
        Assert.Equal(torch.bfloat16, (half.Logits expected["input_ids"]).dtype))

[<Fact>]
let ``tensors that may be missing are zero, and are listed`` () =
    use scope = torch.NewDisposeScope()

    Program.inFolder (fun folder ->
        copyInto folder [ "gpt2_tiny/config.json", "config.json" ]
        let tensors = Dictionary(read "gpt2_tiny/model.safetensors")
        tensors.Remove "h.2.ln_1.weight" |> ignore
        tensors.Add("score.weight", torch.ones 2L)
        Safetensors.Save(Path.Combine(folder, "model.safetensors"), tensors)
        let mutable report = Unchecked.defaultof<LoadReport>
        use model = Gpt2.Load(folder, &report, options = LoadOptions.Partial)
        Assert.Equal<string>([ "h.2.ln_1.weight" ], report.Missing)
        Assert.Equal<string>([ "score.weight" ], report.LeftOver)

        let struct (_, missing) =
            model.named_parameters ()
            |> Seq.find (fun struct (name, _) -> name = "h.2.ln_1.weight")

        Assert.Equal(0f, missing.abs().sum().item<float32>())

        let whole = tensors.Keys |> Seq.filter _.StartsWith("h.2.") |> List.ofSeq

        for name in whole do
            tensors.Remove name |> ignore

        Safetensors.Save(Path.Combine(folder, "model.safetensors"), tensors)
        use shallow = Gpt2.Load(folder, &report, options = LoadOptions.Partial)
        Assert.Equal(12, report.Missing.Count)

        refused [ "'score.weight'" ] (fun () ->
            Gpt2.Load(folder, options = LoadOptions(AllowMissing = true))))

[<Fact>]
let ``steps score as forward does, for rows in any order and more than once`` () =
    use scope = torch.NewDisposeScope()
    use model = tiny ()
    let random = Random 3
    let source, prefix = tokens random 0 257 [ 3L; 5L ], tokens random 0 257 [ 3L; 40L ]
    let scores = model.call (source, prefix)
    assertClose 1e-4 (model.Logits(joined 1L [ source; prefix ]).narrow(1, 5L, 40L)) scores
    use state = model.Start source
    let rows = torch.tensor [| 2L; 0L; 2L; 1L |]
    state.Select rows
    let scores, prefix = scores.index_select (0, rows), prefix.index_select (0, rows)

    for t in 0L .. 39L do
        assertClose 1e-4 (scores.select (1, t)) (model.Step(state, prefix.select (1, t)))

[<Fact>]
let ``padded sources score as each does alone`` () =
    use scope = torch.NewDisposeScope()
    // In double precision only what is wrong differs.
    use model = Gpt2.Load(path "gpt2_tiny", torch.float64)
    model.PaddingToken <- 256L
    let random = Random 4
    let lengths = [ 6L; 2L; 4L ]
    let sources = [ for n in lengths -> tokens random 0 256 [ 1L; n ] ]
    let prefix = tokens random 0 256 [ 3L; 7L ]

    let padded =
        joined 0L [
            for source in sources ->
                joined 1L [
                    source
                    torch.full ([| 1L; 6L - source.shape[1] |], 256L.ToScalar(), torch.int64)
                ]
        ]

    let all = model.call (padded, prefix)
    use state = model.Start padded

    for t in 0L .. 6L do
        assertClose 1e-10 (all.select (1, t)) (model.Step(state, prefix.select (1, t)))

    for i in 0..2 do
        let alone = model.call (sources[i], prefix.narrow (0, int64 i, 1L))
        assertClose 1e-10 alone (all.narrow (0, int64 i, 1L))

[<Fact>]
let ``texts of different lengths are continued as each is alone`` () =
    use scope = torch.NewDisposeScope()
    use gpt2 = tiny ()
    let random = Random 5

    let prompts = [|
        for length in [ 1; 7; 4; 7; 2 ] ->
            Array.init length (fun _ -> int64 (random.Next 256)) :> IReadOnlyList<int64>
    |]

    let words =
        PermutationAction(
            Group.Cyclic 2,
            257,
            [|
                Array.init 257 (fun i ->
                    match i with
                    | 0 -> 1
                    | 1 -> 0
                    | 201 -> 202
                    | 202 -> 201
                    | i -> i)
            |]
        )

    for model in [ gpt2 :> SequenceModel; new EquituneSequenceModel(gpt2, words, words) ] do
        let continued prompts length stops count =
            List.ofSeq (Decoding.Continue(model, prompts, TokenChoice.Greedy, length, stops, count))

        model.PaddingToken <- Nullable()

        let alone = [ for prompt in prompts -> List.exactlyOne (continued [| prompt |] 20 [||] 1) ]

        model.PaddingToken <- Nullable 256L
        Assert.Equal<int64[] list>(alone, continued prompts 20 [||] 1)
        let stop = alone[1][6]

        let cut = [
            for text in alone do
                let text = Array.takeWhile ((<>) stop) text
                yield! [ text; text ]
        ]

        Assert.Equal<int64[] list>(cut, continued prompts 20 [| stop |] 2)
        Assert.Equal<int64[] list>(List.replicate 5 [||], continued prompts 0 [||] 1)
        Assert.Empty(continued [||] 20 [||] 1)
        refused [ "65 tokens" ] (fun () -> continued prompts 59 [||] 1)

[<Fact>]
let ``a fresh model follows its seed and trains`` () =
    use scope = torch.NewDisposeScope()

    let config =
        Gpt2Config(
            VocabularySize = 11,
            ContextLength = 8,
            Width = 12,
            Layers = 2,
            Heads = 3,
            EmbeddingDropout = 0,
            AttentionDropout = 0,
            ResidualDropout = 0
        )

    let made (seed: uint64) =
        use generator = new torch.Generator(seed) in new Gpt2(config, generator)

    use first = made 1UL
    use again = made 1UL
    use other = made 2UL
    let ids = torch.arange(8L).unsqueeze 0
    Assert.True(same (first.Logits ids) (again.Logits ids))
    Assert.False(same (first.Logits ids) (other.Logits ids))

    let deviation =
        (Seq.find (fun struct (name, _) -> name = "wte.weight") (first.named_parameters ())
         |> fun struct (_, p) -> p.std().item<float32>())

    Assert.InRange(deviation, 0.015f, 0.025f)
    use optimiser = torch.optim.Adam(first.parameters (), 0.01)
    let start = first.Loss(ids).item<float32>()

    for _ in 1..60 do
        optimiser.zero_grad ()
        use loss = first.Loss ids
        loss.backward ()
        optimiser.step () |> ignore

    Assert.True(first.Loss(ids).item<float32>() < 0.2f * start)

/// The groups of EquiLM, as permutations of the vocabulary.
let private lists degree (cycles: int list list) =
    let image i =
        cycles
        |> List.tryFind (List.contains i)
        |> Option.map (fun cycle -> cycle[(List.findIndex ((=) i) cycle + 1) % cycle.Length])
        |> Option.defaultValue i

    let group = Group.Cyclic cycles.Head.Length
    PermutationAction(group, degree, [| Array.init degree image |])

[<Fact>]
let ``equituned around a group of words it is EquiLM`` () =
    use scope = torch.NewDisposeScope()
    let expected = read "equi/gpt2_equilm.safetensors"
    let ids = expected["input_ids"]

    for name, cycles in [ "g2", [ [ 5; 9 ]; [ 20; 33 ] ]; "g3", [ [ 5; 9; 40 ]; [ 20; 33; 77 ] ] ] do
        let words = lists 257 cycles
        let model = tiny ()
        let logits = expected[$"equi.{name}.logits"]
        use sequence = new EquituneSequenceModel(model, words, words)
        assertClose 1e-4 logits (sequence.call (ids.narrow (1, 0L, 7L), ids.narrow (1, 7L, 3L)))

        // Every transformed text keeps a cache of its own.
        use state = sequence.Start(ids.narrow (1, 0L, 7L))

        for t in 0L .. 2L do
            assertClose 1e-4 (logits.select (1, t)) (sequence.Step(state, ids.select (1, 7L + t)))

        use tensors =
            new Equitune(model.AsModule(), TokenAction words, AxisAction(words, -1))

        assertClose 1e-4 logits ((tensors.call ids).narrow(1, 7L, 3L))

[<Fact>]
let ``what does not fit is a sentence with the file and the word`` () =
    Program.inFolder (fun folder ->
        let config = Path.Combine(folder, "config.json")
        let weights = Path.Combine(folder, "model.safetensors")
        let text = File.ReadAllText(path "gpt2_tiny/config.json")

        let rewritten (change: Dictionary<string, torch.Tensor> -> unit) =
            use scope = torch.NewDisposeScope()
            let tensors = Dictionary(read "gpt2_tiny/model.safetensors")
            change tensors
            Safetensors.Save(weights, tensors)

        let fails parts =
            refused parts (fun () -> Gpt2.Load folder)

        rewritten ignore
        fails [ "config.json"; folder ]
        refused [ "nowhere" ] (fun () -> Gpt2.Load(Path.Combine(folder, "nowhere")))

        for from, into, parts in
            [
                "\"model_type\": \"gpt2\"",
                "\"model_type\": \"llama\"",
                [ config; "model_type"; "\"llama\"" ]
                "\"model_type\": \"gpt2\"", "\"other\": 1", [ config; "model_type"; "nothing" ]
                "\"gelu_new\"", "\"mish\"", [ config; "activation_function"; "mish" ]
                "\"n_head\": 4", "\"n_head\": 5", [ config; "n_head"; "48" ]
                "\"n_head\": 4", "\"n_head\": \"4\"", [ config; "n_head" ]
                "\"n_head\": 4", "\"n_head\": -4", [ config; "n_head"; "-4" ]
                "\"vocab_size\": 257",
                "\"vocab_size\": 300",
                [ weights; "wte.weight"; "vocab_size"; "[257, 48]"; "[300, 48]" ]
                "\"n_positions\": 64", "\"n_positions\": 128", [ weights; "wpe.weight"; "n_positions" ]
                "\"n_layer\": 3", "\"n_layer\": 4", [ weights; "3 blocks"; "n_layer = 4" ]
                "\"n_layer\": 3", "\"n_layer\": 2", [ weights; "3 blocks" ]
                "\"n_inner\": null", "\"n_inner\": 2147483647", [ weights; "h.0.mlp.c_fc.weight"; "n_inner" ]
                "{", "[", [ config; "JSON" ]
            ] do
            File.WriteAllText(config, text.Replace(from, into))
            fails parts

        File.WriteAllText(config, text)
        rewritten (fun tensors -> tensors.Remove "h.1.mlp.c_fc.bias" |> ignore)
        fails [ weights; "'h.1.mlp.c_fc.bias'" ]
        rewritten (fun tensors -> tensors["h.1.mlp.c_fc.weight"] <- tensors["h.1.mlp.c_fc.weight"].t())
        fails [ weights; "'h.1.mlp.c_fc.weight'"; "[192, 48]"; "[48, 192]" ]
        File.WriteAllBytes(weights, (File.ReadAllBytes weights)[..5000])
        fails [ weights ]
        File.Delete weights
        fails [ folder; "model.safetensors" ])

[<Fact>]
let ``texts that the model can't read are refused`` () =
    use scope = torch.NewDisposeScope()
    use model = tiny ()
    refused [ "65 tokens"; "64" ] (fun () -> model.Logits(torch.zeros ([| 1L; 65L |], torch.int64)))

    refused [ "257"; "vocabulary" ] (fun () ->
        model.Logits(torch.full ([| 1L; 2L |], 257L.ToScalar(), torch.int64)))

    refused [ "-1" ] (fun () -> model.Start(torch.full ([| 1L; 2L |], -1L.ToScalar(), torch.int64)))
    refused [ "Int32" ] (fun () -> model.Logits(torch.zeros ([| 1L; 2L |], torch.int32)))
    refused [ "[2]" ] (fun () -> model.Logits(torch.zeros (2L, torch.int64)))
    use state = model.Start(torch.zeros ([| 1L; 64L |], torch.int64))
    refused [ "65 tokens" ] (fun () -> model.Step(state, torch.zeros (1L, torch.int64)))
    refused [ "50257"; "257" ] (fun () -> Gpt2Tokenizer.Standard.RequireFits model)
