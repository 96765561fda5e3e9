namespace Equivariant

open System
open System.Xml.Linq
open Equivariant.Core.Groups

/// Drawing Cayley graphs: the cosets of a generator as rings, one ring within the other, side by side or as one.
module internal CayleyGraph =

    /// The most elements that a picture can show.
    let mostElements = 60

    /// Elements, and by each generator the element that follows each.
    type private Graph = {
        Elements: GroupElement array
        Generators: GroupElement list
        Next: int array list
    }

    let private height, clearance = 26.0, 17.0

    /// Elements around a centre; they can be turned and reflected together.
    type private Ring = {
        Centre: float * float
        Radius: float
        Members: int array
    }

    /// How far apart the centres of boxes are at least.
    let private apart widest = max 64.0 (widest + 28.0)

    let private graphOf (group: Group) =
        let elements = Array.ofSeq group.Elements

        let index = dict [ for i, element in Array.indexed elements -> element, i ]

        let generators =
            group.Generators
            |> Seq.filter (fun generator -> not generator.IsIdentity)
            |> Seq.distinct
            |> List.ofSeq

        {
            Elements = elements
            Generators = generators
            Next = [
                for generator in generators ->
                    elements |> Array.map (fun element -> index[element * generator])
            ]
        }

    /// The lines to draw: where from, where to, by which generator; an involution's lead both ways and are drawn once.
    let private lines (graph: Graph) = [
        for number, (generator, next) in List.indexed (List.zip graph.Generators graph.Next) do
            let isInvolution = generator.Order = 2I

            for i, j in Array.indexed next do
                if not isInvolution || i < j then
                    i, j, number, isInvolution
    ]

    /// What rings are made by: the powers of a generator, or two involutions in turn; one of each kind.
    let private bases (graph: Graph) : int array list list =
        let involutions, others =
            List.zip graph.Generators graph.Next
            |> List.partition (fun (generator, _) -> generator.Order = 2I)

        let pairs = [
            for i, (first, next) in List.indexed involutions do
                for second, next' in List.skip (i + 1) involutions -> (first * second).Order, [ next; next' ]
        ]

        let single = [
            for generator, next in (if pairs.IsEmpty then involutions else []) @ others ->
                generator.Order, [ next ]
        ]

        List.distinctBy fst single @ List.distinctBy fst pairs |> List.map snd

    /// The left cosets of what a base generates, each in the order of a walk through it; a coset comes after one that it is
    /// joined to.
    let private cosets (graph: Graph) (walk: int array list) : int array list =
        let ring first =
            (first, Seq.init graph.Elements.Length (fun step -> walk[step % walk.Length]))
            ||> Seq.scan (fun current next -> next[current])
            |> Seq.indexed
            |> Seq.takeWhile (fun (step, current) -> step = 0 || current <> first)
            |> Seq.map snd
            |> Array.ofSeq

        let rec found (rings: int array list) =
            let known = rings |> Seq.concat |> Set.ofSeq

            let joined =
                rings
                |> Seq.concat
                |> Seq.collect (fun i -> graph.Next |> Seq.map (fun next -> next[i]))
                |> Seq.tryFind (fun i -> not (known.Contains i))

            match joined with
            | Some first -> found (rings @ [ ring first ])
            | None -> rings

        found [ ring 0 ]

    /// Exchanges rings as long as it brings those that are joined nearer to each other.
    let private arranged
        (graph: Graph)
        (distance: int -> int -> int)
        (rings: int array list)
        : int array list =
        let ringOf =
            Map [
                for number, members in List.indexed rings do
                    for i in members -> i, number
            ]

        let joins =
            [|
                for next in graph.Next do
                    for i, j in Array.indexed next -> ringOf[i], ringOf[j]
            |]
            |> Array.filter (fun (one, other) -> one <> other)

        let far (place: int array) =
            joins |> Array.sumBy (fun (one, other) -> distance place[one] place[other])

        let swaps = [
            for i in 1 .. rings.Length - 1 do
                for j in i + 1 .. rings.Length - 1 -> i, j
        ]

        let rec better place =
            let best =
                (place, swaps)
                ||> List.fold (fun place (i, j) ->
                    let other = place |> Array.updateAt i place[j] |> Array.updateAt j place[i]
                    if far other < far place then other else place)

            if far best < far place then better best else best

        let place = better [| 0 .. rings.Length - 1 |]

        rings
        |> List.indexed
        |> List.sortBy (fun (number, _) -> place[number])
        |> List.map snd

    let private radius step count =
        if count = 1 then
            0.0
        else
            step / (2.0 * sin (Math.PI / float count))

    /// The same cosets in the classical ways.
    let private arrangements step (graph: Graph) (rings: int array list) : Ring list list =
        let each = rings.Head.Length
        let count = rings.Length
        let own = (if each < 4 then 1.3 else 1.0) * radius step each

        let around size i j =
            let apart = abs (i - j)
            min apart (size - apart)

        let at centre radius members = {
            Centre = centre
            Radius = radius
            Members = members
        }

        let clustered start far rings = [
            for i, members in List.indexed rings do
                let angle = 2.0 * Math.PI * (float i / float (List.length rings) - start)
                at (far * cos angle, far * sin angle) own members
        ]

        let concentric = [
            let rings = arranged graph (fun i j -> abs (i - j)) rings

            for i, members in List.indexed rings do
                at (0.0, 0.0) (max own (0.5 * step) + step * float i) members
        ]

        let between = 2.0 * own + 1.2 * step

        [
            if count > 1 && count < 7 && each > 2 then
                concentric
            if count > 1 then
                clustered 0.375 (radius between count) (arranged graph (around count) rings)
            if count > 3 && count < 9 then
                // One in the middle of the others.
                at (0.0, 0.0) own rings.Head
                :: clustered 0.25 (max between (radius between (count - 1))) rings.Tail
            [ at (0.0, 0.0) (radius step (each * count)) (Array.concat rings) ]
        ]

    /// The places of a ring's members, turned by some steps and maybe reflected.
    let private placed (ring: Ring) steps (turn: int, reflected: bool) = [
        let x, y = ring.Centre

        for i, memberOf in Array.indexed ring.Members do
            let count = float ring.Members.Length
            let along = if reflected then -float i else float i
            let angle = 2.0 * Math.PI * (along / count + float turn / float steps - 0.25)
            memberOf, (x + ring.Radius * cos angle, y + ring.Radius * sin angle)
    ]

    let private cross (ax, ay) (bx, by) (cx, cy) : float =
        (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)

    /// How far a point is from a stretch of a line.
    let private away (px, py) (ax, ay) (bx, by) : float =
        let dx, dy = bx - ax, by - ay
        let along = ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy)
        let along = max 0.0 (min 1.0 along)
        let x, y = ax + along * dx - px, ay + along * dy - py
        sqrt (x * x + y * y)

    /// What is bad about some lines of a drawing and about some boxes: lines that cross, that run through boxes, and that
    /// are long.
    let private cost
        step
        (widths: float array)
        (places: (float * float) array)
        (all: (int * int) array)
        (some: (int * int) array)
        (boxes: int array)
        =
        let crosses (a, b) (c, d) =
            a <> c
            && a <> d
            && b <> c
            && b <> d
            && (let a, b, c, d = places[a], places[b], places[c], places[d]
                cross a b c * cross a b d < 0.0 && cross c d a * cross c d b < 0.0)

        let count test values =
            values |> Array.sumBy (fun value -> if test value then 1.0 else 0.0)

        // Boxes are as good as circles where widths are shrunk to heights.
        let hits (a, b) box =
            let shrunk i =
                let x, y = places[i]
                x * height / widths[box], y

            box <> a && box <> b && away (shrunk box) (shrunk a) (shrunk b) < clearance

        let length (a, b) =
            let (ax, ay), (bx, by) = places[a], places[b]
            sqrt ((bx - ax) ** 2.0 + (by - ay) ** 2.0) / step

        let everyBox = Array.init places.Length id

        (some |> Array.sumBy (fun line -> 0.5 * length line + count (crosses line) all))
        + (some |> Array.sumBy (fun line -> count (hits line) everyBox))
        + (all |> Array.sumBy (fun line -> count (hits line) boxes))

    /// Turns and reflects ring after ring as long as it helps; gives the cost and the places.
    let private settled
        step
        (widths: float array)
        (lines: (int * int) array)
        (rings: Ring list)
        : float * (float * float) array =
        let rings = Array.ofList rings

        let steps (ring: Ring) =
            ring.Members.Length * max 1 (12 / ring.Members.Length)

        let moved (places: (float * float) array) ring turn =
            let updates = Map.ofList (placed ring (steps ring) turn)

            places
            |> Array.mapi (fun i place -> updates.TryFind i |> Option.defaultValue place)

        let improved places (ring: Ring) =
            let touched =
                lines
                |> Array.filter (fun (a, b) -> Array.contains a ring.Members || Array.contains b ring.Members)

            let candidates = [
                yield places
                for turn in 0 .. steps ring - 1 do
                    for reflected in [ false; true ] do
                        yield moved places ring (turn, reflected)
            ]

            // To hundredths, so that the first of equals is taken whatever the processor.
            candidates
            |> List.minBy (fun places -> Math.Round(cost step widths places lines touched ring.Members, 2))

        let start =
            (Array.create widths.Length (0.0, 0.0), rings)
            ||> Array.fold (fun places ring -> moved places ring (0, false))

        let places =
            if rings.Length = 1 then
                start
            else
                (start,
                 [
                     for _ in 1..4 do
                         yield! rings
                 ])
                ||> List.fold improved

        Math.Round(cost step widths places lines lines [||], 2), places

    /// The Cayley graph as SVG.
    let picture (group: Group) : Picture =
        if group.Order > bigint mostElements then
            refuse
                $"{group} is too large for a picture of its Cayley graph, which shows at most {mostElements} elements; take a subgroup or a quotient."

        let graph = graphOf group
        let lines = lines graph
        let labels = graph.Elements |> Array.map Element.text
        let widths = labels |> Array.map (fun label -> Svg.width true label + 18.0)
        let step = apart (Array.max widths)
        let ends = [| for a, b, _, _ in lines -> a, b |]

        let _, places =
            match bases graph |> List.map (cosets graph) |> List.collect (arrangements step graph) with
            | [] -> 0.0, [| 0.0, 0.0 |]
            | arrangements -> arrangements |> List.map (settled step widths ends) |> List.minBy fst

        let opposite = ends |> Array.map (fun (a, b) -> b, a) |> Set.ofArray

        /// The point that bends a line, by a part of its length to one side.
        let bent (a, b) bow =
            let (ax, ay), (bx, by) = places[a], places[b]
            (ax + bx) / 2.0 - bow * (by - ay), (ay + by) / 2.0 + bow * (bx - ax)

        /// How many boxes a line runs through that bends so.
        let hits (a, b) bow =
            let (ax, ay), (cx, cy), (bx, by) = places[a], bent (a, b) bow, places[b]

            let runsThrough i =
                let x, y = places[i]

                [ 0.04..0.04..0.96 ]
                |> List.exists (fun t ->
                    let near, middle, far = (1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t

                    abs (near * ax + middle * cx + far * bx - x) < widths[i] / 2.0 + 4.0
                    && abs (near * ay + middle * cy + far * by - y) < height / 2.0 + 4.0)

            Seq.init places.Length id
            |> Seq.filter (fun i -> i <> a && i <> b && runsThrough i)
            |> Seq.length

        let controls = [
            for a, b in ends ->
                let bows = [ 0.0; 0.1; -0.1; 0.2; -0.2; 0.3; -0.3; 0.45; -0.45 ]
                // Two generators that are inverse to each other join the same elements.
                let bows =
                    if opposite.Contains(a, b) then
                        bows |> List.filter (fun bow -> bow > 0.0)
                    else
                        bows

                bows |> List.minBy (hits (a, b)) |> bent (a, b)
        ]

        // Room for all boxes, and for the middles of lines, which bend farthest there.
        let middles = [
            for (a, b), (cx, cy) in Seq.zip ends controls ->
                let (ax, ay), (bx, by) = places[a], places[b]
                0.25 * ax + 0.5 * cx + 0.25 * bx, 0.25 * ay + 0.5 * cy + 0.25 * by
        ]

        let corners = [
            for (x, y), width in Seq.zip places widths do
                x - width / 2.0, y - height / 2.0
                x + width / 2.0, y + height / 2.0
        ]

        let xs, ys = List.unzip (corners @ middles)
        let left, top = List.min xs, List.min ys
        let shifted (x, y) = x - left, y - top

        /// Where the line from the middle of a box towards a point leaves it.
        let border i (tx, ty) =
            let x, y = places[i]
            let dx, dy = tx - x, ty - y

            let share =
                min (widths[i] / 2.0 / max 1e-9 (abs dx)) (height / 2.0 / max 1e-9 (abs dy))

            x + share * dx, y + share * dy

        let line ((a, b, generator, isInvolution), control) : XElement list =
            let start, finish = border a control, border b control
            let colour = Svg.colour (Some generator)
            let curve = $"Q{Svg.point (shifted control)} {Svg.point (shifted finish)}"

            [
                Svg.path colour $"M{Svg.point (shifted start)} {curve}"
                if not isInvolution then
                    Svg.head colour (shifted finish) (fst finish - fst control, snd finish - snd control)
            ]

        let box i =
            let x, y = shifted places[i]

            Svg.box "grey" (height / 2.0) (x - widths[i] / 2.0, y - height / 2.0) (widths[i], height) [
                labels[i]
            ]

        Svg.document
            $"Cayley graph of {group}"
            graph.Generators.Length
            (List.max xs - left, List.max ys - top)
            (List.collect line (List.zip lines controls)
             @ List.collect box [ 0 .. places.Length - 1 ])
            [
                Svg.Words, string group
                for i, generator in List.indexed graph.Generators do
                    Svg.Line(Svg.colour (Some i)), $"· {Element.text generator}"
            ]
