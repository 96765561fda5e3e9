namespace Equivariant

open System.Xml.Linq
open Equivariant.LayeredGraph

/// Writing layered graphs: as SVG, and as text for Graphviz.
module internal LayeredDrawing =

    /// The graph as a picture.
    let picture (graph: Graph) : Picture =
        let layout = layout graph

        let curve (x, y) (x', y') =
            let first, second =
                match graph.Direction with
                | Rightwards -> ((x + x') / 2.0, y), ((x + x') / 2.0, y')
                | Downwards -> (x, (y + y') / 2.0), (x', (y + y') / 2.0)

            $"C{Svg.point first} {Svg.point second} {Svg.point (x', y')}"

        let route (arrow: Arrow, points: (float * float) list) : XElement list =
            let colour = Svg.colour arrow.Colour
            let dashed = if arrow.Dashed then " dashed" else ""

            let commands =
                points
                |> List.chunkBySize 2
                |> List.mapi (fun i pair ->
                    let start = if i = 0 then "M" else "L"
                    $"{start}{Svg.point pair[0]} {curve pair[0] pair[1]}")
                |> joined " "

            [
                Svg.path (colour + dashed) commands
                match graph.Direction with
                | Rightwards -> Svg.head colour (List.last points) (1.0, 0.0)
                | Downwards -> ()
            ]

        let drawn (box: Box) =
            let radius, dashed =
                match box.Node.Outline with
                | Square -> 0.0, ""
                | Rounded -> 10.0, ""
                | Dashed -> 10.0, " dashed"

            Svg.box
                (Svg.colour box.Node.Colour + dashed)
                radius
                (box.Left, box.Top)
                (box.Width, box.Height)
                box.Text

        Svg.document
            graph.Title
            graph.Colours
            layout.Size
            (List.collect route layout.Routes @ List.collect drawn layout.Boxes)
            graph.Legend

    /// The graph as text for Graphviz.
    let dot (graph: Graph) : string =
        let escaped (text: string) =
            (Svg.visible text).Replace("\\", "\\\\").Replace("\"", "\\\"")

        let quote text = $"\"{escaped text}\""

        let attributes (parts: (string * string) list) =
            match parts with
            | [] -> ""
            | parts ->
                let written =
                    parts |> List.map (fun (name, value) -> $"{name}={value}") |> joined ", "

                $" [{written}]"

        let pen (number: int option) = [
            match number |> Option.bind (fun number -> List.tryItem number Svg.palette) with
            | Some(colour, _) -> "color", quote colour
            | None -> ()
        ]

        joined "\n" [
            "digraph network {"
            match graph.Direction with
            | Rightwards -> "  rankdir=LR;"
            | Downwards -> "  edge [arrowhead=none];"
            "  node [shape=box, fontname=\"sans-serif\"];"
            for node in graph.Nodes do
                // Graphviz breaks lines at \n, so that they are joined after each is escaped.
                let label = node.Lines |> List.map escaped |> joined "\\n"

                let parts = [
                    "label", $"\"{label}\""
                    match node.Outline with
                    | Square -> ()
                    | Rounded -> "style", "rounded"
                    | Dashed -> "style", "\"rounded,dashed\""
                    match node.Row with
                    | Some row -> "group", string row
                    | None -> ()
                    yield! pen node.Colour
                ]

                $"  {quote node.Id}{attributes parts};"
            for arrow in graph.Arrows do
                let parts = [
                    if arrow.Dashed then
                        "style", "dashed"
                        yield! pen arrow.Colour
                ]

                $"  {quote arrow.Source} -> {quote arrow.Target}{attributes parts};"
            "}"
        ]
