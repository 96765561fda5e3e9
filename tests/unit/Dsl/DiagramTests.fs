/// Pictures of models: what is on them can be followed.
module Equivariant.Tests.Dsl.DiagramTests

open System
open System.Text.RegularExpressions
open System.Xml.Linq
open FsCheck.FSharp
open Xunit
open Equivariant
open Equivariant.Tests.Dsl.Drawing

let private d4 = dihedral 4
let private quarter = cyclic 4

/// Twelve blocks between four inputs, in three layers.
let private twelve =
    network {
        input "front" (image 3 16 16 |> under d4 symmetries)
        input "side" (image 3 16 16 |> under quarter rotations)
        input "top" (image 1 16 16 |> under (cyclic 2) reflections)
        input "back" (image 3 16 16 |> under d4 symmetries)
        eq "front" (convNet 8)
        eq "side" (convNet 8)
        eq "top" (convNet 8)
        eq "back" (convNet 8) quotient
        apply relu
        eq "front" (convNet 8)
        is ("side" --> "front") (convNet 8)
        is ("back" --> "side") (convNet 8)
        is ("top" --> "back") (convNet 8)
        apply gelu
        eq "side" (linear 8)
        is ("back" --> "front") (convNet 8)
        is ("front" --> "side") (mlp [ 32; 32 ])
        is ("side" --> "back") (convNet 8)
        apply relu
        readout (invariant (classes 15))
    }

let private boxesOf (name: string) (drawing: Drawing) =
    drawing.Boxes |> List.filter (fun box -> List.head box.Words = name)

let private colour (box: Box) =
    box.Classes
    |> List.filter (fun name -> Regex.IsMatch(name, "^(c[0-9]+|grey)$"))
    |> List.exactlyOne

let private height (box: Box) = snd box.Middle

[<Fact>]
let ``a network of twelve blocks can be followed`` () =
    Assert.Equal(12, (Model.blocks twelve).Length)
    let drawing = requireSound (Diagram.network twelve)
    requireClear drawing
    // Four inputs, twelve blocks, 4 + 3 + 3 sums and the readout; two lines for each block, and one for each last sum.
    Assert.Equal(4 + 12 + 10 + 1, drawing.Boxes.Length)
    Assert.Equal(2 * 12 + 3, drawing.Lines.Length)
    Assert.Equal(drawing.Lines.Length, drawing.Heads.Length)

[<Fact>]
let ``what belongs to one input is level through all layers, and straight`` () =
    let drawing = read (Diagram.network twelve)

    for name, count in [ "front", 4; "side", 4; "top", 2; "back", 4 ] do
        let boxes = boxesOf name drawing
        Assert.Equal(count, boxes.Length)

        Assert.Single(boxes |> List.map (height >> fun y -> Math.Round(y, 1)) |> List.distinct)
        |> ignore

    let rows = [
        for name in [ "front"; "side"; "top"; "back" ] -> height (boxesOf name drawing).Head
    ]

    Assert.Equal<float list>(List.sort rows, rows)

    for line in drawing.Lines do
        if not (List.contains "dashed" line.Classes) then
            let from, into = boxAt drawing line.Start, boxAt drawing line.End

            if not (List.contains "invariant" into.Words) then
                Assert.Equal(height from, height into, 1)
                Assert.Equal(snd line.Start, snd line.End, 1)

[<Fact>]
let ``lines lead from what a block reads to what it adds to`` () =
    let drawing = read (Diagram.network twelve)

    let block =
        drawing.Boxes
        |> List.filter (fun box -> List.contains "IS, back → side" box.Words)
        |> List.exactlyOne

    Assert.Contains("dashed", block.Classes)

    let from =
        drawing.Lines
        |> List.filter (fun line -> boxAt drawing line.End = block)
        |> List.map (fun line -> (boxAt drawing line.Start).Words.Head)

    let into =
        drawing.Lines
        |> List.filter (fun line -> boxAt drawing line.Start = block)
        |> List.map (fun line -> (boxAt drawing line.End).Words.Head)

    Assert.Equal<string list>([ "back" ], from)
    Assert.Equal<string list>([ "side" ], into)

[<Fact>]
let ``boxes have the colour of their group and say what they cost`` () =
    let shown = Diagram.network twelve
    let drawing = read shown

    let colourOf name =
        boxesOf name drawing |> List.map colour |> List.distinct |> List.exactlyOne

    Assert.Equal(colourOf "front", colourOf "back")

    Assert.Equal(
        3,
        List.distinct [ colourOf "front"; colourOf "side"; colourOf "top" ]
        |> List.length
    )

    for box in drawing.Boxes do
        match box.Words with
        | [ "convNet 8"; kind; cost ] when kind.StartsWith "IS, back" ->
            Assert.Equal((colourOf "back", "8 evaluations"), (colour box, cost))
        | [ "convNet 8"; kind; cost ] when kind.StartsWith "IS, top" ->
            Assert.Equal((colourOf "top", "2 evaluations"), (colour box, cost))
        | [ "convNet 8"; "Eq, quotient"; cost ] -> Assert.Equal("4 evaluations", cost)
        | [ "linear 8"; "Eq"; cost ] -> Assert.Equal((colourOf "side", "1 evaluation"), (colour box, cost))
        | "linear 8" :: _ -> failwith $"%A{box.Words}"
        | _ -> ()

    let total = (Report.of' twelve).Evaluations
    let words = texts shown
    Assert.Contains($"{total} evaluations in all", words)

    // The legend names every group, and inputs and sums their spaces.
    for expected in
        [
            "D4, order 8"
            "C4, order 4"
            "C2, order 2"
            "8 × 16 × 16"
            "gelu"
            "equivariant"
        ] do
        Assert.Contains(expected, words)

[<Fact>]
let ``several networks on one input do not hide each other`` () =
    // The second is a problem to report; the picture shows both all the same.
    let model =
        Model.empty
        |> Model.input "x" (image 1 4 4 |> under quarter rotations)
        |> Model.eq "x" (convNet 2)
        |> Model.eq "x" (mlp [ 4 ])
        |> Model.eq "nowhere" (convNet 2)

    Assert.Contains("mlp [4]", texts (Diagram.network model))
    requireSound (Diagram.network model) |> ignore
    // Nothing at all is a picture too.
    Assert.Empty (read (Diagram.network Model.empty)).Boxes

/// Names that XML and Graphviz could stumble over.
let private awkward = "<&\"'> \\n \u0001\uD800\uFFFE ☺ 日本"

let private withName name =
    Model.empty
    |> Model.input name (image 1 4 4 |> under quarter rotations)
    |> Model.eq name (wrapping name (fun () -> TorchSharp.torch.nn.Identity() :> Net))

[<Fact>]
let ``names of any characters are shown`` () =
    let picture = Diagram.network (withName awkward)
    let shown = "<&\"'> \\n ␁\uFFFD\uFFFD ☺ 日本"
    // Input, block and sum.
    Assert.Equal(3, texts picture |> List.filter ((=) shown) |> List.length)
    requireSound picture |> ignore
    let dot = Diagram.dot (withName awkward)
    Assert.Contains("label=\"<&\\\"'> \\\\n ␁\uFFFD\uFFFD ☺ 日本\\n", dot)
    Assert.DoesNotContain(List.ofSeq dot, (fun character -> Char.IsControl character && character <> '\n'))

[<Fact>]
let ``boxes are as wide as their words`` () =
    let width (name: string) =
        let box =
            (read (Diagram.network (withName name))).Boxes
            |> List.find (fun box -> box.Words.Head = name)

        box.Right - box.Left

    // Advances of DejaVu Sans Bold in parts of the size: the first font asked for.
    for character, advance in
        [
            'W', 1.103
            'M', 0.995
            'm', 1.042
            '0', 0.696
            'i', 0.343
            '×', 0.838
            '⋊', 0.97
        ] do
        let name = String(character, 24)
        Assert.True(width name >= 24.0 * 13.0 * advance, $"{name} does not fit")

    Assert.True(width (String('i', 24)) < 0.6 * width (String('W', 24)))

    // Long names break at spaces.
    let long = String.replicate 30 "word "
    let shown = Diagram.network (withName (long.Trim()))
    let drawing = requireSound shown
    Assert.True(drawing.Boxes |> List.forall (fun box -> box.Right - box.Left < 260.0))
    Assert.Equal(long.Trim(), drawing.Boxes[1].Words |> List.filter _.StartsWith("word") |> String.concat " ")

let private luminance (code: string) =
    let part at =
        let value = float (Convert.ToInt32(code.Substring(at, 2), 16)) / 255.0

        if value <= 0.03928 then
            value / 12.92
        else
            ((value + 0.055) / 1.055) ** 2.4

    0.2126 * part 1 + 0.7152 * part 3 + 0.0722 * part 5

let private contrast one other =
    let dark, light =
        min (luminance one) (luminance other), max (luminance one) (luminance other)

    (light + 0.05) / (dark + 0.05)

[<Fact>]
let ``colours can be told apart and read in light and dark`` () =
    let style = (named "style" (read (Diagram.network twelve)).Root).Head.Value

    let light, dark =
        let parts = style.Split "@media (prefers-color-scheme: dark)" in parts[0], parts[1]

    for style in [ light; dark ] do
        let of' (selector: string) (property: string) =
            Regex.Match(style, $@"\.equivariant {selector} {{ {property}: (#[0-9a-f]{{6}})").Groups[1].Value

        let paper = of' @"\.paper" "fill"
        Assert.True(contrast paper (of' "text" "fill") > 7.0)

        for name in [ @"\.c0"; @"\.c1"; @"\.c2"; @"\.grey" ] do
            Assert.True(contrast paper (of' name "color") >= 2.95, name)

    for paper, choose in [ fst Svg.papers, fst; snd Svg.papers, snd ] do
        Assert.All(Svg.palette, (fun shades -> Assert.True(contrast paper (choose shades) >= 2.95)))

/// What eyes of three kinds see of a colour (Machado, Oliveira and Fernandes 2009), in linear red, green and blue.
let private seen (matrix: float list list) (code: string) =
    let part at =
        let value = float (Convert.ToInt32(code.Substring(at, 2), 16)) / 255.0

        if value <= 0.03928 then
            value / 12.92
        else
            ((value + 0.055) / 1.055) ** 2.4

    let colour = [ part 1; part 3; part 5 ]

    let linear = [
        for row in matrix -> List.map2 (*) row colour |> List.sum |> max 0.0 |> min 1.0
    ]

    let r, g, b = linear[0], linear[1], linear[2]

    let f t =
        if t > 0.008856 then
            Math.Cbrt t
        else
            7.787 * t + 16.0 / 116.0

    let x, y, z =
        f ((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505),
        f (0.2126 * r + 0.7152 * g + 0.0722 * b),
        f ((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)

    116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)

[<Fact>]
let ``colour-blind eyes can tell colours apart`` () =
    let eyes = [
        [ [ 1.0; 0.0; 0.0 ]; [ 0.0; 1.0; 0.0 ]; [ 0.0; 0.0; 1.0 ] ]
        [
            [ 0.152286; 1.052583; -0.204868 ]
            [ 0.114503; 0.786281; 0.099216 ]
            [ -0.003882; -0.048116; 1.051998 ]
        ]
        [
            [ 0.367322; 0.860646; -0.227968 ]
            [ 0.280085; 0.672501; 0.047413 ]
            [ -0.011820; 0.042940; 0.968881 ]
        ]
        [
            [ 1.255528; -0.076749; -0.178779 ]
            [ -0.078411; 0.930809; 0.147602 ]
            [ 0.004733; 0.691367; 0.303900 ]
        ]
    ]

    for choose in [ fst; snd ] do
        for eye in eyes do
            let colours = Svg.palette |> List.map (choose >> seen eye)

            for i, (l, a, b) in List.indexed colours do
                for l', a', b' in List.take i colours do
                    let difference = sqrt ((l - l') ** 2.0 + (a - a') ** 2.0 + (b - b') ** 2.0)
                    Assert.True(difference > 20.0, $"{difference} is little")

[<Fact>]
let ``every group has a colour of its own, however many there are`` () =
    let model =
        (Model.empty, [ 2..12 ])
        ||> List.fold (fun model n ->
            model
            |> Model.input $"x{n}" (vector n |> under (cyclic n) circle)
            |> Model.eq $"x{n}" (linear 1))

    let shown = Diagram.network model
    let drawing = requireSound shown
    Assert.Equal(11, drawing.Boxes |> List.map colour |> List.distinct |> List.length)
    let style = (named "style" drawing.Root).Head.Value

    for scheme in style.Split "@media" do
        let values =
            Regex.Matches(scheme, @"\.c\d+ { color: ([^}]+) }")
            |> Seq.map _.Groups[1].Value
            |> List.ofSeq

        Assert.Equal(11, values.Length)
        Assert.Equal(11, (List.distinct values).Length)

[<Fact>]
let ``Graphviz text has every box and arrow`` () =
    let lines = (Diagram.dot twelve).Split '\n'
    Assert.Equal("digraph network {", lines[0])
    Assert.Equal(27, lines |> Array.filter _.Contains("[label=") |> Array.length)
    Assert.Equal(27, lines |> Array.filter _.Contains("->") |> Array.length)
    Assert.Contains("  \"y0:front\" -> \"m0:0\";", lines)
    Assert.Contains(lines, (fun line -> line.StartsWith "  \"y1:side\" -> \"m1:1\" [style=dashed"))

/// Random graphs, with rows or without.
let private graphs =
    gen {
        let! layers = Gen.choose (1, 5)
        let! rows = Gen.elements [ true; false ]
        let! sizes = Gen.listOfLength layers (Gen.choose (1, 5))
        let! direction = Gen.elements [ LayeredGraph.Rightwards; LayeredGraph.Downwards ]

        let ids = [
            for layer, size in List.indexed sizes do
                for i in 1..size -> layer, i
        ]

        let! nodes =
            ids
            |> List.map (fun (layer, i) ->
                gen {
                    let! row = Gen.choose (0, 3)
                    let! pinned = Gen.elements [ true; false ]
                    let! lines = Gen.choose (1, 4)
                    let! length = Gen.choose (1, 40)

                    return
                        ({
                            Id = $"{layer}.{i}"
                            Layer = layer
                            Row = if rows && pinned then Some row else None
                            Lines = $"{layer}.{i}" :: List.replicate lines (String('x', length))
                            Colour = None
                            Outline = LayeredGraph.Rounded
                        }
                        : LayeredGraph.Node)
                })
            |> Gen.sequenceToList

        let! arrows =
            [
                for source in nodes do
                    for target in nodes do
                        if source.Layer < target.Layer then
                            gen {
                                let! isThere = Gen.elements [ true; false; false; false ]

                                let arrow: LayeredGraph.Arrow = {
                                    Source = source.Id
                                    Target = target.Id
                                    Colour = None
                                    Dashed = false
                                }

                                return (if isThere then [ arrow ] else [])
                            }
            ]
            |> Gen.sequenceToList

        return
            ({
                Title = "random"
                Nodes = nodes
                Arrows = List.concat arrows
                Direction = direction
                Colours = 0
                Legend = []
            }
            : LayeredGraph.Graph)
    }

[<FsCheck.Xunit.Property(MaxTest = 40)>]
let ``any layered graph is drawn soundly`` () =
    Prop.forAll (Arb.fromGen graphs) (fun graph ->
        let drawing = requireSound (LayeredDrawing.picture graph)
        requireClear drawing
        Assert.Equal(graph.Nodes.Length, drawing.Boxes.Length)

        // Every arrow is there, from its box to its box.
        let drawn = [
            for line in drawing.Lines ->
                (boxAt drawing line.Start).Words.Head, (boxAt drawing line.End).Words.Head
        ]

        Assert.Equal<(string * string) list>(
            List.sort [ for arrow in graph.Arrows -> arrow.Source, arrow.Target ],
            List.sort drawn
        )

        // Layers follow each other; of each row and layer one is level.
        let along (box: Box) =
            match graph.Direction with
            | LayeredGraph.Rightwards -> box.Left, box.Right, snd box.Middle
            | LayeredGraph.Downwards -> box.Top, box.Bottom, fst box.Middle

        let box = Map [ for box in drawing.Boxes -> box.Words.Head, along box ]

        for node in graph.Nodes do
            for other in graph.Nodes do
                let (start, finish, _), (start', _, _) = box[node.Id], box[other.Id]

                if node.Layer < other.Layer then
                    Assert.True(finish < start')

                if node.Layer = other.Layer then
                    Assert.Equal(start, start', 2)

        for _, inRow in graph.Nodes |> List.filter _.Row.IsSome |> List.groupBy _.Row do
            let levels = [
                for node in inRow |> List.distinctBy _.Layer ->
                    let _, _, level = box[node.Id]
                    Math.Round(level, 1)
            ]

            Assert.True(List.max levels - List.min levels < 0.15, $"%A{levels}"))

[<Fact>]
let ``crossings that can be avoided are`` () =
    // A ladder with its rungs given in the wrong order.
    let node layer i : LayeredGraph.Node = {
        Id = $"{layer}.{i}"
        Layer = layer
        Row = None
        Lines = [ $"{layer}.{i}" ]
        Colour = None
        Outline = LayeredGraph.Square
    }

    let arrow source target : LayeredGraph.Arrow = {
        Source = source
        Target = target
        Colour = None
        Dashed = false
    }

    let drawing =
        LayeredDrawing.picture {
            Title = "ladder"
            Nodes = [
                for layer in 0..3 do
                    for i in 1..6 -> node layer i
            ]
            Arrows =
                [
                    for layer in 0..2 do
                        for i in 1..6 -> arrow $"{layer}.{i}" $"{layer + 1}.{(5 * i + layer) % 7}"
                ]
                |> List.filter (fun (arrow: LayeredGraph.Arrow) -> not (arrow.Target.EndsWith ".0"))
            Direction = LayeredGraph.Rightwards
            Colours = 0
            Legend = []
        }
        |> read

    for one in drawing.Lines do
        for other in drawing.Lines do
            if one.Start < other.Start && fst one.Start = fst other.Start then
                Assert.True(snd one.End <= snd other.End, $"{one.Commands} crosses {other.Commands}")
