namespace Equivariant.ZeroShot

open System
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json
open TorchSharp
open Equivariant
open Equivariant.Core
open Equivariant.Core.Serialization
open Equivariant.Images

/// <summary>A unit vector for each class, <c>[E, classes]</c>: an image is of the class whose vector is nearest.</summary>
[<RequireQualifiedAccess>]
module ClassWeights =

    /// <summary>Features of length one, <c>[R, E]</c>.</summary>
    let unit (features: torch.Tensor) : torch.Tensor =
        torch.nn.functional.normalize (features, dim = -1L)

    /// <summary>The vectors of class names: the mean over the templates of the unit features of their sentences, made a unit again.</summary>
    /// <remarks>Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021), its published code.</remarks>
    let ofTexts (texts: TextSide) (prompts: Prompts) : torch.Tensor =
        use scope = torch.NewDisposeScope()

        let vectors = [|
            for name in prompts.Classes do
                use each = torch.NewDisposeScope()
                let features = texts.Encode(Prompts.sentences name prompts)
                (unit ((unit features).mean([| 0L |]))).MoveToOuterDisposeScope()
        |]

        (torch.stack (vectors, 1L)).MoveToOuterDisposeScope()

    /// <summary>Prototypes: the mean of the unit features of some images of each class, made a unit again.</summary>
    /// <param name="net">From images as they come to features, <c>[R, E]</c>.</param>
    /// <param name="images">The images, all of which count.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A class has no image.</exception>
    let ofImages (net: Net) (images: ImageSet) : torch.Tensor =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()

        let device =
            net.parameters ()
            |> Seq.tryHead
            |> Option.map _.device
            |> Option.defaultValue torch.CPU

        let vectors = [|
            for rows in ImageSet.byClass images do
                use each = torch.NewDisposeScope()
                let pixels = Pictures.pixels device rows images
                (unit ((unit (net.call pixels)).mean([| 0L |]))).MoveToOuterDisposeScope()
        |]

        (torch.stack (vectors, 1L)).MoveToOuterDisposeScope()

    /// What a file of vectors is made of.
    let private keyOf (texts: TextSide) (prompts: Prompts) =
        let content =
            JsonSerializer.Serialize(
                struct (texts.Key.Value, prompts.Classes, prompts.Templates),
                JsonSerializerOptions(IncludeFields = true)
            )

        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes content))

    let private keyName, tensorName = "key", "class_weights"

    let private tryRead (path: string) (key: string) : torch.Tensor option =
        try
            let struct (tensors, facts) = Safetensors.Read path

            match facts.TryGetValue keyName, tensors.TryGetValue tensorName with
            | (true, found), (true, weights) when found = key -> Some weights
            | _ ->
                Seq.iter (fun (tensor: torch.Tensor) -> tensor.Dispose()) tensors.Values
                None
        with :? EquivariantException ->
            None

    /// <summary>
    /// The same from the file beside the model where they were kept, if they are of this model, these names and these
    /// templates; else they are made and kept there.
    /// </summary>
    /// <param name="tell">Is told what is made, and why.</param>
    let kept (tell: string -> unit) (texts: TextSide) (prompts: Prompts) : torch.Tensor =
        let path =
            Path.Combine(texts.Folder, $"class-weights-{prompts.Classes.Length}.safetensors")

        let key = keyOf texts prompts

        match (if File.Exists path then tryRead path key else None) with
        | Some weights -> weights
        | None ->
            if File.Exists path then
                tell $"'{path}' was made by another model, or of other names: it is made again."

            let weights = ofTexts texts prompts

            try
                Safetensors.Save(
                    path,
                    dict [ tensorName, weights ] |> Collections.Generic.Dictionary,
                    dict [ keyName, key ] |> Collections.Generic.Dictionary
                )
            with :? EquivariantException as error ->
                tell $"The class weights are not kept: {error.Message}"

            weights
