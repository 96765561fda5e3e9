namespace Equivariant.ZeroShot

open System
open Equivariant.Images
open Equivariant.Pretrained

/// <summary>Images to classify, in whatever layout they are: square, and not larger than an encoder looks at.</summary>
/// <remarks>
/// Groups move these pixels. Small images are enlarged by the network that the groups surround, so that transforms of
/// them are cheap; what is larger is cut and resized first, as the published code does it.
/// </remarks>
[<RequireQualifiedAccess>]
module Pictures =

    let private bytesOf (image: TorchSharp.torch.Tensor) =
        use image = image
        ReadOnlyMemory(image.bytes.ToArray())

    /// <summary>A set of square images of at most a side: others are resized and cut.</summary>
    let fitted (side: int) (set: ImageSet) : ImageSet =
        if set.Height = set.Width && set.Height <= side then
            set
        else
            {
                set with
                    Channels = 3
                    Height = side
                    Width = side
                    Pixels =
                        fun row ->
                            use images = ImageSet.batch [| row |] set
                            bytesOf (CentreCrop.FromPixels(images, side))
            }

    /// <summary>The images of a folder, resized and cut to a side; each is decoded when it is asked for.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">An image can't be decoded; the message names its file.</exception>
    let ofFolder (side: int) (folder: ImageFolder) : ImageSet = {
        Classes = folder.Classes
        Labels = folder.Labels
        Channels = 3
        Height = side
        Width = side
        Pixels = fun row -> bytesOf (CentreCrop.FromFile(folder.Files[row], side))
    }

    /// <summary>Some rows of a set as an encoder takes them, bytes as floats, <c>[rows, channels, height, width]</c>.</summary>
    let pixels (device: TorchSharp.torch.Device) (rows: int[]) (set: ImageSet) : TorchSharp.torch.Tensor =
        (ImageSet.batch rows set).``to``(TorchSharp.torch.float32).``to`` device

    let private plainly (name: string) =
        name.Replace('_', ' ').Trim().ToLowerInvariant()

    /// <summary>
    /// Gives the classes of a set the numbers that a list of names has for them: by number, where they are called by
    /// numbers as ImageNetV2's folders are, else by name.
    /// </summary>
    /// <param name="source">Where the images come from, for messages.</param>
    /// <param name="names">The names, in the order of their numbers.</param>
    /// <param name="set">The images.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A class is not among the names, or more than once.</exception>
    let named (source: string) (names: string[]) (set: ImageSet) : ImageSet =
        let numbers =
            set.Classes
            |> Array.map (fun name ->
                match Int32.TryParse name with
                | true, number when number >= 0 -> Some number
                | _ -> None)

        let byName (name: string) =
            match
                names
                |> Array.indexed
                |> Array.filter (fun (_, known) -> plainly known = plainly name)
            with
            | [| number, _ |] -> number
            | [||] ->
                refuse
                    $"{source} has a class \"{name}\", which is not among the {names.Length} names that are given: call classes by these, or by their numbers from 0."
            | several ->
                refuse
                    $"{source} has a class \"{name}\", but {several.Length} of the names that are given are that."

        let places =
            if Array.forall Option.isSome numbers then
                Array.choose id numbers
            else
                set.Classes |> Array.map byName

        match places |> Array.tryFind (fun place -> place >= names.Length) with
        | Some place ->
            refuse $"{source} has a class {place}, but names are given for 0 to {names.Length - 1}."
        | None -> {
            set with
                Classes = names
                Labels = set.Labels |> Array.map (fun label -> places[label])
          }

    /// <summary>Parts a set: the first images of each class, and all others.</summary>
    let parted (first: int) (set: ImageSet) : ImageSet * ImageSet =
        let byClass = ImageSet.byClass set
        let taken = byClass |> Array.collect (Array.truncate first) |> Array.sort

        let left =
            byClass
            |> Array.collect (fun rows -> Array.skip (min first rows.Length) rows)
            |> Array.sort

        ImageSet.choose taken set, ImageSet.choose left set
