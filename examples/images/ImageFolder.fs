namespace Equivariant.Images

open System
open System.IO
open System.Threading.Tasks
open Equivariant.Core
open Equivariant.Pretrained

/// <summary>Files of images by class: a directory with a directory for each class.</summary>
[<NoComparison>]
type ImageFolder = {
    /// <summary>The directory.</summary>
    Directory: string
    /// <summary>The names of the classes, ordinally sorted; their numbers are their places.</summary>
    Classes: string[]
    /// <summary>The files, class by class, ordinally sorted within each.</summary>
    Files: string[]
    /// <summary>The number of each file's class.</summary>
    Labels: int[]
    /// <summary>Directories that are no class and were left out.</summary>
    LeftOut: string list
}

/// <summary>How the images of a folder are decoded.</summary>
type Decoding = {
    /// <summary>Rows and columns that every image is resized to, whatever its proportions.</summary>
    Size: int
    /// <summary>Whether colours are turned to grey; else images have three channels, grey ones too.</summary>
    Grey: bool
}

/// <summary>Reads images in folders, such as Caltech-101's and 15-Scene's.</summary>
[<RequireQualifiedAccess>]
module ImageFolder =

    // Caltech-101's archive has pictures of no category in it.
    let private background = "BACKGROUND_Google"

    let private endings = set [ ".png"; ".jpg"; ".jpeg"; ".gif"; ".bmp"; ".webp" ]

    let private sorted (names: string[]) =
        Array.Sort(names, StringComparer.Ordinal)
        names

    let private nameOf (path: string) = path |> Path.GetFileName |> nonNull

    let private isHidden path = (nameOf path).StartsWith '.'

    let private isImage (path: string) =
        endings.Contains((nonNull (Path.GetExtension path)).ToLowerInvariant())
        && not (isHidden path)

    /// <summary>Finds the images of a directory; none is opened.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There are no classes, or one has no images.</exception>
    let find (directory: string) : ImageFolder =
        let directories, filesOf =
            try
                let directories =
                    Directory.GetDirectories directory |> Array.filter (isHidden >> not) |> sorted

                directories, directories |> Array.map (Directory.GetFiles >> Array.filter isImage >> sorted)
            with
            | :? IOException
            | :? UnauthorizedAccessException as error ->
                refuse $"'{directory}' can't be read: {error.Message.TrimEnd('.')}."

        let leftOut, classes =
            Array.zip directories filesOf
            |> Array.partition (fun (path, _) -> nameOf path = background)

        if Array.isEmpty classes then
            refuse
                $"'{directory}' has no directories: images are expected in a directory for each class, or in IDX files as MNIST's."

        for path, files in classes do
            if Array.isEmpty files then
                refuse
                    $"the class directory '{path}' has no images: PNG, JPEG, GIF, BMP or WebP files. Fill it or remove it."

        {
            Directory = directory
            Classes = classes |> Array.map (fst >> nameOf)
            Files = classes |> Array.collect snd
            Labels =
                classes
                |> Array.mapi (fun label (_, files) -> files |> Array.map (fun _ -> label))
                |> Array.concat
            LeftOut = leftOut |> Array.map fst |> List.ofArray
        }

    /// The bytes of a picture, channel by channel. Grey is weighed as PIL does (ITU-R 601-2, in multiples of 2⁻¹⁶).
    let private channels grey (picture: Picture) =
        let size = picture.Width * picture.Height

        let at pixel channel =
            picture.Bytes[pixel * Picture.Channels + channel]

        if grey then
            Array.init size (fun i ->
                let red, green, blue = int (at i 0), int (at i 1), int (at i 2)
                byte ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >>> 16))
        else
            Array.init (3 * size) (fun i -> at (i % size) (i / size))

    let private decode (decoding: Decoding) path : byte[] =
        Picture
            .Read(path, upright = true)
            .Opaque()
            .Resize(decoding.Size, decoding.Size, ResizingFilter.Bilinear)
        |> channels decoding.Grey

    let private asSet decoding (folder: ImageFolder) (pixels: int -> byte[]) : ImageSet = {
        Classes = folder.Classes
        Labels = folder.Labels
        Channels = if decoding.Grey then 1 else 3
        Height = decoding.Size
        Width = decoding.Size
        Pixels = fun row -> ReadOnlyMemory(pixels row)
    }

    /// <summary>
    /// The images of a folder. Each is decoded once: by a thread of its own, from now on and beside what else is done,
    /// or as soon as somebody asks for it. An image that can't be decoded is refused, with its name, at the next look at any.
    /// </summary>
    let decoded (decoding: Decoding) (folder: ImageFolder) : ImageSet =
        let images = folder.Files |> Array.map (fun path -> lazy (decode decoding path))

        let producer =
            Task.Factory.StartNew(
                (fun () ->
                    for image in images do
                        image.Force() |> ignore),
                TaskCreationOptions.LongRunning
            )

        asSet decoding folder (fun row ->
            if producer.IsFaulted then
                producer.GetAwaiter().GetResult()

            images[row].Force())

    /// <summary>
    /// The images of a folder without those that can't be decoded, and a sentence for each of these. All are decoded
    /// first, since what is left decides which images are trained on.
    /// </summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A class has none left.</exception>
    let decodedSkippingBroken (decoding: Decoding) (folder: ImageFolder) : ImageSet * string list =
        let images = Array.create folder.Files.Length (Error "")

        Parallel.For(
            0,
            images.Length,
            fun row ->
                images[row] <-
                    try
                        Ok(decode decoding folder.Files[row])
                    with :? EquivariantException as error ->
                        Error error.Message
        )
        |> ignore

        let whole, broken =
            Seq.init images.Length id
            |> List.ofSeq
            |> List.partition (fun row -> Result.isOk images[row])

        let rows = Array.ofList whole

        for label in 0 .. folder.Classes.Length - 1 do
            if rows |> Array.forall (fun row -> folder.Labels[row] <> label) then
                refuse
                    $"none of the images of class \"{folder.Classes[label]}\" in '{folder.Directory}' can be decoded."

        let set =
            asSet decoding folder (fun row ->
                match images[row] with
                | Ok bytes -> bytes
                | Error sentence -> refuse sentence)

        ImageSet.choose rows set,
        [
            for row in broken do
                match images[row] with
                | Error sentence -> sentence
                | Ok _ -> ()
        ]
