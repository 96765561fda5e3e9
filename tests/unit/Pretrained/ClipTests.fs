module Equivariant.Tests.Pretrained.ClipTests

open System.Collections.Generic
open System.IO
open TorchSharp
open Xunit
open Equivariant.Core.Serialization
open Equivariant.Pretrained
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

/// Features and logits of a model, against the reference's.
let private asExpected (expected: IReadOnlyDictionary<string, torch.Tensor>) (model: Clip) =
    assertClose 1e-4 expected["image_features"] (model.EncodeImage expected["images"])
    assertClose 1e-4 expected["text_features"] (model.EncodeText expected["text"])
    let logits = model.LogitsPerImage(expected["images"], expected["text"])
    assertClose 2e-4 expected["logits_per_image"] logits
    assertClose 2e-4 expected["logits_per_text"] (logits.t ())

[<Fact>]
let ``the vision transformer is the reference's, by both namings`` () =
    use scope = torch.NewDisposeScope()
    let expected = read "clip_vit_tiny/expected.safetensors"

    for name in [ "openai"; "huggingface" ] do
        use model = Clip.Load(path $"clip_vit_tiny/{name}.safetensors")
        asExpected expected model

        let vision =
            [ "conv1"; "ln_pre"; "block.0"; "block.1"; "block.2"; "ln_post" ]
            |> List.map (sprintf "vision.%s")

        agree 1e-4 expected vision (fun observe -> model.EncodeImage(expected["images"], observe) |> ignore)
        let text = [ "text.block.0"; "text.block.1"; "text.ln_final" ]
        agree 1e-4 expected text (fun observe -> model.EncodeText(expected["text"], observe) |> ignore)
        use images = model.Images()
        assertClose 1e-4 expected["image_features"] (images.call expected["images"])

[<Fact>]
let ``without a configuration a head has 64 features`` () =
    use scope = torch.NewDisposeScope()
    let expected = read "clip_vit_tiny/expected.safetensors"

    Program.inFolder (fun folder ->
        for name in [ "openai"; "huggingface" ] do
            let file = Path.Combine(folder, "model.safetensors")
            copyInto folder [ $"clip_vit_tiny/{name}.safetensors", "model.safetensors" ]
            use model = Clip.Load file
            Assert.Equal(1, model.Config.VisionTransformer.Heads)
            assertClose 1e-4 expected["image_features_1head"] (model.EncodeImage expected["images"]))

[<Fact>]
let ``a Hugging Face folder has its own configuration`` () =
    use scope = torch.NewDisposeScope()
    let expected = read "clip_vit_tiny/expected.safetensors"

    Program.inFolder (fun folder ->
        copyInto folder [ "clip_vit_tiny/huggingface.safetensors", "model.safetensors" ]
        let config = Path.Combine(folder, "config.json")

        use both =
            System.Text.Json.JsonDocument.Parse(File.ReadAllText(path "clip_vit_tiny/config.json"))

        let text = both.RootElement.GetProperty("huggingface").GetRawText()
        File.WriteAllText(config, text)

        do
            use model = Clip.Load folder
            asExpected expected model

        let fails (from: string) (into: string) parts =
            Assert.Contains(from, text)
            File.WriteAllText(config, text.Replace(from, into))
            refused parts (fun () -> Clip.Load folder)

        fails "\"vocab_size\": 300" "\"vocab_size\": 301" [ config; "text_config.vocab_size"; "300" ]
        fails "\"model_type\": \"clip\"," "\"model_type\": \"bert\"," [ config; "model_type"; "bert" ]
        fails "\"hidden_act\": \"quick_gelu\"" "\"hidden_act\": \"mish\"" [ config; "hidden_act"; "mish" ]
        fails "\"num_attention_heads\": 4" "\"num_attention_heads\": 5" [ config; "5 heads" ]
        fails "\"image_size\": 32" "\"image_size\": 64" [ config; "vision_config.image_size" ])

[<Fact>]
let ``the ResNet is the reference's`` () =
    use scope = torch.NewDisposeScope()
    let expected = read "clip_rn_tiny/expected.safetensors"

    for place in [ "clip_rn_tiny/openai.safetensors"; "clip_rn_tiny" ] do
        use model = Clip.Load(path place)
        asExpected expected model

        agree
            1e-4
            expected
            [ "vision.stem"; "vision.layer2"; "vision.layer3"; "vision.layer4" ]
            (fun observe -> model.EncodeImage(expected["images"], observe) |> ignore)

        // One image alone gives what it gives among others: batch norms are in evaluation mode.
        let alone = model.EncodeImage(expected["images"].narrow(0, 1L, 1L))
        assertClose 1e-5 (expected["image_features"].narrow(0, 1L, 1L)) alone

[<Fact>]
let ``OpenAI's archives are read, also the one that no CPU can run`` () =
    use scope = torch.NewDisposeScope()
    let expected = read "clip_torchscript/expected.safetensors"

    for name in [ "micro_fp32_cpu"; "micro_fp16_device_constants" ] do
        use model = Clip.Load(path $"clip_torchscript/{name}.pt")
        asExpected expected model
        let struct (_, parameter) = Seq.head (model.named_parameters ())
        Assert.Equal(torch.float32, parameter.dtype)

[<Fact>]
let ``what an archive has besides is dropped and listed`` () =
    let mutable report = Unchecked.defaultof<Weights.LoadReport>

    use model =
        Clip.Load(path "clip_torchscript/micro_fp16_device_constants.pt", &report)

    Assert.Equal<Set<string>>(set [ "context_length"; "input_resolution"; "vocab_size" ], set report.Ignored)
    Assert.Empty report.LeftOver
    Assert.Empty report.Missing

[<Fact>]
let ``what does not fit is a sentence with the file and the tensor`` () =
    use scope = torch.NewDisposeScope()

    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "clip.safetensors")

        let fails parts (change: Dictionary<string, torch.Tensor> -> unit) =
            let tensors = Dictionary(read "clip_vit_tiny/openai.safetensors")
            change tensors
            Safetensors.Save(file, tensors)
            refused (file :: parts) (fun () -> Clip.Load file)

        fails [ "'visual.ln_post.weight'" ] (fun tensors -> tensors.Remove "visual.ln_post.weight" |> ignore)
        fails [ "'text_projection'" ] (fun tensors -> tensors.Remove "text_projection" |> ignore)

        fails [ "'ln_final.weight'" ] (fun tensors ->
            tensors.Clear()
            tensors.Add("x", torch.ones 1L))

        fails [ "'visual.positional_embedding'"; "18 rows" ] (fun tensors ->
            tensors["visual.positional_embedding"] <- torch.zeros (18L, 64L))

        fails [ "'visual.proj'"; "[64, 40]"; "[64, 48]" ] (fun tensors ->
            tensors["visual.proj"] <- torch.zeros (64L, 40L))

        refused [ "nowhere" ] (fun () -> Clip.Load(Path.Combine(folder, "nowhere")))

        refused [ folder; "no weights of this model"; "model.safetensors" ] (fun () ->
            copyInto folder [ "gpt2_tiny/model.safetensors", "clip.safetensors" ]
            Clip.Load folder)

        refused [ "huggingface.safetensors"; "openai.safetensors"; "several" ] (fun () ->
            Clip.Load(path "clip_vit_tiny")))

[<Fact>]
let ``images and texts of other sizes are refused`` () =
    use scope = torch.NewDisposeScope()
    use model = Clip.Load(path "clip_torchscript/micro_fp32_cpu.pt")
    refused [ "[1, 3, 32, 32]"; "16" ] (fun () -> model.EncodeImage(torch.zeros (1L, 3L, 32L, 32L)))
    refused [ "Byte" ] (fun () -> model.EncodeImage(torch.zeros ([| 1L; 3L; 16L; 16L |], torch.uint8)))
    refused [ "9 tokens"; "8" ] (fun () -> model.EncodeText(torch.zeros ([| 1L; 9L |], torch.int64)))

    refused [ "60"; "vocabulary" ] (fun () ->
        model.EncodeText(torch.full ([| 1L; 8L |], 60L.ToScalar(), torch.int64)))
