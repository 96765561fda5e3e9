/// Images to classify, in the layouts that people have.
module Equivariant.Tests.ZeroShot.PictureTests

open System
open System.IO
open System.Xml.Linq
open SkiaSharp
open TorchSharp
open Xunit
open Equivariant.Images
open Equivariant.Pretrained
open Equivariant.ZeroShot
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

let private names = "fine_label_names.txt"

/// CIFAR-100 as bytes: as many images as labels, each of the shade of its label.
let writeCifar (folder: string) (classes: string list) (labels: int list) =
    File.WriteAllText(Path.Combine(folder, names), String.concat "\n" classes + "\n")

    for file in [ "train.bin"; "test.bin" ] do
        File.WriteAllBytes(
            Path.Combine(folder, file),
            [|
                for label in labels do
                    0uy
                    byte label

                    for channel in 0..2 do
                        yield! Array.create 1024 (byte (label * 10 + channel))
            |]
        )

[<Fact>]
let ``CIFAR-100 is read from its bytes`` () =
    Program.inFolder (fun folder ->
        writeCifar folder [ "apple"; "aquarium_fish"; "baby" ] [ 2; 0; 1; 2 ]
        Assert.True(Cifar100.isIn folder)
        let _, test = Cifar100.read folder
        Assert.Equal<string>([ "apple"; "aquarium fish"; "baby" ], test.Classes)
        Assert.Equal<int>([ 2; 0; 1; 2 ], test.Labels)
        use batch = ImageSet.batch [| 2 |] test
        Assert.Equal<int64[]>([| 1L; 3L; 32L; 32L |], batch.shape)

        Assert.Equal<byte>(
            [ 10uy; 11uy; 12uy ],
            [ for channel in 0L .. 2L -> batch[0L, channel, 31L, 31L].item<byte>() ]
        )

        let file = Path.Combine(folder, "test.bin")
        File.WriteAllBytes(file, (File.ReadAllBytes file)[..5000])
        refused [ file; "5001 bytes"; "3074" ] (fun () -> Cifar100.read folder)
        File.WriteAllBytes(file, [||])
        refused [ file ] (fun () -> Cifar100.read folder)
        File.Delete file
        refused [ file ] (fun () -> Cifar100.read folder)
        writeCifar folder [ "apple"; "baby" ] [ 0; 7 ]
        refused [ "train.bin"; "class 7"; "2 names" ] (fun () -> Cifar100.read folder)
        File.Delete(Path.Combine(folder, names))

        for file in [ "meta"; "test" ] do
            File.WriteAllText(Path.Combine(folder, file), "pickled")

        Assert.True(Cifar100.isIn folder)
        refused [ folder; "pickles"; "train.bin" ] (fun () -> Cifar100.read folder))

let private writeImage (path: string) width height (shade: byte) =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    use bitmap = new SKBitmap(int width, int height)
    bitmap.Erase(SKColor(shade, 0uy, 255uy))
    use data = bitmap.Encode(SKEncodedImageFormat.Png, 100)
    File.WriteAllBytes(path, data.ToArray())

[<Fact>]
let ``folders may be called by names or by numbers`` () =
    Program.inFolder (fun folder ->
        // Ordinally 10 comes before 2.
        for number in [ 0; 2; 10 ] do
            writeImage (Path.Combine(folder, string number, "a.png")) 8 6 (byte number)

        let set = ImageFolder.find folder |> Pictures.ofFolder 4
        Assert.Equal((4, 4, 3), (set.Height, set.Width, set.Channels))
        let classes = [| for number in 0..11 -> $"class {number}" |]
        let named = Pictures.named "it" classes set
        Assert.Equal<int>([ 0; 10; 2 ], named.Labels)
        Assert.Equal<string>(classes, named.Classes)
        use first = ImageSet.batch [| 1 |] named

        Assert.Equal<byte>(
            [ 10uy; 0uy; 255uy ],
            [ for channel in 0L .. 2L -> first[0L, channel, 0L, 0L].item<byte>() ]
        )

        refused [ "it"; "class 10" ] (fun () -> Pictures.named "it" classes[..5] set)

        let byName = {
            set with
                Classes = [| "Tree_frog"; "dog"; "tench" |]
        }

        let known = [| "tench"; "dog"; "tree frog"; "dog "; "eel" |]
        refused [ "\"dog\""; "2 of the names" ] (fun () -> Pictures.named "it" known byName)
        Assert.Equal<int>([ 2; 1; 0 ], (Pictures.named "it" known[..2] byName).Labels)

        refused [ "it"; "\"tench\""; "not among the 2 names" ] (fun () ->
            Pictures.named "it" [| "dog"; "tree frog" |] byName)
        // A broken file is named.
        let broken = Path.Combine(folder, "2", "a.png")
        File.WriteAllText(broken, "no image")
        refused [ broken ] (fun () -> ImageSet.batch [| 2 |] set))

[<Fact>]
let ``larger images and those that are not square are cut as CLIP cuts them`` () =
    let size = 32
    use image = CentreCrop.FromFile(path "preprocess/photo_90x60.jpg", 60)
    let wide = (joined 2L [ image; image ]).contiguous()
    let bytes = wide.bytes.ToArray()

    let set = {
        Classes = [| "a"; "b" |]
        Labels = [| 1 |]
        Channels = 3
        Height = 60
        Width = 120
        Pixels = fun _ -> ReadOnlyMemory bytes
    }

    let cut = Pictures.fitted size set
    Assert.Equal((size, size, 3), (cut.Height, cut.Width, cut.Channels))
    let expected = CentreCrop.FromPixels(wide, size)
    Assert.True(same expected ((ImageSet.batch [| 0 |] cut).squeeze 0L))
    // What is square and small enough stays as it is.
    let (clothes, _) = FashionMnist.subset ()
    Assert.Equal(28, (Pictures.fitted 224 clothes).Height)
    Assert.Equal(1, (Pictures.fitted 224 clothes).Channels)

[<Fact>]
let ``the first images of each class are parted from the others`` () =
    let (clothes, _) = FashionMnist.subset ()
    let first, others = Pictures.parted 3 clothes
    Assert.Equal(30, first.Count)
    Assert.Equal(clothes.Count - 30, others.Count)
    Assert.All(ImageSet.byClass first, fun rows -> Assert.Equal(3, rows.Length))

    let pixels (set: ImageSet) =
        Set [ for row in 0 .. set.Count - 1 -> (set.Pixels row).ToArray() ]

    Assert.Empty(Set.intersect (pixels first) (pixels others))

[<Fact>]
let ``samples are a picture with every image and every answer`` () =
    use scope = torch.NewDisposeScope()
    let images = torch.randint (0L, 256L, [| 2L; 1L; 6L; 6L |], dtype = torch.uint8)
    let said = [ "plain", [| 0; 1 |]; "<mean>", [| 1; 1 |] ]

    let svg =
        Samples.svg [| "T-shirt & top"; "shoe" |] images (images.flip (-1L)) [| 0; 1 |] said

    let picture = XDocument.Parse svg

    let all name = [
        for part in picture.Descendants() do
            if part.Name.LocalName = name then
                part
    ]

    let texts = [ for text in all "text" -> text.Value ]
    Assert.Equal(4, (all "image").Length)
    Assert.Equal(2 * (1 + 2 * 2), texts.Length)
    Assert.Equal(1, texts |> List.filter ((=) "✗ shoe") |> List.length)
    Assert.Equal(2, texts |> List.filter ((=) "✓ shoe") |> List.length)
    Assert.Contains("T-shirt & top", texts)
    let data = (all "image").Head.Attribute(XName.Get "href").Value.Split(',')[1]
    use decoded = SKBitmap.Decode(Convert.FromBase64String data)
    Assert.Equal((6, 6), (decoded.Width, decoded.Height))
    Assert.Equal(images[0, 0, 5, 4].item<byte>(), decoded.GetPixel(4, 5).Green)
