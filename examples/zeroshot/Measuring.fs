namespace Equivariant.ZeroShot

open System
open System.Diagnostics
open TorchSharp
open Equivariant
open Equivariant.Core.Distributed
open Equivariant.Core.Groups
open Equivariant.Images

/// <summary>What a method said of images under a group, and what it took.</summary>
type Counted = {
    /// <summary>The group's name.</summary>
    Symmetry: string
    /// <summary>The method's name.</summary>
    Method: string
    /// <summary>Whether the images were moved.</summary>
    Moved: bool
    /// <summary>How many images there were.</summary>
    Images: int
    /// <summary>How many were right.</summary>
    First: int
    /// <summary>How many had their class among the first five.</summary>
    Five: int
    /// <summary>Different images that the encoder was asked for.</summary>
    Asked: int
    /// <summary>The seconds of everything but the encoder.</summary>
    Own: float
}

/// <summary>What some batches of images gave, and what that took.</summary>
type Part = {
    /// <summary>What each method said.</summary>
    Counted: Counted list
    /// <summary>How many images the encoder computed.</summary>
    Computed: int64
    /// <summary>Its seconds.</summary>
    Encoding: float
    /// <summary>All seconds.</summary>
    Seconds: float
}

/// <summary>A method that is ready for images.</summary>
[<NoEquality; NoComparison>]
type Contestant = {
    Symmetry: Symmetry
    Method: Method
    /// <summary>Whether it gets moved images.</summary>
    Moved: bool
    /// <summary>From images to scores.</summary>
    Net: Net
}

/// <summary>Images, moved and classified.</summary>
[<RequireQualifiedAccess>]
module Measuring =

    /// <summary>All methods for all groups, and the classifier alone on images as they are.</summary>
    let contestants
        (aids: Aids)
        (classifier: Classifier)
        (symmetries: Symmetry list)
        (methods: Method list)
        : Contestant list = [
        for symmetry in symmetries do
            for moved in [ false; true ] do
                for method in methods do
                    if Method.fits symmetry method && (moved || method = Plain) then
                        {
                            Symmetry = symmetry
                            Method = method
                            Moved = moved
                            Net = Method.network aids classifier symmetry method
                        }
    ]

    /// <summary>For each of some images an element of a group by which it is moved.</summary>
    /// <param name="together">Whether all of a batch are moved by one, as in the published code.</param>
    /// <param name="seed">From which chance comes.</param>
    /// <param name="batches">How many images each batch has.</param>
    let draws (together: bool) (seed: int) (group: Group) (batches: int[]) : int[][] =
        let random = Random seed
        let order = int group.Order

        [|
            for images in batches ->
                if together then
                    Array.replicate images (random.Next order)
                else
                    Array.init images (fun _ -> random.Next order)
        |]

    /// <summary>Moves images, each by an element of its own.</summary>
    let move (symmetry: Symmetry) (images: Space) (which: int[]) (x: torch.Tensor) : torch.Tensor =
        let elements = Array.ofSeq (Symmetry.group symmetry).Elements
        let action = Signal.core (symmetry.Moved images)
        (action.Over elements).Select(x, torch.tensor (Array.map int64 which, device = x.device))

    /// <summary>Lets contestants classify a batch.</summary>
    /// <param name="ranks">The ranks that share what methods evaluate.</param>
    /// <param name="encoder">What counts the encoder's work.</param>
    /// <param name="drawn">By what the images are moved, for each group's name.</param>
    /// <param name="images">The space of the images.</param>
    /// <param name="contestants">The contestants.</param>
    /// <param name="labels">The classes of the images.</param>
    /// <param name="x">The images, bytes as floats.</param>
    let batch
        (ranks: Ranks)
        (encoder: Remembered)
        (drawn: Map<string, int[]>)
        (images: Space)
        (contestants: Contestant list)
        (labels: int[])
        (x: torch.Tensor)
        : Counted list =
        let moved =
            dict [
                for symmetry in contestants |> List.map _.Symmetry |> List.distinctBy _.Name ->
                    symmetry.Name, move symmetry images drawn[symmetry.Name] x
            ]

        [
            for contestant in contestants do
                use scope = torch.NewDisposeScope()
                use _ = torch.no_grad ()
                encoder.CountAsked ranks |> ignore
                let seconds = encoder.Seconds
                let watch = Stopwatch.StartNew()

                let scores =
                    contestant.Net.call (
                        if contestant.Moved then
                            moved[contestant.Symmetry.Name]
                        else
                            x
                    )

                {
                    Symmetry = contestant.Symmetry.Name
                    Method = Method.name contestant.Method
                    Moved = contestant.Moved
                    Images = labels.Length
                    First = Accuracy.hits 1 labels scores
                    Five = Accuracy.hits 5 labels scores
                    Asked = encoder.CountAsked ranks
                    Own = watch.Elapsed.TotalSeconds - (encoder.Seconds - seconds)
                }
        ]

    /// <summary>Adds up what batches gave.</summary>
    let total (batches: Counted list seq) : Counted list =
        batches
        |> Seq.collect id
        |> List.ofSeq
        |> List.groupBy (fun counted -> counted.Symmetry, counted.Method, counted.Moved)
        |> List.map (fun (_, parts) ->
            parts
            |> List.reduce (fun sum part -> {
                sum with
                    Images = sum.Images + part.Images
                    First = sum.First + part.First
                    Five = sum.Five + part.Five
                    Asked = sum.Asked + part.Asked
                    Own = sum.Own + part.Own
            }))
