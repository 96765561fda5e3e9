namespace Equivariant

/// Laying out graphs whose arrows lead from layer to layer: few crossings, straight rows, curves between.
module internal LayeredGraph =

    /// How a box looks.
    type Outline =
        | Square
        | Rounded
        | Dashed

    /// A box.
    type Node = {
        Id: string
        /// Layers are counted from 0; arrows lead to later ones.
        Layer: int
        /// Nodes of one row are level with each other through all layers; the others go between.
        Row: int option
        /// The first line is bold.
        Lines: string list
        Colour: int option
        Outline: Outline
    }

    /// A line from box to box.
    type Arrow = {
        Source: string
        Target: string
        Colour: int option
        Dashed: bool
    }

    /// Where the layers follow each other.
    type Direction =
        /// Layers are columns, and arrows have heads.
        | Rightwards
        /// Layers are levels, and lines have none.
        | Downwards

    /// What is drawn.
    type Graph = {
        Title: string
        Nodes: Node list
        Arrows: Arrow list
        Direction: Direction
        /// How many colours there are.
        Colours: int
        Legend: (Svg.Mark * string) list
    }

    /// Where a box is.
    type Box = {
        Node: Node
        Text: string list
        Left: float
        Top: float
        Width: float
        Height: float
    }

    /// Where everything is; each arrow goes through points in pairs, curved between pairs and straight within.
    type Layout = {
        Boxes: Box list
        Routes: (Arrow * (float * float) list) list
        Size: float * float
    }

    /// A node, or a bend of an arrow in a layer that it passes; sizes are along the arrows and across them.
    type private Vertex = {
        Key: string
        At: int
        Pinned: int option
        Along: float
        Across: float
    }

    let private padding, distance, widestText = 10.0, 18.0, 230.0

    let private mean values =
        match values with
        | [] -> None
        | values -> Some(List.average values)

    let private grouped pairs =
        pairs
        |> List.groupBy fst
        |> List.map (fun (key, pairs) -> key, List.map snd pairs)
        |> Map.ofList

    /// Who comes before and after each vertex.
    type private Neighbours(links: (string * string) list) =
        let after = grouped links
        let before = grouped [ for source, target in links -> target, source ]

        let of' key (sides: Map<string, string list>) =
            sides.TryFind key |> Option.defaultValue []

        member _.Before key = of' key before
        member _.After key = of' key after

        /// Between the means of both sides; a little nearer to what comes after, so that ties are none.
        member _.Wish (places: Map<string, float>) bias key =
            let side sides =
                of' key sides |> List.map (fun other -> places[other]) |> mean

            match side before, side after with
            | Some before, Some after -> Some((1.0 - bias) * before + bias * after)
            | one, None
            | None, one -> one

    /// The place of each vertex within its layer.
    let private placesIn (order: string list list) =
        Map [
            for layer in order do
                yield! List.mapi (fun i key -> key, i) layer
        ]

    /// How many pairs of links between neighbouring layers cross.
    let private crossings (links: (string * string) list) (order: string list list) =
        let place = placesIn order

        let layer =
            Map [
                for i, keys in List.indexed order do
                    for key in keys -> key, i
            ]

        links
        |> List.groupBy (fun (source, _) -> layer[source])
        |> List.sumBy (fun (_, links) ->
            let places = [| for source, target in links -> place[source], place[target] |]

            Seq.sum (
                seq {
                    for i in 0 .. places.Length - 1 do
                        let source, target = places[i]

                        for j in 0 .. i - 1 do
                            let source', target' = places[j]

                            if
                                (source < source' && target > target')
                                || (source > source' && target < target')
                            then
                                1
                }
            ))

    /// The order within each layer: by barycentres, sweep after sweep, and the best of all sweeps.
    let private ordered (vertices: Vertex list) links : string list list =
        let neighbours = Neighbours links
        let hasRows = vertices |> List.exists _.Pinned.IsSome
        let layers = vertices |> List.groupBy _.At |> List.sortBy fst |> List.map snd

        let centred (layer: Vertex list) =
            layer
            |> List.mapi (fun i vertex -> vertex.Key, float i - float (layer.Length - 1) / 2.0)

        /// Sorts one layer by where its neighbours are.
        let sorted bias (places: Map<string, float>) (layer: Vertex list) =
            let wish (vertex: Vertex) =
                match vertex.Pinned with
                | Some row -> float row
                | None -> neighbours.Wish places bias vertex.Key |> Option.defaultValue places[vertex.Key]

            let layer = layer |> List.sortBy (fun vertex -> wish vertex, vertex.Pinned.IsNone)

            let moved =
                if hasRows then
                    [ for vertex in layer -> vertex.Key, wish vertex ]
                else
                    centred layer

            layer,
            (places, moved)
            ||> List.fold (fun places (key, place) -> places.Add(key, place))

        let sweep bias backwards (layers, places) =
            if backwards then
                List.mapFoldBack (fun layer places -> sorted bias places layer) layers places
            else
                List.mapFold (sorted bias) places layers

        let start =
            layers,
            Map [
                for layer in layers do
                    yield! centred layer
            ]

        let orders =
            [ 1..16 ]
            |> List.scan
                (fun state number ->
                    let backwards = number % 2 = 0
                    // Rows fix the places, so that both sides count; without them one side is fixed at a time.
                    let bias =
                        if hasRows then 0.55
                        elif backwards then 1.0
                        else 0.0

                    sweep bias backwards state)
                start
            |> List.tail
            |> List.map (fst >> List.map (List.map _.Key))

        /// Exchanges vertices that stand side by side as long as it helps.
        let rec exchanged rounds (order: string list list) =
            let inLayer (order: string list list) number =
                let place = placesIn order

                // How many links of the two cross if the first stands before the second.
                let crossed first second =
                    [ neighbours.Before; neighbours.After ]
                    |> List.sumBy (fun side ->
                        List.allPairs (side first) (side second)
                        |> List.filter (fun (one, other) -> place[one] > place[other])
                        |> List.length)

                let layer =
                    (order[number], [ 0 .. order[number].Length - 2 ])
                    ||> List.fold (fun layer i ->
                        let first, second = layer[i], layer[i + 1]

                        if crossed first second > crossed second first then
                            layer |> List.updateAt i second |> List.updateAt (i + 1) first
                        else
                            layer)

                List.updateAt number layer order

            let better = (order, [ 0 .. order.Length - 1 ]) ||> List.fold inLayer

            if rounds > 0 && crossings links better < crossings links order then
                exchanged (rounds - 1) better
            else
                better

        match orders |> List.minBy (crossings links) with
        | best when hasRows -> best
        | best -> exchanged 8 best

    /// The places nearest to the wished ones, in least squares, that keep the order, a distance and bounds.
    let spread (low: float, high: float) (wishes: (float * float) list) : float list =
        match wishes with
        | [] -> []
        | wishes ->
            let offsets =
                wishes
                |> List.pairwise
                |> List.scan
                    (fun offset ((_, size), (_, size')) -> offset + (size + size') / 2.0 + distance)
                    0.0

            // Pools neighbours that would change places.
            let rec pooled blocks =
                match blocks with
                | (sum, count) :: (sum', count') :: rest when sum / count < sum' / count' ->
                    pooled ((sum + sum', count + count') :: rest)
                | _ -> blocks

            let places =
                ([], List.zip wishes offsets)
                ||> List.fold (fun blocks ((wish, _), offset) -> pooled ((wish - offset, 1.0) :: blocks))
                |> List.rev
                |> List.collect (fun (sum, count) -> List.replicate (int count) (sum / count))

            let low = low + snd (List.head wishes) / 2.0
            let high = high - snd (List.last wishes) / 2.0 - List.last offsets
            List.map2 (fun place offset -> max low (min high place) + offset) places offsets

    /// A layer in pieces between its pinned vertices: the one before, those between, the one after.
    let private pieces (layer: Vertex list) =
        let rec split before between rest =
            match rest with
            | [] -> [ before, List.rev between, None ]
            | (vertex: Vertex) :: rest when vertex.Pinned.IsSome ->
                (before, List.rev between, Some vertex) :: split (Some vertex) [] rest
            | vertex :: rest -> split before (vertex :: between) rest

        split None [] layer

    /// Where each vertex is across the arrows.
    let private places (order: Vertex list list) links : Map<string, float> =
        let neighbours = Neighbours links
        let layers = order |> List.map pieces

        /// The least distance of two rows that leaves room for all between them.
        let between = [
            for before, free, after in List.concat layers do
                match before, after with
                | Some before, Some after ->
                    let room = (before.Across + after.Across) / 2.0 + distance

                    after.Pinned.Value,
                    (before.Pinned.Value, room + List.sumBy (fun free -> free.Across + distance) free)
                | _ -> ()
        ]

        let rows =
            order |> List.concat |> List.choose _.Pinned |> List.distinct |> List.sort

        let levels =
            (Map.empty, rows)
            ||> List.fold (fun (levels: Map<int, float>) row ->
                let above = [
                    yield! levels.Values
                    for row', (before, room) in between do
                        if row' = row then
                            levels[before] + room
                ]

                levels.Add(row, (if above.IsEmpty then 0.0 else List.max above)))

        let settled
            (places: Map<string, float>)
            (before: Vertex option, free: Vertex list, after: Vertex option)
            =
            let bound side (vertex: Vertex option) =
                match vertex with
                | Some vertex -> levels[vertex.Pinned.Value] + side * (vertex.Across / 2.0 + distance)
                | None -> -side * infinity

            let wishes = [
                for vertex in free ->
                    neighbours.Wish places 0.5 vertex.Key |> Option.defaultValue places[vertex.Key],
                    vertex.Across
            ]

            (places, free, spread (bound 1.0 before, bound -1.0 after) wishes)
            |||> List.fold2 (fun places vertex place -> places.Add(vertex.Key, place))

        let start =
            Map [
                for layer in order do
                    let wishes = [ for vertex in layer -> 0.0, vertex.Across ]

                    for vertex, place in List.zip layer (spread (-infinity, infinity) wishes) do
                        match vertex.Pinned with
                        | Some row -> vertex.Key, levels[row]
                        | None -> vertex.Key, place
            ]

        (start, [ 1..30 ])
        ||> List.fold (fun places number ->
            let layers = if number % 2 = 0 then List.rev layers else layers
            (places, List.concat layers) ||> List.fold settled)

    /// Lays a graph out.
    let layout (graph: Graph) : Layout =
        let flipped (along, across) =
            match graph.Direction with
            | Rightwards -> along, across
            | Downwards -> across, along

        let texts =
            Map [
                for node in graph.Nodes ->
                    node.Id, node.Lines |> List.mapi (fun i -> Svg.wrapped widestText (i = 0)) |> List.concat
            ]

        // Of several nodes in one place of the grid the first is level.
        let level =
            graph.Nodes
            |> List.filter _.Row.IsSome
            |> List.distinctBy (fun node -> node.Layer, node.Row)
            |> List.map _.Id
            |> Set.ofList

        let nodes = [
            for node in graph.Nodes ->
                let lines = texts[node.Id]

                let width =
                    lines
                    |> List.mapi (fun i -> Svg.width (i = 0))
                    |> List.fold max 20.0
                    |> (+) (2.0 * padding)

                let height = Svg.lineHeight * float lines.Length + 2.0 * padding
                let along, across = flipped (width, height)

                {
                    Key = node.Id
                    At = node.Layer
                    Pinned = if level.Contains node.Id then node.Row else None
                    Along = along
                    Across = across
                }
        ]

        let layerOf = Map [ for node in graph.Nodes -> node.Id, node.Layer ]

        let chains = [
            for arrow in graph.Arrows ->
                arrow,
                [
                    arrow.Source
                    for layer in layerOf[arrow.Source] + 1 .. layerOf[arrow.Target] - 1 do
                        $"{arrow.Source} → {arrow.Target} at {layer}"
                    arrow.Target
                ]
        ]

        let bends = [
            for arrow, chain in chains do
                for i, key in List.indexed chain do
                    if not (layerOf.ContainsKey key) then
                        {
                            Key = key
                            At = layerOf[arrow.Source] + i
                            Pinned = None
                            Along = 0.0
                            Across = 0.0
                        }
        ]

        let vertices = nodes @ List.distinctBy _.Key bends
        let vertex = Map [ for vertex in vertices -> vertex.Key, vertex ]
        let links = chains |> List.collect (snd >> List.pairwise) |> List.distinct
        let order = ordered vertices links |> List.map (List.map (fun key -> vertex[key]))
        let across = places order links

        // All boxes of a layer are as long as the longest; gaps are wider where arrows lead far.
        let layers = vertices |> List.map _.At |> List.distinct |> List.sort

        let depth =
            Map [ for layer in order -> layer.Head.At, layer |> List.map _.Along |> List.max ]

        let gap layer =
            let farthest =
                links
                |> List.filter (fun (source, _) -> vertex[source].At = layer)
                |> List.map (fun (source, target) -> abs (across[source] - across[target]))
                |> List.fold max 0.0

            max 46.0 (min 110.0 (0.25 * farthest))

        let starts =
            layers
            |> List.mapFold (fun start layer -> (layer, start), start + depth[layer] + gap layer) 0.0
            |> fst
            |> Map.ofList

        /// Where links leave and enter a box: fanned out, the level one in the middle.
        let ports (neighbours: string -> string list) (vertex: Vertex) = [
            let others = neighbours vertex.Key |> List.sortBy (fun other -> across[other])

            let middle =
                others
                |> List.tryFindIndex (fun other -> abs (across[other] - across[vertex.Key]) < 0.5)
                |> Option.map float
                |> Option.defaultValue (float (others.Length - 1) / 2.0)

            let most = max middle (float (others.Length - 1) - middle)
            let step = max 0.0 (min 8.0 ((vertex.Across / 2.0 - 8.0) / max 1.0 most))

            for i, other in List.indexed others do
                other, across[vertex.Key] + step * (float i - middle)
        ]

        let neighbours = Neighbours links

        let leaving =
            Map [
                for vertex in vertices do
                    for other, place in ports neighbours.After vertex -> (vertex.Key, other), place
            ]

        let entering =
            Map [
                for vertex in vertices do
                    for other, place in ports neighbours.Before vertex -> (other, vertex.Key), place
            ]

        let top =
            vertices
            |> List.map (fun vertex -> across[vertex.Key] - vertex.Across / 2.0)
            |> List.fold min infinity

        let bottom =
            vertices
            |> List.map (fun vertex -> across[vertex.Key] + vertex.Across / 2.0)
            |> List.fold max -infinity

        {
            Boxes = [
                for node, vertex in List.zip graph.Nodes nodes ->
                    let left, above =
                        flipped (starts[node.Layer], across[node.Id] - vertex.Across / 2.0 - top)

                    let width, height = flipped (depth[node.Layer], vertex.Across)

                    {
                        Node = node
                        Text = texts[node.Id]
                        Left = left
                        Top = above
                        Width = width
                        Height = height
                    }
            ]
            Routes = [
                for arrow, chain in chains ->
                    arrow,
                    [
                        for source, target in List.pairwise chain do
                            let source, target = vertex[source], vertex[target]

                            flipped (
                                starts[source.At] + depth[source.At],
                                leaving[source.Key, target.Key] - top
                            )

                            flipped (starts[target.At], entering[source.Key, target.Key] - top)
                    ]
            ]
            Size =
                match List.tryLast layers with
                | Some last -> flipped (starts[last] + depth[last], bottom - top)
                | None -> 0.0, 0.0
        }
