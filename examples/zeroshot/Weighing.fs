namespace Equivariant.ZeroShot

open System
open TorchSharp
open Equivariant
open Equivariant.Bench
open Equivariant.Images

/// <summary>λ-equitune's weights: a small network on the features of a transform says how much it counts.</summary>
/// <remarks>Source: Basu et al., "Efficient Equivariant Transfer Learning from Pretrained Models" (NeurIPS 2023), its published code.</remarks>
[<RequireQualifiedAccess>]
module Weighing =

    let private width = 100L

    /// <summary>Fresh weights: two hidden layers of 100, with dropout, on features of length one.</summary>
    let fresh (features: int64) : Net =
        torch.nn.Sequential(
            torch.nn.Linear(features, width) :> Net,
            torch.nn.ReLU(),
            torch.nn.Dropout 0.5,
            torch.nn.Linear(width, width),
            torch.nn.Dropout 0.5,
            torch.nn.Linear(width, 1L)
        )

    /// <summary>The weights of images, through the features of a network.</summary>
    let ofImages (net: Net) (weights: Net) : Net =
        torch.nn.Sequential(new Followed(net, ClassWeights.unit) :> Net, weights)

    /// How sharply training tells classes apart: cosines alone would hardly teach.
    let private sharpness = 50.0

    let private rate, momentum = 0.1, 0.9

    /// <summary>How the weights are trained: on transformed images, so that the weighted mean of logits is right.</summary>
    /// <param name="target">Where the design is compiled, on the device of the classifier and the weights.</param>
    /// <param name="epochs">How often all images are seen, each time transformed anew.</param>
    /// <param name="batch">Images of a step.</param>
    /// <param name="classifier">What is weighed.</param>
    /// <param name="symmetry">By which images are transformed.</param>
    /// <param name="images">The images.</param>
    /// <param name="weights">What is trained.</param>
    let training
        (target: Target)
        (epochs: int)
        (batch: int)
        (classifier: Classifier)
        (symmetry: Symmetry)
        (images: ImageSet)
        (weights: Net)
        : Training<struct (int * int)[]> =
        let sharp = { classifier with Factor = sharpness }
        let action = Signal.core (symmetry.Moved classifier.Images)
        let elements = Array.ofSeq (Symmetry.group symmetry).Elements
        let moves = action.Over elements

        let model =
            Method.model
                {
                    Target = target
                    Averaging = Logits
                    Direction = fun shape -> torch.zeros shape
                    Weights = Some(ofImages classifier.Net weights)
                }
                sharp
                symmetry
                LambdaEquitune
            |> Model.compile target

        let device = classifier.Weights.device

        let loss (drawn: struct (int * int)[]) =
            let rows = drawn |> Array.map (fun struct (row, _) -> row)
            let places = drawn |> Array.map (fun struct (_, place) -> int64 place)
            let labels = rows |> Array.map (fun row -> int64 images.Labels[row])
            let x = Pictures.pixels device rows images
            let moved = moves.Select(x, torch.tensor (places, device = device))
            torch.nn.functional.cross_entropy (model.Predict moved, torch.tensor (labels, device = device))

        let batches (random: Random) =
            let order = [| 0 .. images.Count - 1 |]
            random.Shuffle order

            order
            |> Array.chunkBySize batch
            |> Array.map (Array.map (fun row -> struct (row, random.Next elements.Length)))

        let optimiser = torch.optim.SGD(weights.parameters (), rate, momentum)

        Training.plain weights optimiser epochs batches Array.length loss
