// Draws the picture of README and of the site's first page: what a network says of an image in eight poses, alone and within
// a design. Run it from the repository after a build: dotnet fsi examples/effect.fsx examples/docs/content/effect.svg
#load "equivariant.fsx"

open System.IO
open System.Xml.Linq
open TorchSharp
open Equivariant

let side, kinds = 24, 5
let d4 = dihedral 4
let photograph = image 3 side side |> under d4 symmetries

/// A network with random weights: it answers, but knows nothing of poses.
let net =
    torch.manual_seed 4L |> ignore

    torch.nn.Sequential(
        torch.nn.Conv2d(3L, 16L, 5L, stride = 2L) :> Net,
        torch.nn.ReLU() :> Net,
        torch.nn.Flatten 1L :> Net,
        torch.nn.Linear(16L * 10L * 10L, int64 kinds) :> Net
    )

let within =
    network {
        input "x" photograph
        eq "x" (wrapping "net" (fun () -> net) |> giving (classes kinds)) equitune
        output "x" (classes kinds |> under d4 unmoved)
    }
    |> Model.compile Target.cpu

let picture = Diagram.sample side side
let poses = List.ofSeq d4.Core.Elements

let answers (classify: torch.Tensor -> torch.Tensor) = [
    use _ = torch.no_grad ()

    for pose in poses do
        let x = (Signal.core photograph).Apply(pose, picture.unsqueeze 0L)
        // Differences as a reader sees them: scores are random and small.
        ((classify x * 16.0.ToScalar()).softmax -1L).flatten().data<float32>().ToArray()
]

let images =
    (XDocument.Parse (Diagram.orbit photograph picture).Svg).Descendants()
    |> Seq.filter (fun part -> part.Name.LocalName = "image")
    |> Seq.map (fun part -> part.Attribute(XName.Get "href").Value)
    |> List.ofSeq

let column, left, top, tall = 86.0, 178.0, 12.0, 52.0

let place (number: float) = number.ToString "0.##"

let bars (y: float) colour (rows: float32[] list) = [
    for i, scores in List.indexed rows do
        let x = left + column * float i + 4.0

        for j, score in Array.indexed scores do
            let height = tall * float score

            $"<rect class=\"{colour}\" x=\"{place (x + 13.0 * float j)}\" y=\"{place (y + tall - height)}\" width=\"10\" height=\"{place height}\"/>"

        $"<path class=\"line\" d=\"M{place x} {place (y + tall)} h{place (13.0 * float kinds)}\"/>"
]

let words (y: float) lines = [
    for i, line in List.indexed lines ->
        $"<text x=\"{place (left - 14.0)}\" y=\"{place (y + 18.0 * float i)}\" text-anchor=\"end\">{line}</text>"
]

let first, second = top + column + 4.0, top + column + tall + 30.0
let width, height = left + column * float poses.Length + 8.0, second + tall + 14.0

let svg =
    [
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {place width} {place height}\" width=\"{place width}\" height=\"{place height}\" role=\"img\">"
        "<title>An image in the eight poses of D4. What a network says of it changes with the pose; within equitune it stays.</title>"
        "<style>text { font: 13px 'DejaVu Sans', Verdana, sans-serif; fill: #1d2126 } .paper { fill: #ffffff } .line { stroke: #6b737d }"
        ".alone { fill: #a83600 } .within { fill: #0054d0 } image { image-rendering: pixelated }"
        "@media (prefers-color-scheme: dark) { text { fill: #e8eaed } .paper { fill: #14171c } .line { stroke: #9aa3ad }"
        ".alone { fill: #e27422 } .within { fill: #4a90ff } }</style>"
        $"<rect class=\"paper\" width=\"{place width}\" height=\"{place height}\"/>"
        yield! words (top + 36.0) [ "an image in the"; "eight poses of D4" ]
        for i, data in List.indexed images do
            $"<image x=\"{place (left + column * float i)}\" y=\"{place top}\" width=\"72\" height=\"72\" href=\"{data}\"/>"
        yield! words (first + 26.0) [ "what a network"; "says of it" ]
        yield! bars first "alone" (answers net.call)
        yield! words (second + 26.0) [ "the same network"; "within equitune" ]
        yield! bars second "within" (answers within.Predict)
        "</svg>"
    ]
    |> String.concat "\n"

match List.ofArray fsi.CommandLineArgs with
| [ _; file ] -> File.WriteAllText(file, svg + "\n")
| _ -> printfn "usage: dotnet fsi examples/effect.fsx FILE.svg"
