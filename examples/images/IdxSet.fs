namespace Equivariant.Images

open System
open System.IO
open Equivariant.Core

/// <summary>Sets of images in IDX files, a file of images beside a file of labels.</summary>
[<RequireQualifiedAccess>]
module IdxSet =

    /// <summary>Joins images and labels.</summary>
    /// <param name="source">Where they come from, for messages.</param>
    /// <param name="classes">The names of the classes; none for the numbers themselves.</param>
    /// <param name="images">Images, <c>[N, height, width]</c>, or <c>[N, height, width, channels]</c> of one or three channels.</param>
    /// <param name="labels">Numbers of classes, <c>[N]</c>.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">They don't belong together.</exception>
    let join (source: string) (classes: string[] option) (images: Idx) (labels: Idx) : ImageSet =
        let count, height, width, channels =
            match images.Shape with
            | [ count; height; width ] -> count, height, width, 1
            | [ count; height; width; (1 | 3 as channels) ] -> count, height, width, channels
            | shape ->
                refuse
                    $"{source} holds bytes of {shape.Length} axes; images have three: images, rows and columns."

        if labels.Shape <> [ count ] then
            let lengths = labels.Shape |> List.map string |> String.concat " × "
            refuse $"{source} has {count} images but labels of shape {lengths}; every image needs one."

        if count = 0 || height = 0 || width = 0 then
            refuse $"{source} has no images."

        let largest = int (Array.max labels.Bytes)

        let names =
            classes |> Option.defaultValue [| for label in 0..largest -> string label |]

        if largest >= names.Length then
            refuse $"{source} has a label {largest}, but there are {names.Length} classes, from 0 on."

        let size = height * width

        let pixels row =
            let image = ReadOnlyMemory(images.Bytes, row * size * channels, size * channels)

            if channels = 1 then
                image
            else
                ReadOnlyMemory(
                    Array.init (size * channels) (fun i -> image.Span[(i % size) * channels + i / size])
                )

        {
            Classes = names
            Labels = labels.Bytes |> Array.map int
            Channels = channels
            Height = height
            Width = width
            Pixels = pixels
        }

    let private candidates (part: string) (kind: string) = [
        for separator in [ "-"; "." ] do
            for packed in [ ".gz"; "" ] -> $"{part}{separator}{kind}-ubyte{packed}"
    ]

    let private tryFind (directory: string) part kind =
        candidates part kind
        |> List.map (fun name -> Path.Combine(directory, name))
        |> List.tryFind File.Exists

    /// <summary>Whether a directory holds IDX files under the usual names.</summary>
    let isIn (directory: string) : bool =
        (tryFind directory "train-images" "idx3").IsSome

    /// <summary>Reads the training images and the test images of a directory, in files as MNIST's are named.</summary>
    /// <param name="classes">The names of the classes; none for their numbers.</param>
    /// <param name="directory">With train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-… and t10k-labels-…, each plain or as .gz.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A file is missing, damaged, or does not fit its fellow.</exception>
    let read (classes: string[] option) (directory: string) : ImageSet * ImageSet =
        let find part kind =
            match tryFind directory part kind with
            | Some path -> Idx.read path
            | None -> refuse $"'{directory}' has no file {List.head (candidates part kind)}, packed or not."

        let part name =
            join
                $"'{Path.Combine(directory, name)}'"
                classes
                (find $"{name}-images" "idx3")
                (find $"{name}-labels" "idx1")

        let train, test = part "train", part "t10k"

        if
            (train.Channels, train.Height, train.Width)
            <> (test.Channels, test.Height, test.Width)
        then
            refuse $"'{directory}' has training and test images of different sizes."

        let names =
            if test.Classes.Length > train.Classes.Length then
                test.Classes
            else
                train.Classes

        { train with Classes = names }, { test with Classes = names }
