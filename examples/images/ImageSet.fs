namespace Equivariant.Images

open System
open TorchSharp
open Equivariant.Core

/// <summary>Images of one size, each of one of some classes.</summary>
[<NoEquality; NoComparison>]
type ImageSet = {
    /// <summary>The names of the classes, in the order of their numbers.</summary>
    Classes: string[]
    /// <summary>The number of each image's class.</summary>
    Labels: int[]
    /// <summary>1 for grey, 3 for red, green and blue.</summary>
    Channels: int
    /// <summary>Rows of an image.</summary>
    Height: int
    /// <summary>Columns of an image.</summary>
    Width: int
    /// <summary>The bytes of an image, channel by channel, row by row; waits for one that is not decoded yet.</summary>
    Pixels: int -> ReadOnlyMemory<byte>
} with

    /// <summary>How many images there are.</summary>
    member this.Count = this.Labels.Length

/// <summary>Sets of images, whatever they are read from.</summary>
[<RequireQualifiedAccess>]
module ImageSet =

    /// <summary>Some of the images, as a batch.</summary>
    /// <param name="rows">Which, counted from 0.</param>
    /// <param name="set">The images.</param>
    /// <returns>Bytes, <c>[rows, channels, height, width]</c>.</returns>
    /// <exception cref="T:Equivariant.Core.EquivariantException">An image can't be decoded; the message names its file.</exception>
    let batch (rows: int[]) (set: ImageSet) : torch.Tensor =
        let size = set.Channels * set.Height * set.Width
        let bytes = Array.zeroCreate (rows.Length * size)

        rows
        |> Array.iteri (fun place row -> (set.Pixels row).CopyTo(bytes.AsMemory(place * size, size)))

        let shape =
            [| rows.Length; set.Channels; set.Height; set.Width |] |> Array.map int64

        torch.tensor(bytes, dtype = torch.uint8).view shape

    /// <summary>The images of each class, in order.</summary>
    let byClass (set: ImageSet) : int[][] =
        let found =
            Seq.init set.Count id |> Seq.groupBy (fun row -> set.Labels[row]) |> Map.ofSeq

        [|
            for label in 0 .. set.Classes.Length - 1 ->
                found |> Map.tryFind label |> Option.map Array.ofSeq |> Option.defaultValue [||]
        |]

    /// <summary>The images of some rows, as a set of their own.</summary>
    let choose (rows: int[]) (set: ImageSet) : ImageSet = {
        set with
            Labels = rows |> Array.map (fun row -> set.Labels[row])
            Pixels = fun place -> set.Pixels rows[place]
    }

    /// <summary>The first images of each class, as a set of their own.</summary>
    let firstOfEach (count: int) (set: ImageSet) : ImageSet =
        choose (byClass set |> Array.collect (Array.truncate count) |> Array.sort) set

    /// <summary>Refuses a set with less than two classes, or with a class of fewer images than are needed.</summary>
    /// <param name="source">Where the images come from, for the message.</param>
    /// <param name="least">The fewest images of a class.</param>
    /// <param name="why">What needs so many, for the message.</param>
    /// <param name="set">The images.</param>
    let require (source: string) (least: int) (why: string) (set: ImageSet) =
        if set.Classes.Length < 2 then
            refuse
                $"{source} has images of one class only, \"{set.Classes[0]}\"; there is nothing to tell apart with less than two."

        Array.zip set.Classes (byClass set)
        |> Array.tryFind (fun (_, rows) -> rows.Length < least)
        |> Option.iter (fun (name, rows) ->
            let images =
                match rows.Length with
                | 0 -> "no images"
                | 1 -> "one image"
                | count -> $"{count} images"

            refuse $"class \"{name}\" in {source} has {images}, but {why} needs at least {least}.")
