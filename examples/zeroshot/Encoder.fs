namespace Equivariant.ZeroShot

open System
open System.IO
open System.Security.Cryptography
open System.Text
open TorchSharp
open Equivariant
open Equivariant.Images
open Equivariant.Pretrained

/// <summary>From sentences to features in the space of an encoder's images.</summary>
[<NoEquality; NoComparison>]
type TextSide = {
    /// <summary>The features of sentences, <c>[sentences, E]</c>.</summary>
    Encode: string[] -> torch.Tensor
    /// <summary>Tells one model from another: the hash of its weights and its vocabulary.</summary>
    Key: Lazy<string>
    /// <summary>The folder of the model's files.</summary>
    Folder: string
}

/// <summary>A pretrained network from images to features.</summary>
[<NoEquality; NoComparison>]
type Encoder = {
    /// <summary>Its name.</summary>
    Name: string
    /// <summary>Rows and columns of the images that it takes.</summary>
    Side: int
    /// <summary>How it wants colours.</summary>
    Colours: ColourScale
    /// <summary>From images <c>[R, 3, side, side]</c>, so scaled, to features <c>[R, E]</c>.</summary>
    Net: Net
    /// <summary>What it multiplies cosines by; none where it was not trained on them.</summary>
    Factor: float option
    /// <summary>Its other side, which reads; none for encoders of images alone.</summary>
    Texts: TextSide option
}

/// An encoder's images as they come: enlarged to its side and scaled, then encoded.
type private Sight(encoder: Encoder) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("sight")

    let net, side, colours = encoder.Net, int64 encoder.Side, encoder.Colours
    do this.register_module ("net", net)

    let enlarged (height: int64) (width: int64) (pixels: torch.Tensor) =
        torch.nn.functional
            .interpolate(
                pixels,
                [| height; width |],
                mode = torch.InterpolationMode.Bicubic,
                align_corners = false,
                antialias = true
            )
            .round()
            .clamp(0.0.ToScalar(), 255.0.ToScalar())

    override _.forward pixels =
        use scope = torch.NewDisposeScope()

        let fitting =
            if pixels.shape[2] = side && pixels.shape[3] = side then
                pixels
            else
                // As PIL does it: rows first, then columns, each rounded to bytes.
                pixels |> enlarged pixels.shape[2] side |> enlarged side side

        (net.call (colours.Apply fitting)).flatten(1L).MoveToOuterDisposeScope()

/// <summary>The encoders of the experiment.</summary>
[<RequireQualifiedAccess>]
module Encoder =

    /// <summary>ResNet-18, pretrained on ImageNet, which comes as a package: images only.</summary>
    let resNet18 () : Encoder = {
        Name = "ResNet-18"
        Side = 224
        Colours = ColourScale.ResNet18
        Net = PackagedModels.ResNet18()
        Factor = None
        Texts = None
    }

    let private vocabularies = [ "vocab.json"; "bpe_simple_vocab_16e6.txt.gz"; "bpe_simple_vocab_16e6.txt" ]

    /// The vocabulary in a model's folder.
    let private vocabularyIn (folder: string) =
        match
            vocabularies
            |> List.map (fun name -> Path.Combine(folder, name))
            |> List.tryFind File.Exists
        with
        | Some path when Path.GetFileName path = vocabularies.Head -> folder
        | Some path -> path
        | None ->
            let names = String.concat ", " vocabularies

            refuse
                $"'{folder}' has no tokenizer beside the model ({names}), so no class names can be read: put one there, or name one."

    /// The hash of all that a model's texts depend on.
    let private keyOf (model: Clip) (vocabulary: string) =
        lazy
            (use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256

             for struct (name, tensor) in model.named_parameters () do
                 use plain = tensor.detach().cpu().contiguous()
                 hash.AppendData(Encoding.UTF8.GetBytes $"{name} {plain.dtype} {plain.numel ()}\n")
                 // Spans end at 2 GB; a tensor of more is seen in rows.
                 if plain.dim () < 2L then
                     hash.AppendData plain.bytes
                 else
                     for row in 0L .. plain.shape[0] - 1L do
                         use part = plain.narrow (0, row, 1L)
                         hash.AppendData part.bytes

             let files =
                 if Directory.Exists vocabulary then
                     [ "vocab.json"; "merges.txt" ]
                     |> List.map (fun name -> Path.Combine(vocabulary, name))
                 else
                     [ vocabulary ]

             for file in files do
                 hash.AppendData(File.ReadAllBytes file)

             Convert.ToHexStringLower(hash.GetHashAndReset()))

    /// <summary>A CLIP of the user's.</summary>
    /// <param name="path">Its file or folder, as <c>Clip.Load</c> takes it.</param>
    /// <param name="vocabulary">Its vocabulary; the one beside it, if none is named.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">It can't be loaded, or has no tokenizer.</exception>
    let clip (path: string) (vocabulary: string option) : Encoder =
        let folder =
            if Directory.Exists path then
                path
            else
                path |> Path.GetFullPath |> Path.GetDirectoryName |> nonNull

        let model = Clip.Load path
        let vocabulary = vocabulary |> Option.defaultWith (fun () -> vocabularyIn folder)
        let tokenizer = ClipTokenizer.Load vocabulary
        tokenizer.RequireFits model

        let encode (sentences: string[]) =
            use _ = torch.no_grad ()
            use tokens = tokenizer.Encode(sentences, model.Config.ContextLength)
            model.EncodeText tokens

        {
            Name = $"CLIP {Path.GetFileNameWithoutExtension(path.TrimEnd(Path.DirectorySeparatorChar))}"
            Side = model.Config.Resolution
            Colours = ColourScale.Clip
            Net = model.Images()
            Factor = Some model.LogitScale
            Texts =
                Some {
                    Encode = encode
                    Key = keyOf model vocabulary
                    Folder = folder
                }
        }

    /// <summary>The encoder as a network from square images as they come, bytes as floats from 0 to 255, <c>[R, 1 or 3, s, s]</c>, to features.</summary>
    let sight (encoder: Encoder) : Net =
        let net = new Sight(encoder)
        net.eval ()
        net
