namespace Equivariant.ZeroShot

open System
open System.Globalization
open System.Runtime.InteropServices
open System.Xml.Linq
open SkiaSharp
open TorchSharp
open Equivariant
open Equivariant.Images

/// <summary>A picture of a few images as they were moved, with what each method said of them.</summary>
[<RequireQualifiedAccess>]
module Samples =

    let private side, margin, line, column = 96.0, 16.0, 18.0, 168.0
    let private names = XNamespace.Get "http://www.w3.org/2000/svg"

    let private tag name (attributes: (string * string) list) (content: obj list) =
        XElement(
            names + name,
            [|
                for key, value in attributes -> XAttribute(XName.Get key, value) :> obj
                yield! content
            |]
        )

    let private number (value: float) =
        value.ToString("F1", CultureInfo.InvariantCulture)

    let private text x y colour weight (words: string) =
        tag "text" [ "x", number x; "y", number y; "fill", colour; "font-weight", weight ] [ words ]

    /// The file of an image of bytes, [1 or 3, height, width].
    let private png (image: torch.Tensor) =
        use scope = torch.NewDisposeScope()
        let height, width = int image.shape[1], int image.shape[2]

        let opaque =
            torch.full ([| int64 height; int64 width; 1L |], 255.0.ToScalar(), torch.uint8)

        let pixels =
            torch
                .cat([| image.expand(3L, -1L, -1L).permute(1L, 2L, 0L); opaque |], 2L)
                .contiguous()
                .bytes.ToArray()

        let facts = SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque)
        let pinned = GCHandle.Alloc(pixels, GCHandleType.Pinned)

        try
            use picture = SKImage.FromPixels(facts, pinned.AddrOfPinnedObject(), width * 4)
            use data = picture.Encode(SKEncodedImageFormat.Png, 100)
            data.ToArray()
        finally
            pinned.Free()

    let private picture x y (image: torch.Tensor) =
        tag "image" [
            "x", number x
            "y", number y
            "width", number side
            "height", number side
            "style", "image-rendering: pixelated"
            "href", "data:image/png;base64," + Convert.ToBase64String(png image)
        ] []

    /// <summary>Draws images under a group.</summary>
    /// <param name="classes">The names of the classes.</param>
    /// <param name="images">The images as they are, bytes, <c>[images, 1 or 3, s, s]</c>.</param>
    /// <param name="moved">The same as they were moved.</param>
    /// <param name="labels">Their classes.</param>
    /// <param name="said">For each method the class that it gave to each image.</param>
    /// <returns>The picture, SVG.</returns>
    let svg
        (classes: string[])
        (images: torch.Tensor)
        (moved: torch.Tensor)
        (labels: int[])
        (said: (string * int[]) list)
        : string =
        let height = max (side + line) (line * float (said.Length + 1)) + margin

        let row (i: int) = [
            let top = margin + height * float i
            let left = 2.0 * (side + margin) + margin
            picture margin top (images.select (0L, int64 i))
            picture (2.0 * margin + side) top (moved.select (0L, int64 i))
            text margin (top + side + line) "#333" "bold" classes[labels[i]]

            for place, (method, answers) in List.indexed said do
                let y = top + line * float (place + 1) - 4.0
                let isRight = answers[i] = labels[i]
                text left y "#555" "normal" method

                text
                    (left + column)
                    y
                    (if isRight then "#1a7f37" else "#b42318")
                    "normal"
                    ((if isRight then "✓ " else "✗ ") + classes[answers[i]])
        ]

        let width = 2.0 * (side + margin) + 2.0 * margin + 2.0 * column
        let whole = height * float labels.Length + margin

        (tag "svg" [
            "viewBox", $"0 0 {number width} {number whole}"
            "width", number width
            "height", number whole
            "font-family", "DejaVu Sans, Verdana, sans-serif"
            "font-size", "13"
        ] [
            tag "rect" [ "width", "100%"; "height", "100%"; "fill", "white" ] []
            for i in 0 .. labels.Length - 1 do
                for part in row i do
                    part
        ])
            .ToString()
