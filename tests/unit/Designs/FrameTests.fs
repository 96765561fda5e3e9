/// Frames that say for each input which elements it picks, without a list of the group.
module Equivariant.Tests.Designs.FrameTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

type private Model = torch.nn.Module<torch.Tensor, torch.Tensor>

let private n = 5
let private sn = Group.Symmetric n
let private points = PermutationAction.Natural sn
let private onSets = AxisAction(points, -2)
let private onNumbers = AxisAction(points, -1)
let private onGraphs = AxisAction(PermutationAction.OnGraphs(sn, 2), -2, -1)
let private ties () = TieBreaks(Random 1, 120, 1)

let private perceptron shape outputs =
    torch.manual_seed 1L |> ignore
    new Perceptron(List.fold (*) 1L shape, outputs, torch.float64)

let private sets seed =
    torch.manual_seed (int64 seed) |> ignore
    torch.randn ([| 3L; int64 n; 2L |], dtype = torch.float64)

/// Graphs with two features a node; many ties where the features are all equal.
let private graphs plain (seed: int) =
    torch.manual_seed (int64 seed) |> ignore

    let upper =
        torch.rand([| 3L; int64 n; int64 n |]).lt(0.5.ToScalar()).``to``(torch.float64).triu 1L

    let features =
        if plain then
            torch.ones (3L, int64 n, 2L, dtype = torch.float64)
        else
            torch.randn (3L, int64 n, 2L, dtype = torch.float64)

    torch.cat ([| upper + upper.transpose (1L, 2L); features |], 2L)

let private assertEquivariant name (input: TensorAction) (output: TensorAction) (design: Model) x seed =
    let g = input.Group.Random(Random seed)
    let expected = output.Apply(g, design.call x)
    let gap = distance expected (design.call (input.Apply(g, x)))
    Assert.True(gap < 1e-10, $"{name}: {gap}")
    Assert.True(expected.std().item<double>() > 1e-6, $"{name} says nothing")

[<Property(MaxTest = 20)>]
let ``a network over a sorting frame is equivariant, and evaluated once where nothing ties`` (seed: int) =
    let net = perceptron [ int64 n; 2L ] [ int64 n; 3L ]
    let frame = Frame.Sorting(ties ())
    let design = new FrameAverage(net, onSets, onSets, frame)
    let x = sets seed
    assertEquivariant "sets" onSets onSets design x seed
    Assert.Equal(1.0, design.EvaluationsPerInput)
    Assert.Equal(TieReport(3L, 0L, 0L, 1I), frame.LastTies)
    let invariant = perceptron [ int64 n ] [ 4L ]

    let numbers =
        new FrameAverage(invariant, onNumbers, TrivialAction sn, Frame.Sorting(ties ()))

    let y = x.select (2L, 0L)
    assertEquivariant "numbers" onNumbers (TrivialAction sn) numbers y seed

[<Fact>]
let ``a sorting frame sorts by the first feature, and by the next where that ties`` () =
    let x =
        torch.tensor([| 2.0; 0.0; 1.0; 7.0; 1.0; 5.0; -3.0; 1.0; 0.0; 0.0 |]).view(1L, 5L, 2L)

    let seen = ResizeArray<torch.Tensor>()

    let watching = {
        new Model("watching") with
            member _.forward rows =
                seen.Add(rows.clone().DetachFromDisposeScope())
                rows.alias ()
    }

    let design = new FrameAverage(watching, onSets, onSets, Frame.Sorting(ties ()))
    assertClose 0.0 x (design.call x)

    let sorted =
        torch.tensor([| -3.0; 1.0; 0.0; 0.0; 1.0; 5.0; 1.0; 7.0; 2.0; 0.0 |]).view(1L, 5L, 2L)

    assertClose 0.0 sorted seen[0]

[<Property(MaxTest = 20)>]
let ``points that tie are taken in all orders where there are few: exactly equivariant`` (seed: int) =
    let random = Random seed
    let net = perceptron [ int64 n; 2L ] [ int64 n; 3L ]
    // Each input has its own number of orders.
    let x = (tokens random 0 2 [ 4L; int64 n; 2L ]).``to`` torch.float64
    let frame = Frame.Sorting(ties ())
    let design = new FrameAverage(net, onSets, onSets, frame)
    assertEquivariant "ties" onSets onSets design x seed
    Assert.Equal(0L, frame.LastTies.Drawn)
    Assert.True(frame.LastTies.Tied > 0L && design.EvaluationsPerInput > 1.0)
    // What an input gives does not depend on those beside it.
    let alone = design.call (x.narrow (0L, 2L, 1L))
    assertClose 1e-12 alone ((design.call x).narrow(0L, 2L, 1L))

[<Fact>]
let ``where too many orders tie some are drawn, right in expectation, and the report says so`` () =
    let net = perceptron [ int64 n; 2L ] [ int64 n; 3L ]
    let x = torch.ones (2L, int64 n, 2L, dtype = torch.float64)
    let all = new FrameAverage(net, onSets, onSets, Frame.Sorting(ties ()))
    let frame = Frame.Sorting(TieBreaks(Random 3, 24, 8))
    let drawn = new FrameAverage(net, onSets, onSets, frame)
    let expected = all.call x
    Assert.Equal(120.0, all.EvaluationsPerInput)
    let calls = 500
    let outputs = torch.stack [| for _ in 1..calls -> drawn.call x |]
    Assert.Equal(8.0, drawn.EvaluationsPerInput)
    Assert.Equal(TieReport(2L, 2L, 2L, 120I), frame.LastTies)
    Assert.Contains("drawn for 2", string frame.LastTies)
    let error = outputs.std 0L / Math.Sqrt(float calls).ToScalar()
    // Thirty components, five standard errors each: one false alarm in 50 000 seeds.
    let gap = ((outputs.mean [| 0L |] - expected).abs() / error).max().item<double>()
    Assert.True(gap < 5.0, $"{gap} standard errors")
    // By the order in which they came the first would always be first.
    Assert.True((outputs[0] - outputs[1]).abs().max().item<double>() > 1e-6)

let private frames: (string * (unit -> RankingFrame)) list = [
    "colours", (fun () -> Frame.ColourRefinement(ties ()))
    "one round", (fun () -> Frame.ColourRefinement(ties (), 1))
    "spectral", (fun () -> Frame.Spectral(ties ()))
    "degrees", (fun () -> Frame.SortingBy((fun x -> x.narrow(2L, 0L, int64 n).sum 2L), ties ()))
]

[<Property(MaxTest = 20)>]
let ``networks over frames of graphs are equivariant, with features and without`` (seed: int) =
    let net = perceptron [ int64 n; int64 n + 2L ] [ int64 n; int64 n ]
    let onEdges = AxisAction(PermutationAction.OnGraphs sn, -2, -1)

    for name, frame in frames do
        for plain in [ false; true ] do
            let frame = frame ()
            let design = new FrameAverage(net, onGraphs, onEdges, frame)
            let x = graphs plain seed
            assertEquivariant name onGraphs onEdges design x seed
            Assert.Equal(0L, frame.LastTies.Drawn)
            assertClose 1e-12 (design.call (x.narrow (0L, 1L, 1L))) ((design.call x).narrow(0L, 1L, 1L))

/// A graph from its edges, without features.
let private graph nodes edges =
    let x = torch.zeros (1L, nodes, nodes, dtype = torch.float64)

    for i, j in edges do
        x[0L, i, j] <- torch.tensor 1.0
        x[0L, j, i] <- torch.tensor 1.0

    x

let private tiesOf (frame: RankingFrame) (x: torch.Tensor) =
    let nodes = int x.shape[1]
    let action = AxisAction(PermutationAction.OnGraphs(Group.Symmetric nodes), -2, -1)

    let still = {
        new Model("still") with
            member _.forward rows = rows.alias ()
    }

    (new FrameAverage(still, action, action, frame)).call x |> ignore
    frame.LastTies.MostOrders

[<Fact>]
let ``colours and heat tell apart the nodes that they have to, and no more`` () =
    let both x = [
        tiesOf (Frame.ColourRefinement(ties ())) x
        tiesOf (Frame.Spectral(ties ())) x
    ]

    // A path of six: ends, next and middle, two of each.
    Assert.Equal<bigint list>([ 8I; 8I ], both (graph 6L [ for i in 0L .. 4L -> i, i + 1L ]))
    // A spider with legs of 1, 2 and 3 has no symmetry.
    Assert.Equal<bigint list>([ 1I; 1I ], both (graph 7L [ 0L, 1L; 0L, 2L; 2L, 3L; 0L, 4L; 4L, 5L; 5L, 6L ]))
    // A circle looks the same everywhere.
    Assert.Equal<bigint list>([ 720I; 720I ], both (graph 6L [ for i in 0L .. 5L -> i, (i + 1L) % 6L ]))
    // Two triangles and an hexagon apart are one colour to 1-WL, but heat goes round a triangle faster.
    let beside =
        graph 12L [
            for i in 0L .. 5L do
                i, (i + 1L) % 6L
            for t in [ 6L; 9L ] do
                for i in 0L .. 2L do
                    t + i, t + (i + 1L) % 3L
        ]

    Assert.Equal<bigint list>([ 479001600I; 518400I ], both beside)
    // One round sees degrees only.
    Assert.Equal(
        48I,
        tiesOf (Frame.ColourRefinement(ties (), 0)) (graph 6L [ for i in 0L .. 4L -> i, i + 1L ])
        / 15I
    )

[<Fact>]
let ``colour refinement is exact: directions, weights and features count to the last bit`` () =
    let frame () =
        Frame.ColourRefinement(TieBreaks(Random 1, 1, 1))

    let ring = graph 4L [ for i in 0L .. 3L -> i, (i + 1L) % 4L ]
    Assert.Equal(24I, tiesOf (frame ()) ring)
    let heavier = ring.clone ()
    heavier[0L, 0L, 1L] <- torch.tensor (Math.BitIncrement 1.0)
    // One edge of another weight, in one direction only, gives all four nodes away.
    Assert.Equal(1I, tiesOf (frame ()) heavier)
    let zero = ring.clone ()
    zero[0L, 0L, 2L] <- torch.tensor -0.0
    Assert.Equal(24I, tiesOf (frame ()) zero)

[<Fact>]
let ``a product frame picks for each factor, and its order does not matter to the law`` () =
    let pair = Group.Direct [| sn :> Group; Group.Cyclic 2 |]
    let flip = PermutationAction(Group.Cyclic 2, 2, [| [| 1; 0 |] |])

    let indices =
        (PermutationAction.OfFactor(pair, 0, points)).Times(PermutationAction.OfFactor(pair, 1, flip))

    let action = AxisAction(indices, -2, -1)
    let net = perceptron [ int64 n; 2L ] [ int64 n; 2L ]
    // The first factor's frame must not see the second: it sorts by the sum of both columns.
    let bySum () =
        Frame.SortingBy((fun x -> x.sum 2L), ties ())

    let energy (rows: torch.Tensor) =
        (rows * torch.tensor [| 1.0; 2.0 |]).tanh().sum [| 1L; 2L |]

    let design =
        new FrameAverage(net, action, action, Frame.Product [| bySum () :> Frame; Frame.LeastEnergy energy |])

    for seed in 1..10 do
        assertEquivariant "product" action action design (sets seed) seed
        Assert.Equal(1.0, design.EvaluationsPerInput)
        // Ties in both factors.
        let x = (tokens (Random seed) 0 2 [ 3L; int64 n; 2L ]).``to`` torch.float64
        assertEquivariant "product with ties" action action design x seed

    refused [ "2 parts"; "S5" ] (fun () ->
        new FrameAverage(net, onSets, onSets, Frame.Product [| bySum () :> Frame; bySum () |]))

[<Fact>]
let ``a wreath frame turns each block and then orders them`` () =
    let three, four = Group.Symmetric 3, Group.Symmetric 4
    let wreath = Group.Wreath(three, four)

    let action =
        AxisAction(PermutationAction.Imprimitive(wreath, PermutationAction.Natural three), -2)

    let sorting () = Frame.Sorting(ties ()) :> Frame

    let frame () =
        Frame.Wreath(sorting (), sorting (), TieBreaks(Random 1, 100_000, 1))

    let net = perceptron [ 12L; 2L ] [ 12L; 3L ]
    let design = new FrameAverage(net, action, action, frame ())

    let drawn seed =
        torch.manual_seed (int64 seed) |> ignore
        torch.randn ([| 3L; 12L; 2L |], dtype = torch.float64)

    for seed in 1..10 do
        assertEquivariant "wreath" action action design (drawn seed) seed
        Assert.Equal(1.0, design.EvaluationsPerInput)

    // Blocks and points are in order afterwards.
    let x = drawn 1

    let first =
        (((frame ()).Pick(action, x)).Transform(action, x)).select(2L, 0L).view(3L, 4L, 3L)

    Assert.True(first.diff(1L, 2L).gt(0.0.ToScalar()).all().item<bool>())
    Assert.True((first.select (2L, 0L)).diff(1L, 1L).gt(0.0.ToScalar()).all().item<bool>())

    // Ties within blocks, and of whole blocks.
    for seed in 1..5 do
        let x = drawn seed
        x.narrow(1L, 1L, 1L).copy_(x.narrow (1L, 0L, 1L)) |> ignore
        x.narrow(1L, 6L, 3L).copy_(x.narrow (1L, 3L, 3L)) |> ignore
        assertEquivariant "wreath with ties" action action design x seed
        Assert.Equal(4.0, design.EvaluationsPerInput)

[<Fact>]
let ``a wreath frame takes any frames, weighs picks, and may be one of another`` () =
    let turn, swap = Group.Cyclic 3, Group.Symmetric 2
    let small = Group.Wreath(turn, swap)
    let inner = PermutationAction.Imprimitive(small, PermutationAction.Natural turn)
    let nested = Group.Wreath(small, swap)

    let energy (rows: torch.Tensor) =
        (rows.flatten 1L).matmul(torch.tensor [| 0.3; -0.2; 0.5 |])

    let plain () = Frame.LeastEnergy energy
    let soft () = Frame.Continuous(energy, 0.8)
    let sorting () = Frame.Sorting(ties ()) :> Frame

    let wreath frame =
        Frame.Wreath(frame (), sorting (), ties ())

    for name, action, frame in
        [
            "turns", AxisAction(inner, -1), wreath plain
            "soft turns", AxisAction(inner, -1), wreath soft
            "nested",
            AxisAction(PermutationAction.Imprimitive(nested, inner), -1),
            Frame.Wreath(wreath plain, sorting (), ties ())
        ] do
        let n = int64 action.Indices.Degree
        let design = new FrameAverage(perceptron [ n ] [ n ], action, action, frame)

        for seed in 1..10 do
            torch.manual_seed (int64 seed) |> ignore
            let x = torch.randn ([| 4L; n |], dtype = torch.float64)
            assertEquivariant name action action design x seed

    // Too many ways to combine picks: drawn by their weights, right in expectation.
    let action = AxisAction(inner, -1)
    let net = perceptron [ 6L ] [ 6L ]
    let x = torch.randn ([| 1L; 6L |], dtype = torch.float64)

    let wide = Frame.Continuous(energy, 5.0)

    let mean ties =
        (new FrameAverage(net, action, action, Frame.Wreath(wide, sorting (), ties))).call x

    let gap =
        distance (mean (TieBreaks(Random 1, 100, 1))) (mean (TieBreaks(Random 2, 1, 20_000)))

    Assert.InRange(gap, 1e-6, 0.02)

    refused [ "wreath"; "S5" ] (fun () -> new FrameAverage(net, onSets, onSets, wreath plain))
    refused [ "symmetric group" ] (fun () -> new FrameAverage(net, action, action, wreath sorting))

[<Fact>]
let ``a continuous frame is equivariant, and does not jump where a plain one does`` () =
    let c4 = Group.Cyclic 4
    let onFour = AxisAction(PermutationAction.Natural c4, -1)
    let net = perceptron [ 4L ] [ 4L ]
    let energy (rows: torch.Tensor) = rows.select (1L, 0L)

    let continuous =
        new FrameAverage(net, onFour, onFour, Frame.Continuous(energy, 0.5))

    let plain = new FrameAverage(net, onFour, onFour, Frame.LeastEnergy energy)
    torch.manual_seed 4L |> ignore
    assertEquivariant "continuous" onFour onFour continuous (torch.randn (5L, 4L, dtype = torch.float64)) 3
    // From one side of a tie of the two least to the other.
    let near (side: float) =
        torch.tensor([| side; -side; 2.0; 3.0 |]).unsqueeze 0L

    let jump (design: Model) =
        distance (design.call (near 1e-9)) (design.call (near -1e-9))

    Assert.True(jump plain > 1e-2, $"{jump plain}")
    Assert.True(jump continuous < 1e-7, $"{jump continuous}")
    // Beyond the width it is the plain frame.
    let clear = torch.tensor([| 0.0; 0.6; 0.7; 0.8 |]).unsqueeze 0L
    assertClose 1e-12 (plain.call clear) (continuous.call clear)
    Assert.Equal(1.0, continuous.EvaluationsPerInput)

[<Fact>]
let ``gradients flow through picks to the input and the network`` () =
    let net = perceptron [ int64 n; 2L ] [ int64 n; 2L ]
    let design = new FrameAverage(net, onSets, onSets, Frame.Sorting(ties ()))
    let x = (sets 3).requires_grad_ true
    let probe = sets 4
    (design.call x * probe).sum().backward()
    let step = 1e-6

    for i, j, k in [ 0L, 0L, 0L; 1L, 3L, 1L; 2L, 4L, 0L ] do
        let moved (sign: float) =
            let y = x.detach().clone()
            y[i, j, k] <- y[i, j, k] + (sign * step).ToScalar()
            (design.call y * probe).sum().item<double>()

        let slope = (moved 1.0 - moved -1.0) / (2.0 * step)
        Assert.Equal(slope, x.grad[i, j, k].item<double>(), 1e-6)

[<Fact>]
let ``frames refuse what they are not for, in a sentence`` () =
    let net = perceptron [ int64 n; 2L ] [ int64 n; 2L ]

    let over (action: TensorAction) frame () =
        new FrameAverage(net, action, action, frame)

    let sorting () = Frame.Sorting(ties ()) :> Frame
    let c5 = Group.Cyclic 5
    refused [ "symmetric group"; "C5" ] (over (AxisAction(PermutationAction.Natural c5, -1)) (sorting ()))

    refused
        [ "symmetric group"; "A5" ]
        (over (AxisAction(PermutationAction.Natural(Group.Alternating 5), -1)) (sorting ()))

    refused [ "symmetric group" ] (over (MatrixAction(Representation.Of points)) (sorting ()))
    refused [ "symmetric group" ] (over (AxisAction(points.Times points, -1)) (sorting ()))

    let call action frame x =
        fun () -> (new FrameAverage(net, action, action, frame)).call x

    refused [ "colour refinement" ] (call onGraphs (sorting ()) (graphs false 1))
    refused [ "set"; "no edges" ] (call onSets (Frame.ColourRefinement(ties ())) (sets 1))

    let broken (x: torch.Tensor) (value: float) =
        let x = x.clone ()
        x[1L, 2L, int64 x.shape[2] - 1L] <- torch.tensor value
        x

    refused [ "features"; "NaN" ] (call onSets (sorting ()) (broken (sets 1) nan))

    refused
        [ "features"; "NaN" ]
        (call onGraphs (Frame.ColourRefinement(ties ())) (broken (graphs false 1) nan))

    refused [ "features"; "NaN" ] (call onGraphs (Frame.Spectral(ties ())) (broken (graphs false 1) nan))
    let directed = graphs false 1
    directed[0L, 1L, 2L] <- torch.tensor 0.25
    refused [ "undirected"; "not symmetric" ] (call onGraphs (Frame.Spectral(ties ())) directed)

    refused
        [ "35 coordinates" ]
        (call onGraphs (Frame.Spectral(ties ())) ((graphs false 1).narrow(1L, 0L, 4L)))

    refused
        [ "each of 5 points"; "[3, 2]" ]
        (call onSets (Frame.SortingBy((fun x -> x.sum 1L), ties ())) (sets 1))

    refused [ "NaN" ] (call onSets (Frame.SortingBy((fun x -> x.sum 2L * nan.ToScalar()), ties ())) (sets 1))
    refused [ "Listed"; "0" ] (fun () -> TieBreaks(Random 1, 0, 1))
    refused [ "Drawn"; "-2" ] (fun () -> TieBreaks(Random 1, 1, -2))
    refused [ "-1 times" ] (fun () -> Frame.ColourRefinement(ties (), -1))
    refused [ "positive width"; "0" ] (fun () -> Frame.Continuous((fun x -> x.sum 1L), 0.0))
