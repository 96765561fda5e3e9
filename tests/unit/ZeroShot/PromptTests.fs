/// Names of classes, templates, and the vectors that follow from them.
module Equivariant.Tests.ZeroShot.PromptTests

open System
open System.IO
open System.Text.Json
open TorchSharp
open Xunit
open Equivariant.Core.Serialization
open Equivariant.Images
open Equivariant.Pretrained
open Equivariant.ZeroShot
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

let private written (folder: string) (content: string) =
    let file = Path.Combine(folder, "prompts.json")
    File.WriteAllText(file, content)
    file

[<Fact>]
let ``prompts are read, one set or one of several`` () =
    Program.inFolder (fun folder ->
        let one =
            written folder """{ "classes": ["cat", "dog"], "templates": ["a {}.", "the {}, a {}."] }"""

        let prompts = Prompts.read one None
        Assert.Equal<string>([ "cat"; "dog" ], prompts.Classes)
        Assert.Equal<string>([ "a dog."; "the dog, a dog." ], Prompts.sentences "dog" prompts)

        let several =
            written
                folder
                """{ "a_classes": ["x", "y"], "a_templates": ["{}"], "b_classes": ["z", "z"], "b_templates": ["a {}"] }"""

        Assert.Equal<string>([ "x"; "y" ], (Prompts.read several (Some "a")).Classes)
        // ImageNet has two names twice.
        Assert.Equal<string>([ "z"; "z" ], (Prompts.read several (Some "b")).Classes)
        refused [ several; "\"c\""; "\"a\", \"b\"" ] (fun () -> Prompts.read several (Some "c"))
        refused [ several; "several"; "\"a\", \"b\"" ] (fun () -> Prompts.read several None))

[<Theory>]
[<InlineData("""{ "classes": ["cat", "dog"], "templates": ["a photo"] }""",
             "\"a photo\"|no place for a name|{}")>]
[<InlineData("""{ "classes": ["cat"], "templates": ["a {}"] }""", "less than two names")>]
[<InlineData("""{ "classes": ["cat", " "], "templates": ["a {}"] }""", "no name for class 1")>]
[<InlineData("""{ "classes": ["cat", "dog"], "templates": [] }""", "no templates")>]
[<InlineData("""{ "classes": ["cat", 3], "templates": ["a {}"] }""", "\"classes\"|list of texts")>]
[<InlineData("""{ "classes": ["cat", "dog"] }""", "no \"templates\"")>]
[<InlineData("""["cat", "dog"]""", "object")>]
[<InlineData("""{ "classes": """, "not JSON")>]
let ``prompts without sense are refused with the file`` (content: string) (parts: string) =
    Program.inFolder (fun folder ->
        let file = written folder content
        refused (file :: List.ofArray (parts.Split '|')) (fun () -> Prompts.read file None))

[<Fact>]
let ``a file that is not there is refused`` () =
    refused [ "nowhere.json" ] (fun () -> Prompts.read "nowhere.json" None)

/// An encoder of texts whose features are numbers of their letters, and which counts.
let private reading (folder: string) key =
    let mutable count = 0

    let encode (sentences: string[]) =
        count <- count + sentences.Length

        torch.tensor (
            array2D [
                for sentence in sentences ->
                    [
                        for letter in 'a' .. 'h' ->
                            float32 (sentence |> Seq.filter ((=) letter) |> Seq.length) + 0.1f
                    ]
            ]
        )

    {
        Encode = encode
        Key = lazy key
        Folder = folder
    },
    (fun () -> count)

let private prompts = {
    Classes = [| "cabbage"; "bed"; "head" |]
    Templates = [| "a {}"; "bad {}"; "the {} again" |]
}

[<Fact>]
let ``class weights are means of unit features, made units again`` () =
    use scope = torch.NewDisposeScope()
    let texts, _ = reading "." "key"
    let unit (x: torch.Tensor) = x / x.norm (-1, true, 2f)

    let expected = [|
        for name in prompts.Classes ->
            unit ((unit (texts.Encode(Prompts.sentences name prompts))).mean [| 0L |])
    |]

    let weights = ClassWeights.ofTexts texts prompts
    assertClose 1e-6 (torch.stack (expected, 1L)) weights
    Assert.Equal<int64[]>([| 8L; 3L |], weights.shape)

[<Fact>]
let ``class weights are kept beside the model, and made again for anything else`` () =
    use scope = torch.NewDisposeScope()

    Program.inFolder (fun folder ->
        let told = ResizeArray<string>()
        let texts, count = reading folder "one model"
        let first = ClassWeights.kept told.Add texts prompts
        Assert.Equal(9, count ())
        let again = ClassWeights.kept told.Add texts prompts
        Assert.Equal(9, count ())
        Assert.True(same first again)
        Assert.Empty told
        // Other templates, and other names, of as many.
        let reworded = {
            prompts with
                Templates = [| "a {}"; "bad {}"; "the {}" |]
        }

        let other = ClassWeights.kept told.Add texts reworded
        Assert.Equal(18, count ())
        assertClose 1e-6 (ClassWeights.ofTexts texts reworded) other
        Assert.Contains("made again", Assert.Single told)
        // Another model.
        let changed, changedCount = reading folder "another model"
        ClassWeights.kept told.Add changed reworded |> ignore
        Assert.Equal(9, changedCount ())
        Assert.Equal(2, told.Count)
        // A damaged file.
        let file = Assert.Single(Directory.GetFiles folder)
        File.WriteAllBytes(file, (File.ReadAllBytes file)[..40])
        let mended = ClassWeights.kept told.Add changed reworded
        assertClose 1e-6 (ClassWeights.ofTexts changed reworded) mended
        Assert.Equal(3, told.Count)
        ClassWeights.kept told.Add changed reworded |> ignore
        Assert.Equal(3, told.Count))

[<Fact>]
let ``where class weights can't be kept they are still made`` () =
    use scope = torch.NewDisposeScope()
    let told = ResizeArray<string>()
    let texts, _ = reading (Path.Combine("nowhere", "at all")) "key"
    let weights = ClassWeights.kept told.Add texts prompts
    Assert.Equal<int64[]>([| 8L; 3L |], weights.shape)
    Assert.Contains("not kept", Assert.Single told)

/// A folder with the tiny CLIP and a vocabulary of small letters, which end words or not.
let clipFolder (folder: string) =
    copyInto folder [
        "clip_vit_tiny/openai.safetensors", "model.safetensors"
        "clip_vit_tiny/config.json", "config.json"
    ]

    let tokens = [
        for letter in 'a' .. 'z' do
            string letter
            $"{letter}</w>"
    ]

    let numbered =
        (tokens |> List.mapi (fun id token -> token, id))
        @ [ "<|startoftext|>", 298; "<|endoftext|>", 299 ]

    File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(dict numbered))
    File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n")

[<Fact>]
let ``a CLIP of the user's reads names and looks at images`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()

    Program.inFolder (fun folder ->
        clipFolder folder
        let encoder = Encoder.clip folder None
        Assert.Equal(32, encoder.Side)
        let model = Clip.Load folder
        Assert.Equal(model.LogitScale, encoder.Factor.Value, 9)
        Assert.Equal(18.34, encoder.Factor.Value, 2)
        let tokenizer = ClipTokenizer.Load folder
        let expected = model.EncodeText(tokenizer.Encode([| "a cat"; "a dog" |], 16))
        assertClose 1e-5 expected (encoder.Texts.Value.Encode [| "a cat"; "a dog" |])
        // Images as they come are scaled, and enlarged where they are small.
        let x = torch.randint (0L, 256L, [| 2L; 3L; 32L; 32L |], dtype = torch.float32)
        let scaled = ClipPreprocessing.FromPixels(x.``to`` torch.uint8, 32)
        assertClose 1e-4 (model.EncodeImage scaled) ((Encoder.sight encoder).call x)
        // The key knows the weights.
        let key = encoder.Texts.Value.Key.Value
        Assert.Equal(key, (Encoder.clip folder None).Texts.Value.Key.Value)
        let file = Path.Combine(folder, "model.safetensors")
        let struct (tensors, _) = Safetensors.Read file
        tensors["text_projection"].add_(0.5.ToScalar()) |> ignore
        Safetensors.Save(file, tensors)
        let changed = (Encoder.clip folder None).Texts.Value.Key.Value
        Assert.NotEqual<string>(key, changed)
        // And the vocabulary.
        File.AppendAllText(Path.Combine(folder, "merges.txt"), "c a\n")
        Assert.NotEqual<string>(changed, (Encoder.clip folder None).Texts.Value.Key.Value))

[<Fact>]
let ``a model without a tokenizer, or with another's, is refused`` () =
    Program.inFolder (fun folder ->
        copyInto folder [ "clip_vit_tiny/openai.safetensors", "model.safetensors" ]
        refused [ folder; "no tokenizer"; "vocab.json" ] (fun () -> Encoder.clip folder None)
        clipFolder folder

        File.WriteAllText(
            Path.Combine(folder, "vocab.json"),
            JsonSerializer.Serialize(dict [ for id in 0..400 -> $"w{id}", id ])
        )

        refused [ folder; "<|startoftext|>" ] (fun () -> Encoder.clip folder None)
        refused [ "nowhere" ] (fun () -> Encoder.clip (Path.Combine(folder, "nowhere")) None))

[<Fact>]
let ``small images are enlarged as PIL does it`` () =
    use scope = torch.NewDisposeScope()
    let seen = ResizeArray<torch.Tensor>()

    let looking = {
        new torch.nn.Module<torch.Tensor, torch.Tensor>("looking") with
            member _.forward x =
                seen.Add((x.alias ()).DetachFromDisposeScope())
                x.mean [| -1L; -2L |]
    }

    let encoder = {
        Name = "looking"
        Side = 64
        Colours = ColourScale.ResNet18
        Net = looking
        Factor = None
        Texts = None
    }

    let (pictures, _) = FashionMnist.subset ()
    let bytes = ImageSet.batch [| 0; 1; 2 |] pictures
    (Encoder.sight encoder).call(bytes.``to`` torch.float32) |> ignore
    let expected = ColourScale.ResNet18.Apply(CentreCrop.FromPixels(bytes, 64))
    // PIL's weights are whole multiples of 2⁻²², which may round another way.
    assertClose 1.0 expected seen[0]
    // Blue first, and less the means.
    let first = (CentreCrop.FromPixels(bytes, 64)).``to`` torch.float32
    assertClose 1e-4 (first.select (1L, 2L) - 103.1f.ToScalar()) (expected.select (1L, 0L))
