namespace Equivariant.ZeroShot

open System
open System.IO
open Equivariant.Images

/// <summary>CIFAR-100 in its layout of bytes: a record is the number of a group of classes, that of the class, and the image.</summary>
/// <remarks>Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, the "binary version".</remarks>
[<RequireQualifiedAccess>]
module Cifar100 =

    let private side, labels = 32, 2
    let private record = labels + 3 * side * side
    let private namesFile = "fine_label_names.txt"

    /// <summary>Whether a directory has CIFAR-100, in this layout or in that of Python's pickles.</summary>
    let isIn (directory: string) : bool =
        File.Exists(Path.Combine(directory, namesFile))
        || File.Exists(Path.Combine(directory, "meta"))
           && File.Exists(Path.Combine(directory, "test"))

    let private part (directory: string) names (file: string) : ImageSet =
        let path = Path.Combine(directory, file)
        let bytes = readBytes path

        if bytes.Length = 0 || bytes.Length % record <> 0 then
            refuse
                $"'{path}' has {bytes.Length} bytes, which are no whole number of images of {record} bytes; it is cut short or damaged."

        let labels = [| for row in 0 .. bytes.Length / record - 1 -> int bytes[row * record + 1] |]

        match Array.max labels with
        | largest when largest >= Array.length names ->
            refuse $"'{path}' has a class {largest}, but {namesFile} has {names.Length} names."
        | _ -> ()

        {
            Classes = names
            Labels = labels
            Channels = 3
            Height = side
            Width = side
            Pixels =
                fun row -> ReadOnlyMemory(bytes, row * record + record - 3 * side * side, 3 * side * side)
        }

    /// <summary>Reads the training images and the test images of a directory.</summary>
    /// <param name="directory">With train.bin, test.bin and fine_label_names.txt.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A file is missing or damaged, or it is the layout of Python's pickles.</exception>
    let read (directory: string) : ImageSet * ImageSet =
        let path = Path.Combine(directory, namesFile)

        if not (File.Exists path) then
            refuse
                $"'{directory}' has CIFAR-100 as pickles of Python, which are programs and are not run: take the binary version, with train.bin, test.bin and {namesFile}."

        let names =
            (Text.Encoding.UTF8.GetString(readBytes path)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            |> Array.map (_.Trim() >> _.Replace('_', ' '))
            |> Array.filter (fun name -> name <> "")

        part directory names "train.bin", part directory names "test.bin"
