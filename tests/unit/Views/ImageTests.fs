module Equivariant.Tests.Views.ImageTests

open System
open System.IO
open System.Threading
open FsCheck.FSharp
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Images
open Equivariant.Tests.Expect
open Equivariant.Tests.Program
open Equivariant.Tests

let private path name =
    Path.Combine(AppContext.BaseDirectory, "Views", "data", "pictures", name)

let private colours = { Size = 8; Grey = false }

/// A directory of classes, each with some of the fixture's files.
let private folderOf (root: string) (classes: (string * string list) list) =
    for name, files in classes do
        Directory.CreateDirectory(Path.Combine(root, name)) |> ignore

        for file in files do
            File.Copy(path file, Path.Combine(root, name, file))

    root

/// The first half of a file.
let private cut (file: string) =
    let content = File.ReadAllBytes file
    File.WriteAllBytes(file, content[.. content.Length / 2])

let private two = [ "cat", [ "rgb.png"; "turned-1.jpg" ]; "dog", [ "grey.png"; "alpha.png" ] ]

[<Fact>]
let ``the subset of Fashion-MNIST is balanced, small and with its licence`` () =
    let train, test = FashionMnist.subset ()

    for set, each in [ train, 500; test, 150 ] do
        Assert.Equal<int[]>(Array.create 10 each, ImageSet.byClass set |> Array.map Array.length)
        Assert.Equal((1, 28, 28), (set.Channels, set.Height, set.Width))

    // The full set begins so.
    Assert.Equal<int[]>([| 9; 0; 0; 3; 0; 2; 7; 2; 5; 5 |], Array.truncate 10 train.Labels)
    Assert.Equal<int[]>([| 9; 2; 1; 1; 6; 1; 4; 6; 5; 7 |], Array.truncate 10 test.Labels)

    let folder =
        DirectoryInfo(Repository.path [ "examples"; "images"; "fashion-mnist" ])

    Assert.InRange(folder.GetFiles "*.gz" |> Array.sumBy _.Length, 1L, 3_000_000L)
    Assert.Contains("MIT", File.ReadAllText(Path.Combine(folder.FullName, "LICENSE")))

[<Fact>]
let ``a batch has the pixels of the rows asked for`` () =
    use scope = torch.NewDisposeScope()
    let _, test = FashionMnist.subset ()
    let batch = ImageSet.batch [| 3; 0 |] test
    Assert.Equal<int64[]>([| 2L; 1L; 28L; 28L |], batch.shape)
    Assert.Equal<byte[]>(test.Pixels(0).ToArray(), batch[1].contiguous().bytes.ToArray())
    Assert.Equal<byte[]>(test.Pixels(3).ToArray(), batch[0].contiguous().bytes.ToArray())

[<Property(MaxTest = 20)>]
let ``what is written as IDX is read again, packed or not`` (packed: bool) =
    let sizes =
        Gen.listOf (Gen.choose (0, 4)) |> Gen.filter (fun sizes -> sizes.Length < 5)

    Prop.forAll (Arb.fromGen sizes) (fun shape ->
        inFolder (fun folder ->
            let file = Path.Combine(folder, (if packed then "x.gz" else "x"))

            let idx = {
                Shape = shape
                Bytes = Array.init (List.fold (*) 1 shape) byte
            }

            Idx.write file idx
            let again = Idx.read file
            again.Shape = idx.Shape && again.Bytes = idx.Bytes))

[<Fact>]
let ``IDX files that are cut short or something else are refused by name`` () =
    inFolder (fun folder ->
        let file = Path.Combine(folder, "images.gz")

        Idx.write file {
            Shape = [ 3; 40; 40 ]
            Bytes = Array.init 4800 (fun i -> byte (i * i % 251))
        }

        let whole = File.ReadAllBytes file

        for length in [ 0; 1; 5; 30; whole.Length / 2; whole.Length - 20 ] do
            File.WriteAllBytes(file, whole[.. length - 1])
            refused [ "images.gz" ] (fun () -> Idx.read file)

        let refusedBytes parts bytes =
            refused ("'x'" :: parts) (fun () -> Idx.parse "x" bytes)

        refusedBytes [ "no IDX file" ] [| 1uy; 0uy; 8uy; 1uy |]
        refusedBytes [ "0x0D" ] [| 0uy; 0uy; 0x0Duy; 1uy; 0uy; 0uy; 0uy; 0uy |]
        refusedBytes [ "2 axes" ] [| 0uy; 0uy; 8uy; 2uy; 0uy; 0uy; 0uy; 1uy |]
        refusedBytes [ "3 bytes"; "holds 1" ] [| 0uy; 0uy; 8uy; 1uy; 0uy; 0uy; 0uy; 3uy; 7uy |]
        // Lengths whose product is zero as an int32, and a length that is negative as one.
        let large = [| 0uy; 0uy; 8uy; 2uy; 0uy; 1uy; 0uy; 0uy; 0uy; 1uy; 0uy; 0uy |]
        refusedBytes [ "65536 × 65536" ] large
        refusedBytes [ "damaged" ] [| 0uy; 0uy; 8uy; 1uy; 255uy; 255uy; 255uy; 255uy |]
        refused [ "missing" ] (fun () -> Idx.read (Path.Combine(folder, "missing"))))

[<Fact>]
let ``IDX sets are read under the usual names, and told what does not belong together`` () =
    inFolder (fun folder ->
        Assert.False(IdxSet.isIn folder)

        let write name shape (bytes: byte[]) =
            Idx.write (Path.Combine(folder, name)) { Shape = shape; Bytes = bytes }

        write "train-images-idx3-ubyte" [ 3; 2; 2 ] [| 0uy .. 11uy |]
        write "train-labels.idx1-ubyte.gz" [ 3 ] [| 0uy; 2uy; 1uy |]
        write "t10k-images-idx3-ubyte.gz" [ 1; 2; 2 ] [| 5uy .. 8uy |]
        refused [ "t10k-labels-idx1-ubyte" ] (fun () -> IdxSet.read None folder)
        write "t10k-labels-idx1-ubyte" [ 1 ] [| 3uy |]
        Assert.True(IdxSet.isIn folder)
        let train, test = IdxSet.read None folder
        Assert.Equal<string[]>([| "0"; "1"; "2"; "3" |], train.Classes)
        Assert.Equal<string[]>(train.Classes, test.Classes)
        Assert.Equal<byte[]>([| 4uy .. 7uy |], train.Pixels(1).ToArray())


        refused [ "label 3"; "3 classes" ] (fun () -> IdxSet.read (Some [| "a"; "b"; "c" |]) folder)
        write "t10k-labels-idx1-ubyte" [ 2 ] [| 3uy; 0uy |]
        refused [ "1 images"; "2" ] (fun () -> IdxSet.read None folder))

[<Fact>]
let ``images of all modes are decoded and resized as PIL does it`` () =
    let files =
        Directory.GetFiles(path ".")
        |> Array.filter (fun file -> not (file.EndsWith ".expected.png"))

    Assert.Equal(25, files.Length)

    inFolder (fun folder ->
        let place name = Path.Combine(folder, name)

        for file in files do
            let name = Path.GetFileNameWithoutExtension file
            Directory.CreateDirectory(place $"{Path.GetFileName file}") |> ignore
            File.Copy(file, place $"{Path.GetFileName file}/a{Path.GetExtension file}")
            File.Copy(path $"{name}.expected.png", place $"{Path.GetFileName file}/b.png")

        let found = ImageFolder.find folder
        let set = ImageFolder.decoded colours found

        for row in 0..2 .. set.Count - 1 do
            // JPEG may differ in its last bits, with another decoder.
            let levels = if found.Files[row].EndsWith ".jpg" then 3 else 0
            let actual, expected = set.Pixels(row).ToArray(), set.Pixels(row + 1).ToArray()

            for i in 0 .. actual.Length - 1 do
                Assert.InRange(abs (int actual[i] - int expected[i]), 0, levels))

[<Fact>]
let ``grey is weighed as PIL does it`` () =
    inFolder (fun folder ->
        let found = ImageFolder.find (folderOf folder [ "a", [ "rgb.png"; "grey.png" ] ])
        // At their own size, so that rounding comes once.
        let set = ImageFolder.decoded { Size = 9; Grey = true } found
        Assert.Equal(1, set.Channels)
        let grey, colour = set.Pixels(0).ToArray(), set.Pixels(1).ToArray()

        for i in 0..80 do
            Assert.InRange(abs (int grey[i] - int colour[i]), 0, 1))

[<Fact>]
let ``classes are directories in ordinal order, without the background and what is hidden`` () =
    inFolder (fun folder ->
        folderOf folder [
            "b", [ "grey.png" ]
            "B", [ "rgb.png"; "turned-1.jpg"; "palette.gif" ]
            "a", [ "grey.png" ]
            "BACKGROUND_Google", [ "grey.png" ]
            ".cache", []
        ]
        |> ignore

        File.WriteAllText(Path.Combine(folder, "a", "Thumbs.db"), "no image")
        File.WriteAllText(Path.Combine(folder, "a", ".grey.png"), "no image")
        let found = ImageFolder.find folder
        Assert.Equal<string[]>([| "B"; "a"; "b" |], found.Classes)
        Assert.Equal<int[]>([| 0; 0; 0; 1; 2 |], found.Labels)
        Assert.Equal("palette.gif", Path.GetFileName found.Files[0])
        Assert.Equal<string list>([ Path.Combine(folder, "BACKGROUND_Google") ], found.LeftOut))

[<Fact>]
let ``an empty class, no class, one class and too few images are refused by name`` () =
    inFolder (fun folder ->
        refused [ folder; "no directories" ] (fun () -> ImageFolder.find folder)
        refused [ "nowhere" ] (fun () -> ImageFolder.find (Path.Combine(folder, "nowhere")))
        folderOf folder [ "cat", [ "rgb.png" ] ] |> ignore

        let require least =
            ImageSet.require
                "the folder"
                least
                "a sample of views"
                (ImageFolder.decoded colours (ImageFolder.find folder))

        refused [ "one class only"; "\"cat\"" ] (fun () -> require 1)
        folderOf folder [ "dog", [ "rgb.png"; "grey.png" ] ] |> ignore
        require 1
        refused [ "\"cat\""; "one image"; "at least 2" ] (fun () -> require 2)
        folderOf folder [ "empty", [] ] |> ignore
        refused [ "empty"; "no images" ] (fun () -> ImageFolder.find folder))

[<Fact>]
let ``images are decoded once, in the background, and outlive their files`` () =
    inFolder (fun folder ->
        let set = ImageFolder.decoded colours (ImageFolder.find (folderOf folder two))
        let before = Array.init set.Count (fun row -> set.Pixels(row).ToArray())
        Directory.Delete(Path.Combine(folder, "cat"), true)
        let after = Array.init set.Count (fun row -> set.Pixels(row).ToArray())
        Assert.Equal<byte[][]>(before, after))

[<Fact>]
let ``a broken image stops what looks at others, with its name`` () =
    inFolder (fun folder ->
        let files = ImageFolder.find (folderOf folder two)
        cut files.Files[3]
        let set = ImageFolder.decoded colours files

        let attempt () =
            try
                set.Pixels 0 |> ignore
                None
            with :? EquivariantException as error ->
                Some error.Message

        Assert.True(SpinWait.SpinUntil((fun () -> (attempt ()).IsSome), TimeSpan.FromMinutes 2.0))
        Assert.Contains("grey.png", (attempt ()).Value))

[<Fact>]
let ``broken images are skipped when asked, and a class of nothing else is refused`` () =
    inFolder (fun folder ->
        let files = ImageFolder.find (folderOf folder two)
        cut (Path.Combine(folder, "cat", "turned-1.jpg"))
        let set, skipped = ImageFolder.decodedSkippingBroken colours files
        Assert.Equal<int[]>([| 0; 1; 1 |], set.Labels)
        Assert.Contains("turned-1.jpg", Assert.Single skipped)

        let whole =
            ImageFolder.decodedSkippingBroken colours (ImageFolder.find folder) |> fst

        Assert.Equal(3, whole.Count)
        cut (Path.Combine(folder, "cat", "rgb.png"))
        refused [ "\"cat\""; "can be decoded" ] (fun () -> ImageFolder.decodedSkippingBroken colours files))
