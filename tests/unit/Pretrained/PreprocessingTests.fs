module Equivariant.Tests.Pretrained.PreprocessingTests

open System
open System.IO
open System.Text.Json
open TorchSharp
open Xunit
open Equivariant.Pretrained
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Tensors
open Equivariant.Tests.Pretrained.Fixture

/// One grey level after normalisation.
let private level = 1.0 / 255.0 / 0.26130258

let private expected = lazy (read "preprocess/expected.safetensors")

let private files =
    lazy
        (use json = JsonDocument.Parse(File.ReadAllText(path "preprocess/meta.json"))

         [
             for file in json.RootElement.Clone().EnumerateObject() -> file.Name, file.Value
         ])

let private cropped (name: string) size =
    use bytes =
        torch.tensor (CentreCrop.Of(Picture.Read(path $"preprocess/{name}"), size), torch.uint8)

    bytes.view(int64 size, int64 size, 3L).MoveToOuterDisposeScope()

[<Fact>]
let ``images are prepared as PIL does it`` () =
    use scope = torch.NewDisposeScope()
    Assert.Equal(6, files.Value.Length)

    for name, facts in files.Value do
        let stem = Path.GetFileNameWithoutExtension name
        // PNG is decoded exactly; a JPEG may differ in its last bit, with another decoder.
        let levels = if name.EndsWith ".jpg" then 2.0 else 0.0
        let reference = expected.Value
        let u8 = (cropped name 32).``to`` torch.int32
        assertClose levels (reference[$"{stem}.32.u8"].``to`` torch.int32) u8

        assertClose
            (levels * level + 1e-6)
            reference[$"{stem}.32"]
            (ClipPreprocessing.FromFile(path $"preprocess/{name}", 32))

        let large = ClipPreprocessing.FromFile(path $"preprocess/{name}")
        Assert.Equal<int64[]>([| 3L; 224L; 224L |], large.shape)
        let every = torch.arange (8L.ToScalar(), 224L.ToScalar(), 16L.ToScalar())

        assertClose
            (levels * level + 1e-6)
            reference[$"{stem}.224.every16"]
            (large.index_select(1, every).index_select(2, every))

        if levels = 0.0 then
            for size in [ 32; 224 ] do
                let sum = (cropped name size).``to``(torch.int64).sum().item<int64>()
                Assert.Equal(facts.GetProperty(string size).GetProperty("u8_sum").GetInt64(), sum)

            let sum = large.``to``(torch.float64).sum().item<float>()
            Assert.Equal(facts.GetProperty("224").GetProperty("norm_sum_f64").GetDouble(), sum, 2)

[<Fact>]
let ``decoded pixels are prepared alike, as bytes and as floats`` () =
    use scope = torch.NewDisposeScope()
    let reference = expected.Value
    let pixels = reference["photo_90x60.decoded_u8"].permute(2L, 0L, 1L)
    assertClose 1e-6 reference["photo_90x60.32"] (ClipPreprocessing.FromPixels(pixels, 32))
    let floats = pixels.``to``(torch.float32).div(255.0.ToScalar())
    assertClose 1e-6 reference["photo_90x60.32"] (ClipPreprocessing.FromPixels(floats, 32))
    let batch = torch.stack [| pixels; pixels.flip 2L |]
    let two = ClipPreprocessing.FromPixels(batch, 32)
    Assert.Equal<int64[]>([| 2L; 3L; 32L; 32L |], two.shape)
    assertClose 1e-6 reference["photo_90x60.32"] two[0]
    // The filter is symmetric, but not the rounding.
    assertClose (level + 1e-6) (two[0].flip 2L) two[1]
    let grey = ClipPreprocessing.FromPixels(pixels.narrow (0, 0L, 1L), 32)

    let again =
        ClipPreprocessing.FromPixels(pixels.narrow(0, 0L, 1L).expand(3L, -1L, -1L), 32)

    Assert.True(same grey again)

[<Fact>]
let ``the decoder's pixels are those of the reference's decoder, but for the last bits`` () =
    use scope = torch.NewDisposeScope()
    let picture = Picture.Read(path "preprocess/photo_90x60.jpg")

    let decoded =
        torch.tensor(picture.Bytes, torch.uint8).view(60L, 90L, 4L).narrow(2, 0L, 3L)

    assertClose 2.0 (expected.Value["photo_90x60.decoded_u8"].``to`` torch.int32) (decoded.``to`` torch.int32)

[<Fact>]
let ``a picture that has the size already is only cut`` () =
    use scope = torch.NewDisposeScope()
    let pixels = torch.arange(72L).view(3L, 4L, 6L).``to`` torch.uint8
    let cut = ClipPreprocessing.FromPixels(pixels, 4)

    let restored =
        cut
            .mul(torch.tensor([| 0.26862954f; 0.26130258f; 0.27577711f |]).view(3L, 1L, 1L))
            .add(torch.tensor([| 0.48145466f; 0.4578275f; 0.40821073f |]).view(3L, 1L, 1L))

    assertClose 1e-4 (pixels.narrow(2, 1L, 4L).``to`` torch.float32) (restored.mul (255.0.ToScalar()))

[<Fact>]
let ``what is no image is refused with its name`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "x.png")

        let fails parts =
            refused (file :: parts) (fun () -> ClipPreprocessing.FromFile file)

        fails [ "read" ]
        File.WriteAllBytes(file, [||])
        fails [ "no image" ]
        File.WriteAllText(file, "not a picture")
        fails [ "no image" ]

        for name in [ "waves_80x48.png"; "photo_90x60.jpg"; "palette_260x300.png" ] do
            let bytes = File.ReadAllBytes(path $"preprocess/{name}")
            File.WriteAllBytes(file, bytes[.. bytes.Length / 2])
            fails []

        // A header that claims a hundred thousand by a hundred thousand pixels.
        let bytes = File.ReadAllBytes(path "preprocess/waves_80x48.png")
        let claim = [| 0uy; 1uy; 0x86uy; 0xA0uy |]
        Array.blit claim 0 bytes 16 4
        Array.blit claim 0 bytes 20 4
        let mutable crc = 0xFFFFFFFFu

        for b in bytes[12..28] do
            crc <- crc ^^^ uint32 b

            for _ in 1..8 do
                crc <- (crc >>> 1) ^^^ (if crc &&& 1u = 1u then 0xEDB88320u else 0u)

        Array.blit (Array.rev (BitConverter.GetBytes(~~~crc))) 0 bytes 29 4
        File.WriteAllBytes(file, bytes)
        fails [])

    use scope = torch.NewDisposeScope()
    refused [ "[2, 4, 4]" ] (fun () -> ClipPreprocessing.FromPixels(torch.zeros (2L, 4L, 4L)))
    refused [ "Int64" ] (fun () -> ClipPreprocessing.FromPixels(torch.zeros ([| 3L; 4L; 4L |], torch.int64)))
