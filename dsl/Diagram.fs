namespace Equivariant

open System.IO
open System.Numerics
open TorchSharp
open Equivariant.Core.Facts
open Equivariant.Core.Groups

/// <summary>
/// Pictures: of declared models, orbits, groups and their normal subgroups. In notebooks they show themselves;
/// <c>Diagram.save</c> writes them to files.
/// </summary>
[<RequireQualifiedAccess>]
module Diagram =

    let private sumId layer name = $"y{layer}:{name}"

    let private evaluations (number: BigInteger) =
        if number.IsOne then
            "1 evaluation"
        else
            $"{number} evaluations"

    let private box id layer row lines colour outline : LayeredGraph.Node = {
        Id = id
        Layer = layer
        Row = row
        Lines = lines
        Colour = colour
        Outline = outline
    }

    let private arrow source target colour dashed : LayeredGraph.Arrow = {
        Source = source
        Target = target
        Colour = colour
        Dashed = dashed
    }

    /// Reads a model: inputs, then for each layer its blocks and their sums, then the readout.
    let private ofModel (model: Model) : LayeredGraph.Graph =
        // A declaration with problems is drawn too, with what is known of it.
        let resolved, _ = Resolve.model model
        let groups = model.Inputs |> List.map _.Signal.Group |> List.distinct
        let names = model.Inputs |> List.map _.Name
        let row name = List.tryFindIndex ((=) name) names

        let colour name =
            row name
            |> Option.bind (fun row -> List.tryFindIndex ((=) model.Inputs[row].Signal.Group) groups)

        let known layer (block: Block) =
            resolved.Layers[layer].Blocks
            |> List.tryFind (fun known -> obj.ReferenceEquals(known.Block, block))

        let cost layer (block: Block) =
            known layer block |> Option.map _.Evaluations

        // Families stand for their members, where the declaration is right.
        let edges layer (block: Block) =
            match known layer block with
            | Some resolved -> resolved.Edges
            | None -> [ block.Edge.From, block.Edge.To ]

        let inputs = [
            for input in model.Inputs ->
                let lines = [
                    input.Name
                    string input.Signal.Space
                    string input.Signal.Group
                    ActionExpression.text input.Signal.Action
                ]

                box (sumId 0 input.Name) 0 (row input.Name) lines (colour input.Name) LayeredGraph.Square
        ]

        let blocks = [
            for i, layer in List.indexed model.Layers do
                for j, block in List.indexed layer.Blocks do
                    let id, edges = $"m{i}:{j}", edges i block
                    let isBetween = block.Kind.IsIS

                    let kind =
                        match block.Kind, block.Design with
                        | Kind.Eq, None -> "Eq"
                        | Kind.Eq, Some design -> $"Eq, {design}"
                        | Kind.IS, None -> $"IS, {block.Edge.From} → {block.Edge.To}"
                        | Kind.IS, Some design -> $"IS, {block.Edge.From} → {block.Edge.To}, {design}"

                    let lines = [
                        string block.Network
                        kind
                        yield! cost i block |> Option.map evaluations |> Option.toList
                    ]

                    let row =
                        match edges with
                        | [ from, into ] when from = into && not isBetween -> row into
                        | _ -> None

                    let outline =
                        if isBetween then
                            LayeredGraph.Dashed
                        else
                            LayeredGraph.Rounded

                    box id (2 * i + 1) row lines (colour (fst edges.Head)) outline,
                    [
                        for from in edges |> List.map fst |> List.distinct do
                            arrow (sumId i from) id (colour from) isBetween

                        for into in edges |> List.map snd |> List.distinct do
                            arrow id (sumId (i + 1) into) (colour (fst edges.Head)) isBetween
                    ]
        ]

        let targets i (layer: Layer) =
            layer.Blocks |> List.collect (edges i) |> List.map snd |> List.distinct

        let sums = [
            for i, layer in List.indexed model.Layers do
                for name in targets i layer do
                    let lines = [
                        name
                        match
                            resolved.Layers[i].Outputs |> List.tryFind (fun (output, _) -> output = name)
                        with
                        | Some(_, signal) -> string signal.Space
                        | None -> ()
                        yield! layer.Steps |> List.map string
                    ]

                    box (sumId (i + 1) name) (2 * i + 2) (row name) lines (colour name) LayeredGraph.Square
        ]

        let last = model.Layers.Length

        let readout =
            match model.Readout, List.tryLast model.Layers with
            | Invariant space, Some layer -> [
                box "readout" (2 * last + 1) None [ "invariant"; string space ] None LayeredGraph.Rounded,
                [
                    for name in targets (last - 1) layer ->
                        arrow (sumId last name) "readout" (colour name) false
                ]
              ]
            | _ -> []

        let nodes =
            inputs @ List.map fst blocks @ sums @ List.map fst readout
            |> List.distinctBy _.Id

        let known = nodes |> List.map _.Id |> Set.ofList

        let costs = [
            for i, layer in List.indexed model.Layers do
                for block in layer.Blocks -> cost i block
        ]

        {
            Title = "equivariant network"
            Nodes = nodes
            // A block between unknown inputs is a problem to report, not to draw.
            Arrows =
                blocks @ readout
                |> List.collect snd
                |> List.filter (fun arrow -> known.Contains arrow.Source && known.Contains arrow.Target)
            Direction = LayeredGraph.Rightwards
            Colours = groups.Length
            Legend = [
                for i, group in List.indexed groups do
                    Svg.Box(Svg.colour (Some i)), string group
                if Model.blocks model |> List.exists _.Kind.IsIS then
                    Svg.Line "grey", "equivariant"
                    Svg.Line "grey dashed", "invariant-symmetric"
                if costs |> List.exists Option.isSome then
                    Svg.Words, $"{evaluations (costs |> List.choose id |> List.sum)} in all"
            ]
        }

    /// <summary>The network as text for Graphviz: <c>dot -Tsvg</c>.</summary>
    let dot (model: Model) : string = LayeredDrawing.dot (ofModel model)

    /// <summary>
    /// The network as a picture: inputs on the left, each with its outputs on a level; blocks with what they cost, in the
    /// colour of the group of what they read.
    /// </summary>
    let network (model: Model) : Picture = LayeredDrawing.picture (ofModel model)

    /// <summary>The orbit of an image: what each element of a group makes of it, labelled as the language writes elements.</summary>
    /// <param name="signal">How the group acts: <c>image 3 64 64 |&gt; under d4 symmetries</c>; 1 or 3 channels, or a vector.</param>
    /// <param name="x">The image, of the signal's shape; numbers in 0 … 1 or bytes are shown as they are, others from their
    /// least to their greatest.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The group has more than 64 elements, or this is no image.</exception>
    let orbit (signal: Signal) (x: torch.Tensor) : Picture = OrbitPicture.ofImage signal x

    /// <summary>
    /// The Cayley graph: elements, and lines from <c>g</c> to <c>g·s</c> in the colour of the generator <c>s</c>, without
    /// arrowheads where <c>s</c> is its own inverse. For other generators take the subgroup that they generate.
    /// </summary>
    /// <param name="group">A group of at most 60 elements.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The group is larger.</exception>
    let cayleyGraph (group: Group<'e>) : Picture = CayleyGraph.picture group.Core

    /// The most normal subgroups that a picture can show.
    let private mostSubgroups = 100

    /// As few generators of a subgroup as leaving some out gives, as the language writes them.
    let private subgroupName (group: Group) (subgroup: Subgroup) =
        if subgroup.Order = group.Order then
            group.Name
        elif subgroup.Name.StartsWith '⟨' then
            let needed =
                (List.ofSeq subgroup.Generators, subgroup.Generators)
                ||> Seq.fold (fun kept generator ->
                    let fewer = kept |> List.filter ((<>) generator)

                    if (group.Subgroup(Array.ofList fewer)).Order = subgroup.Order then
                        fewer
                    else
                        kept)

            let words = needed |> List.map Element.text |> joined ", "
            if words.Length <= 60 then $"⟨{words}⟩" else subgroup.Name
        else
            subgroup.Name

    /// <summary>
    /// The lattice of normal subgroups, the group on top, subgroups of one order on a level, lines where nothing lies between.
    /// Each says what a term of a quotient design with this kernel costs: its index. The kernels of the design
    /// <c>quotient</c> are coloured.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There are more than 100.</exception>
    let normalSubgroups (group: Group<'e>) : Picture =
        let core = group.Core
        let found = NormalSubgroups.Of core
        let subgroups = List.ofSeq found.Subgroups

        if subgroups.Length > mostSubgroups then
            refuse
                $"{core} has {subgroups.Length} normal subgroups or more, too many for a picture, which shows at most {mostSubgroups}."

        let kernels = core.DefaultKernels()

        let isKernel (subgroup: Subgroup) =
            kernels |> Seq.exists subgroup.HasSameElements

        let orders = subgroups |> List.map _.Order |> List.distinct

        let below =
            Map [
                for i, upper in List.indexed subgroups ->
                    i,
                    Set [
                        for j, lower in List.indexed subgroups do
                            if upper.Order > lower.Order && upper.Includes lower then
                                j
                    ]
            ]

        let covers i j =
            below[i].Contains j
            && below[i] |> Set.forall (fun middle -> not (below[middle].Contains j))

        LayeredDrawing.picture {
            Title = $"normal subgroups of {core}"
            Nodes = [
                for i, subgroup in List.indexed subgroups ->
                    let lines = [
                        subgroupName core subgroup
                        $"order {subgroup.Order}, index {subgroup.Index}"
                        evaluations subgroup.Index
                    ]

                    let colour = if isKernel subgroup then Some 0 else None
                    let level = List.findIndex ((=) subgroup.Order) orders
                    box (string i) level None lines colour LayeredGraph.Rounded
            ]
            Arrows = [
                for i in 0 .. subgroups.Length - 1 do
                    for j in 0 .. subgroups.Length - 1 do
                        if covers i j then
                            arrow (string i) (string j) None false
            ]
            Direction = LayeredGraph.Downwards
            Colours = 1
            Legend = [
                Svg.Words, string core
                Svg.Box(Svg.colour (Some 0)), "kernel of the quotient design"
                Svg.Box "grey", "other normal subgroup"
                if not found.IsComplete then
                    Svg.Words, "those that the structure shows; there may be more"
            ]
        }

    /// <summary>An image to try orbits with: a letter F on a slope of colours, which no turn, reflection or shift leaves alone.</summary>
    /// <param name="height">The number of rows.</param>
    /// <param name="width">The number of columns.</param>
    /// <returns>Numbers in 0 … 1, <c>[3, height, width]</c>.</returns>
    let sample (height: int) (width: int) : torch.Tensor =
        let shade row column =
            let x, y = (float column + 0.5) / float width, (float row + 0.5) / float height

            let within (left, right) (top, bottom) =
                x >= left && x < right && y >= top && y < bottom

            let isLetter =
                within (0.28, 0.42) (0.18, 0.82)
                || within (0.28, 0.75) (0.18, 0.31)
                || within (0.28, 0.62) (0.44, 0.57)

            if isLetter then
                [| 0.07; 0.09; 0.16 |]
            else
                [| 0.35 + 0.6 * x; 0.75 - 0.35 * y; 0.95 - 0.6 * x |]

        let values = [|
            for channel in 0..2 do
                for row in 0 .. height - 1 do
                    for column in 0 .. width - 1 -> float32 (Array.item channel (shade row column))
        |]

        torch.tensor(values).reshape(3L, int64 height, int64 width)

    /// <summary>Writes a picture to a file.</summary>
    /// <param name="path">The file; what was there before is replaced.</param>
    /// <param name="picture">What the other functions give.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There is no such folder.</exception>
    let save (path: string) (picture: Picture) : unit =
        let folder = Path.GetDirectoryName(Path.GetFullPath path)

        if not (Directory.Exists folder) then
            refuse $"There is no folder '{folder}' to write '{Path.GetFileName path}' to."

        File.WriteAllText(path, picture.Svg)
