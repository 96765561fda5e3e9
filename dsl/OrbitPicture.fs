namespace Equivariant

open System
open System.IO
open System.IO.Compression
open System.Text
open TorchSharp
open Equivariant.Core.Groups

/// Drawing an image under all elements of a group.
module internal OrbitPicture =

    /// The most elements that a picture can show.
    let mostElements = 64

    /// A checksum of a chunk, as PNG wants it.
    let private crc (bytes: byte seq) =
        let step (remainder: uint32) =
            if remainder &&& 1u = 1u then
                0xEDB88320u ^^^ (remainder >>> 1)
            else
                remainder >>> 1

        let table = [|
            for byte in 0u .. 255u -> (byte, [ 1..8 ]) ||> List.fold (fun value _ -> step value)
        |]

        ~~~((0xFFFFFFFFu, bytes)
            ||> Seq.fold (fun value byte -> table[int ((value ^^^ uint32 byte) &&& 0xFFu)] ^^^ (value >>> 8)))

    let private bigEndian (number: uint32) = [| for shift in [ 24; 16; 8; 0 ] -> byte (number >>> shift) |]

    /// A PNG file of an image, [height, width, 1 or 3] of bytes.
    let private png height width channels (pixels: byte array) =
        let chunk (name: string) (content: byte array) =
            let body = Array.append (Encoding.ASCII.GetBytes name) content
            Array.concat [ bigEndian (uint32 content.Length); body; bigEndian (crc body) ]

        let compressed =
            use memory = new MemoryStream()

            using (new ZLibStream(memory, CompressionLevel.Optimal)) (fun stream ->
                for row in pixels |> Array.chunkBySize (width * channels) do
                    // Each row says how it is filtered: not at all.
                    stream.WriteByte 0uy
                    stream.Write row)

            memory.ToArray()

        Array.concat [
            [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 0x0Duy; 0x0Auy; 0x1Auy; 0x0Auy |]
            chunk "IHDR" [|
                yield! bigEndian (uint32 width)
                yield! bigEndian (uint32 height)
                8uy
                (if channels = 3 then 2uy else 0uy)
                0uy
                0uy
                0uy
            |]
            chunk "IDAT" compressed
            chunk "IEND" [||]
        ]

    /// Channels, height and width of what can be looked at.
    let private imageOf (space: Space) =
        match space with
        | Numbers [ width ] -> 1, 1, width
        | Numbers [ height; width ] -> 1, height, width
        | Numbers [ 1 | 3 as channels; height; width ] -> channels, height, width
        | other ->
            refuse $"{other} is no image: a picture needs 1 or 3 channels × height × width, or a vector."

    /// Values as bytes: 0 … 1 as they are, bytes as they are, and any others from their least to their greatest.
    let private shades (x: torch.Tensor) =
        let values = x.detach().cpu().``to``(torch.float64)

        if not (values.isfinite().all().item<bool>()) then
            refuse "the image has values that are no numbers, or infinite; there is no picture of them."

        let least, greatest = values.min().item<float>(), values.max().item<float>()

        if x.dtype = torch.uint8 then values / 255.0
        elif least >= 0.0 && greatest <= 1.0 then values
        elif least = greatest then torch.full_like (values, 0.5)
        else (values - least) / (greatest - least)

    /// The image under every element, in a grid, as SVG.
    let ofImage (signal: Signal) (x: torch.Tensor) : Picture =
        use _ = torch.NewDisposeScope()
        let group = signal.Group
        let action = Signal.core signal
        let channels, height, width = imageOf signal.Space
        let shape = [| for length in signal.Space.Shape -> int64 length |]

        if group.Order > bigint mostElements then
            refuse
                $"{group} is too large for a picture of an orbit, which shows at most {mostElements} elements; take a subgroup."

        if x.shape <> shape && x.shape <> Array.append [| 1L |] shape then
            let given = x.shape |> Seq.map string |> joined " × "
            refuse $"the image has to be {signal.Space}, but is {given}."

        // In each row an element, and after it what the powers of the first generator make of it.
        let powers =
            match List.ofSeq group.Generators with
            | first :: _ -> [ for exponent in 0I .. (first: GroupElement).Order - 1I -> first.Pow exponent ]
            | [] -> [ group.Identity ]

        let elements =
            ([], group.Elements)
            ||> Seq.fold (fun found element ->
                if List.contains element found then
                    found
                else
                    found @ [ for power in powers -> power * element ])
            |> Array.ofList

        let images =
            (action.Over elements)
                .Expand((shades x).reshape(Array.append [| 1L |] shape))
                .reshape(int64 elements.Length, int64 channels, int64 height, int64 width)
                .permute(0L, 2L, 3L, 1L)
                .mul(torch.tensor 255.0)
                .round()
                .``to``(torch.uint8)
                .contiguous()

        let pixels =
            images.data<byte>().ToArray() |> Array.chunkBySize (channels * height * width)

        // Small images are shown large, each pixel a square.
        let scale = 112.0 / float (max height width)
        let wide, high = scale * float width, scale * float height
        let labels = elements |> Array.map (Signal.word signal)
        let cell = (labels |> Array.map (Svg.width false) |> Array.max |> max wide) + 18.0
        let line = high + Svg.lineHeight + 18.0

        let columns = min 8 (if powers.Length > 2 then powers.Length else elements.Length)

        let shapes = [
            for i, (label, pixels) in Array.indexed (Array.zip labels pixels) do
                let left = cell * float (i % columns) + (cell - wide) / 2.0
                let top = line * float (i / columns)
                let data = Convert.ToBase64String(png height width channels pixels)

                Svg.tag "image" [
                    "x", left
                    "y", top
                    "width", wide
                    "height", high
                    "preserveAspectRatio", "none"
                    "href", $"data:image/png;base64,{data}"
                ] []

                Svg.text false "middle" (left + wide / 2.0) (top + high + 15.0) label
        ]

        let rows = (elements.Length + columns - 1) / columns

        Svg.document
            $"an image under {group}"
            0
            (cell * float (min columns elements.Length), line * float rows - 18.0)
            shapes
            [ Svg.Words, $"{group}: {ActionExpression.text signal.Action}" ]
