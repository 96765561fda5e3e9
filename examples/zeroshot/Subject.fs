namespace Equivariant.ZeroShot

open System.IO
open TorchSharp
open Equivariant
open Equivariant.Images

/// <summary>What is classified, and by what: an encoder with class vectors, images to learn from and images to test.</summary>
[<NoEquality; NoComparison>]
type Subject = {
    /// <summary>The encoder, which remembers.</summary>
    Encoder: Remembered
    /// <summary>It and the classes' vectors.</summary>
    Classifier: Classifier
    /// <summary>Images on which weights may be trained; none of them is tested.</summary>
    Taught: ImageSet
    /// <summary>Images to classify.</summary>
    Tested: ImageSet
}

/// <summary>Subjects, from settings.</summary>
[<RequireQualifiedAccess>]
module Subject =

    /// Where the images come from, those to learn from, and those to test.
    let private imageSets
        (directory: string option)
        (side: int)
        (needed: int)
        : string * ImageSet * ImageSet =
        match directory with
        | None ->
            let learning, testing = FashionMnist.subset ()
            "Fashion-MNIST's part", learning, testing
        | Some directory when not (Directory.Exists directory) ->
            refuse $"There is no directory '{directory}'."
        | Some directory ->
            let source = $"'{directory}'"

            let learning, testing =
                if IdxSet.isIn directory then
                    IdxSet.read None directory
                elif Cifar100.isIn directory then
                    Cifar100.read directory
                else
                    let set = ImageFolder.find directory |> Pictures.ofFolder side
                    ImageSet.require source (needed + 1) "learning and testing" set
                    Pictures.parted needed set

            source, learning, testing

    /// <summary>Loads the encoder and the images, and makes the classes' vectors.</summary>
    /// <param name="device">Where they are put.</param>
    /// <param name="tell">Is told what is made on the way.</param>
    /// <param name="encoder">The encoder.</param>
    /// <param name="settings">The settings.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">Something can't be read or does not fit.</exception>
    let load (device: torch.Device) (tell: string -> unit) (encoder: Encoder) (settings: Settings) : Subject =
        let shots = if encoder.Texts.IsSome then 0 else settings.Shots

        let taught =
            if List.contains LambdaEquitune (Settings.methods settings) then
                settings.Taught
            else
                0

        let source, learning, testing =
            imageSets settings.Data encoder.Side (shots + taught)

        match testing.Labels |> Array.distinct with
        | [| only |] ->
            refuse
                $"{source} has images of one class only, \"{testing.Classes[only]}\"; there is nothing to tell apart with less than two."
        | _ -> ()

        let prompts =
            settings.Prompts |> Option.map (fun path -> Prompts.read path settings.Names)

        let given (set: ImageSet) =
            let set = Pictures.fitted encoder.Side set

            match prompts with
            | Some prompts -> Pictures.named source prompts.Classes set
            | None -> set

        let learning, testing = given learning, given testing
        let prototypes, others = Pictures.parted shots learning
        let net = new Remembered(Encoder.sight encoder, settings.Batch)
        net.``to`` device |> ignore

        let weights =
            match encoder.Texts with
            | Some texts ->
                prompts
                |> Option.defaultWith (fun () -> Prompts.plain testing.Classes)
                |> ClassWeights.kept tell texts
            | None ->
                ImageSet.require source shots "its prototype" prototypes
                ClassWeights.ofImages net prototypes

        let factor =
            match settings.Factor, encoder.Factor with
            | Some factor, _
            | None, Some factor -> factor
            | None, None -> refuse $"{encoder.Name} has no factor of its own; give a number."

        {
            Encoder = net
            Classifier = {
                Name = encoder.Name
                Images = image testing.Channels testing.Height testing.Width
                Net = net
                Weights = weights.``to`` device
                Factor = factor
            }
            Taught = ImageSet.firstOfEach taught others
            Tested = ImageSet.firstOfEach settings.PerClass testing
        }

    /// <summary>The encoder that settings name.</summary>
    let encoder (settings: Settings) : Encoder =
        match settings.Model with
        | Some path -> Encoder.clip path settings.Vocabulary
        | None -> Encoder.resNet18 ()
