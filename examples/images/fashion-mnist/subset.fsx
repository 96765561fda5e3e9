// Makes the files of this folder from the full Fashion-MNIST: the first images of each class, in their order.
//     dotnet build examples/images -c Release
//     dotnet fsi examples/images/fashion-mnist/subset.fsx DIRECTORY [TARGET]
// DIRECTORY has the four files of Fashion-MNIST (Debian: package dataset-fashion-mnist, /usr/share/datasets/fashion-mnist);
// TARGET is this folder if nothing else is said. The same files give the same bytes.

#r "../bin/Release/net10.0/Equivariant.Core.dll"
#r "../bin/Release/net10.0/Equivariant.Images.dll"

open System.IO
open Equivariant.Images

let source, target =
    match List.ofArray fsi.CommandLineArgs with
    | [ _; source ] -> source, __SOURCE_DIRECTORY__
    | [ _; source; target ] -> source, target
    | _ -> failwith "usage: dotnet fsi subset.fsx DIRECTORY [TARGET]"

/// The rows of the first images of each class, in order.
let firstOfEach count (labels: byte[]) =
    labels
    |> Array.indexed
    |> Array.groupBy snd
    |> Array.collect (snd >> Array.truncate count)
    |> Array.map fst
    |> Array.sort

/// Some rows of the first axis.
let choose (rows: int[]) (idx: Idx) =
    let size = idx.Shape.Tail |> List.fold (*) 1

    {
        Shape = rows.Length :: idx.Shape.Tail
        Bytes = rows |> Array.collect (fun row -> idx.Bytes[row * size .. (row + 1) * size - 1])
    }

for part, count in [ "train", 500; "t10k", 150 ] do
    let file kind = $"{part}-{kind}-ubyte.gz"
    let labels = Idx.read (Path.Combine(source, file "labels-idx1"))
    let rows = firstOfEach count labels.Bytes

    for kind in [ "images-idx3"; "labels-idx1" ] do
        Idx.read (Path.Combine(source, file kind))
        |> choose rows
        |> Idx.write (Path.Combine(target, file kind))

    printfn $"{part}: {rows.Length} images"
