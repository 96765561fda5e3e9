namespace Equivariant

open System.Net

/// <summary>Draws declared models: as Graphviz text, or as SVG that needs no other program.</summary>
[<RequireQualifiedAccess>]
module Diagram =

    /// A box of the drawing; its column counts from the left.
    type private Node = {
        Id: string
        Column: int
        Lines: string list
        IsBlock: bool
    }

    let private sumId layer name = $"y{layer}:{name}"

    /// Boxes and arrows: inputs, then for each layer its blocks and their sums, then the readout.
    let private drawing (model: Model) : Node list * (string * string) list =
        let inputs = [
            for input in model.Inputs do
                {
                    Id = sumId 0 input.Name
                    Column = 0
                    Lines = [
                        input.Name
                        string input.Signal.Space
                        string input.Signal.Group
                        ActionExpression.text input.Signal.Action
                    ]
                    IsBlock = false
                }
        ]

        let layers = [
            for i, layer in List.indexed model.Layers do
                let blocks = [
                    for j, block in List.indexed layer.Blocks do
                        let kind =
                            match block.Kind, block.Design with
                            | Kind.Eq, None -> "Eq"
                            | Kind.Eq, Some design -> $"Eq, {design}"
                            | Kind.IS, None -> "IS"
                            | Kind.IS, Some design -> $"IS, {design}"

                        let id = $"m{i}:{j}"

                        let node = {
                            Id = id
                            Column = 2 * i + 1
                            Lines = [ string block.Network; kind ]
                            IsBlock = true
                        }

                        node, [ sumId i block.Edge.From, id; id, sumId (i + 1) block.Edge.To ]
                ]

                let sums = [
                    for name in layer.Blocks |> List.map _.Edge.To |> List.distinct do
                        let lines = [
                            name
                            for step in layer.Steps do
                                string step
                        ]

                        {
                            Id = sumId (i + 1) name
                            Column = 2 * i + 2
                            Lines = lines
                            IsBlock = false
                        }
                ]

                List.map fst blocks @ sums, List.collect snd blocks
        ]

        let last = model.Layers.Length

        let readout, arrows =
            match model.Readout, List.tryLast model.Layers with
            | Invariant space, Some layer ->
                [
                    {
                        Id = "readout"
                        Column = 2 * last + 1
                        Lines = [ "invariant"; string space ]
                        IsBlock = true
                    }
                ],
                [
                    for name in layer.Blocks |> List.map _.Edge.To |> List.distinct ->
                        sumId last name, "readout"
                ]
            | _ -> [], []

        let nodes = inputs @ List.collect fst layers @ readout
        let known = nodes |> List.map _.Id |> Set.ofList

        // A block between unknown inputs is a problem to report, not to draw.
        nodes,
        List.collect snd layers @ arrows
        |> List.filter (fun (from, into) -> known.Contains from && known.Contains into)

    /// <summary>The network as text for Graphviz: <c>dot -Tsvg</c>.</summary>
    let dot (model: Model) : string =
        let quote (text: string) =
            let escaped = text.Replace("\\", "\\\\").Replace("\"", "\\\"")
            $"\"{escaped}\""

        let nodes, arrows = drawing model

        joined "\n" [
            "digraph network {"
            "  rankdir=LR;"
            "  node [shape=box, fontname=\"sans-serif\"];"
            for node in nodes do
                let style = if node.IsBlock then ", style=rounded" else ""
                let label = (node.Lines |> List.map quote |> joined "\\n").Replace("\"\\n\"", "\\n")
                $"  {quote node.Id} [label={label}{style}];"
            for from, into in arrows do
                $"  {quote from} -> {quote into};"
            "}"
        ]

    /// <summary>The network as an SVG picture.</summary>
    let svg (model: Model) : string =
        let nodes, arrows = drawing model
        let lineHeight, letter, padding, gap = 18, 8, 10, 50

        let width node =
            2 * padding + letter * (node.Lines |> List.map _.Length |> List.max)

        let height node =
            2 * padding + lineHeight * node.Lines.Length

        let byColumn = nodes |> List.groupBy _.Column |> List.sortBy fst |> List.map snd

        let placed =
            byColumn
            |> List.mapFold
                (fun left column ->
                    let widest = column |> List.map width |> List.max

                    let boxes =
                        column
                        |> List.mapFold
                            (fun top node -> (node.Id, (node, left, top)), top + height node + padding * 2)
                            padding
                        |> fst

                    boxes, left + widest + gap)
                padding
            |> fun (columns, right) -> Map.ofList (List.concat columns), right - gap + padding

        let boxes, totalWidth = placed

        let totalHeight =
            Seq.append [ 0 ] (boxes.Values |> Seq.map (fun (node, _, top) -> top + height node + padding))
            |> Seq.max

        joined "\n" [
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{totalWidth}\" height=\"{totalHeight}\" font-family=\"monospace\" font-size=\"13\">"
            "  <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>"
            for from, into in arrows do
                let source, left, top = boxes[from]
                let target, left', top' = boxes[into]
                let x, y = left + width source, top + height source / 2
                $"  <line x1=\"{x}\" y1=\"{y}\" x2=\"{left'}\" y2=\"{top' + height target / 2}\" stroke=\"black\" marker-end=\"url(#arrow)\"/>"
            for KeyValue(_, (node, left, top)) in boxes do
                let round = if node.IsBlock then 10 else 0
                $"  <rect x=\"{left}\" y=\"{top}\" width=\"{width node}\" height=\"{height node}\" rx=\"{round}\" fill=\"white\" stroke=\"black\"/>"

                for i, line in List.indexed node.Lines do
                    let weight = if i = 0 then "bold" else "normal"
                    $"  <text x=\"{left + padding}\" y=\"{top + padding + 13 + i * lineHeight}\" font-weight=\"{weight}\">{WebUtility.HtmlEncode line}</text>"
            "</svg>"
        ]
