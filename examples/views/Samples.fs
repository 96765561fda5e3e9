namespace Equivariant.Views

open System
open TorchSharp
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Images

/// <summary>Samples of several views of one class: which images they are.</summary>
[<NoEquality; NoComparison>]
type Samples = {
    /// <summary>The images.</summary>
    Images: ImageSet
    /// <summary>The rows of each sample's views.</summary>
    Rows: int[][]
    /// <summary>The class of each sample.</summary>
    Labels: int[]
} with

    /// <summary>How many samples there are.</summary>
    member this.Count = this.Rows.Length

/// <summary>A sample of a batch, and the seed of what happens to its views.</summary>
[<Struct>]
type Drawn = { Sample: int; Seed: int }

/// <summary>What happens to the views of a batch before a network sees them.</summary>
[<NoEquality; NoComparison>]
type Change = {
    /// <summary>Whether they are shifted a little and mirrored at random, as in the paper's training.</summary>
    IsAugmented: bool
    /// <summary>What moves each view: a uniformly drawn element.</summary>
    Moves: TensorAction list
}

/// <summary>Makes samples, and batches of them.</summary>
[<RequireQualifiedAccess>]
module Samples =

    /// <summary>
    /// Divides the images of each class, in their order, into samples of some views; fewer images at the end of a class are left out.
    /// </summary>
    let tuples count (images: ImageSet) : Samples =
        let samples = [|
            for label, rows in Array.indexed (ImageSet.byClass images) do
                for sample in Array.chunkBySize count rows do
                    if sample.Length = count then
                        label, sample
        |]

        {
            Images = images
            Rows = Array.map snd samples
            Labels = Array.map fst samples
        }

    /// How far images are shifted: the paper's 4 pixels of 64, in proportion.
    let private margin side = (side + 8) / 16

    /// Rows or columns of images in a frame of zeros, from a place of each image's own, mirrored where it says so.
    let private cut (axis: int64) side (places: (int * bool)[]) (framed: torch.Tensor) =
        let indices = [|
            for first, isMirrored in places do
                for i in 0 .. side - 1 -> int64 (if isMirrored then first + side - 1 - i else first + i)
        |]

        let shape = Array.copy framed.shape
        shape[int axis] <- int64 side
        let along = [| int64 places.Length; 1L; 1L; 1L |]
        along[int axis] <- int64 side
        let index = torch.tensor(indices).view(along).expand shape
        framed.gather (axis, index)

    /// Shifted by up to the margin, zeros coming in, and mirrored left to right half of the time.
    let private augmented (chances: Random[]) (images: torch.Tensor) =
        let height, width = int images.shape[2], int images.shape[3]
        let down, right = margin height, margin width

        let framed =
            torch.nn.functional.pad (images, [| int64 right; int64 right; int64 down; int64 down |])

        let places largest mayMirror = [|
            for chance in chances -> chance.Next(2 * largest + 1), mayMirror && chance.Next 2 = 1
        |]

        framed |> cut 2L height (places down false) |> cut 3L width (places right true)

    /// Each image moved by an element of its own.
    let private moved (chances: Random[]) (action: TensorAction) (images: torch.Tensor) =
        if action.Group.Order.IsOne then
            images
        else
            let elements = Array.ofSeq action.Group.Elements
            let drawn = chances |> Array.map _.Next(elements.Length)
            let result = torch.empty_like images

            for i, element in Array.indexed elements do
                let rows = [|
                    for row in 0 .. drawn.Length - 1 do
                        if drawn[row] = i then
                            int64 row
                |]

                if rows.Length > 0 then
                    let index = torch.tensor rows

                    result.index_copy_ (0L, index, action.Apply(element, images.index_select (0L, index)))
                    |> ignore

            result

    /// The mean and the deviation of each channel that the paper takes: MNIST's for grey images, ImageNet's for others.
    let private normalised (images: torch.Tensor) =
        let means, deviations =
            if images.shape[1] = 1L then
                [| 0.1307f |], [| 0.3081f |]
            else
                [| 0.485f; 0.456f; 0.406f |], [| 0.229f; 0.224f; 0.225f |]

        let channels (values: float32[]) =
            torch.tensor(values).view(1L, -1L, 1L, 1L)

        (images - channels means) / channels deviations

    /// <summary>Gives some samples seeds.</summary>
    let drawn (random: Random) (samples: int[]) : Drawn[] =
        samples
        |> Array.map (fun sample -> {
            Sample = sample
            Seed = random.Next()
        })

    /// <summary>The views of some samples, as a network takes them.</summary>
    /// <param name="change">What happens to them.</param>
    /// <param name="device">Where they are wanted.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="drawn">Which of them; what happens to each depends on its own seed only, whatever else is in the batch.</param>
    /// <returns>A batch <c>[B, channels, height, width]</c> for each view.</returns>
    let views (change: Change) (device: torch.Device) (samples: Samples) (drawn: Drawn[]) : torch.Tensor[] =
        let chances = drawn |> Array.map (fun each -> Random each.Seed)

        [|
            for view, action in List.indexed change.Moves do
                use scope = torch.NewDisposeScope()
                let rows = drawn |> Array.map (fun each -> samples.Rows[each.Sample][view])
                let images = (ImageSet.batch rows samples.Images).``to``(torch.float32) / 255.0

                let images =
                    (if change.IsAugmented then
                         augmented chances images
                     else
                         images)
                    |> moved chances action
                    |> normalised

                images.``to``(device).MoveToOuterDisposeScope()
        |]

    /// <summary>The classes of some samples.</summary>
    let labels (device: torch.Device) (samples: Samples) (drawn: Drawn[]) : torch.Tensor =
        torch.tensor([| for each in drawn -> int64 samples.Labels[each.Sample] |]).``to`` device
