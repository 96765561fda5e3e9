module Equivariant.Tests.Actions.TensorActionTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect

// C4 × C2 acts on 12 things: a four-cycle, two more of them in step, with the pairs of both swapped.
let private group = Group.Direct [| Group.Cyclic 4 :> Group; Group.Cyclic 2 |]

let private indices =
    PermutationAction(
        group,
        12,
        [|
            [| 1; 2; 3; 0; 5; 6; 7; 4; 8; 9; 10; 11 |]
            [| 4; 5; 6; 7; 0; 1; 2; 3; 9; 8; 10; 11 |]
        |]
    )

let private onAxis = AxisAction(indices, -1)
let private onMiddle = AxisAction(indices, -2)
let private onPixels = AxisAction(indices, -2, -1)
let private onTokens = TokenAction indices

let private snd3 (_, _, draw) = draw

let private actions: (string * TensorAction * (Random -> torch.Tensor)) list =
    let random shape (seed: Random) =
        torch.manual_seed (int64 (seed.Next())) |> ignore
        torch.randn (Array.ofList shape, dtype = torch.float64)

    [
        "last axis", onAxis, random [ 3L; 2L; 12L ]
        "middle axis", onMiddle, random [ 3L; 12L; 2L ]
        "pixels", onPixels, random [ 3L; 2L; 4L; 3L ]
        "tokens", onTokens, (fun seed -> tokens seed 0 12 [ 3L; 5L ])
        "trivial", TrivialAction group, random [ 3L; 4L ]
    ]

[<Property>]
let ``actions are actions: the identity does nothing and products act one after the other`` (seed: int) =
    let random = Random seed

    for name, action, draw in actions do
        let x = draw random
        let g, h = group.Random random, group.Random random
        Assert.True(distance x (action.Apply(group.Identity, x)) = 0.0, name)
        Assert.True(distance (action.Apply(g * h, x)) (action.Apply(g, action.Apply(h, x))) = 0.0, name)

[<Property>]
let ``coordinates move with their index`` (seed: int) =
    let random = Random seed
    let g = group.Random random
    let permutation = indices.Permutation g
    let x = torch.arange(12L, dtype = torch.float64).unsqueeze 0L
    let moved = onAxis.Apply(g, x)

    for i in 0..11 do
        Assert.Equal(double i, moved[0L, int64 permutation[i]].item<double>())

[<Property>]
let ``expand lists the orbit and pull back undoes it`` (seed: int) =
    let random = Random seed
    let elements = [| for _ in 1 .. random.Next(1, 6) -> group.Random random |]

    for name, action, draw in actions do
        let x = draw random
        let map = action.Over elements
        let rows = map.Expand x
        Assert.Equal(elements.LongLength * x.shape[0], rows.shape[0])

        for t in 0 .. elements.Length - 1 do
            let part = rows.narrow (0L, int64 t * x.shape[0], x.shape[0])
            Assert.True(distance (action.Apply(elements[t], x)) part = 0.0, name)

        let repeated = torch.cat (Array.replicate elements.Length x, 0L)
        Assert.True(distance repeated (map.PullBack rows) = 0.0, name)

[<Property>]
let ``select applies to each row an element of its own`` (seed: int) =
    let random = Random seed
    let elements = [| for _ in 1..4 -> group.Random random |]

    for name, action, draw in actions do
        let x = draw random
        let which = tokens random 0 4 [ x.shape[0] ]
        let moved = (action.Over elements).Select(x, which)

        for row in 0L .. x.shape[0] - 1L do
            let alone =
                action.Apply(elements[int (which[row].item<int64>())], x.narrow (0L, row, 1L))

            Assert.True(distance alone (moved.narrow (0L, row, 1L)) = 0.0, name)

/// An action that has only its maps, so that its average goes through the transversals.
type private Plain(action: TensorAction) =
    inherit TensorAction(action.Group)
    override _.IsLinear = true
    override _.Over elements = action.Over elements

[<Property(MaxTest = 30)>]
let ``averages over a subgroup equal the sum over all of its elements`` (seed: int) =
    let random = Random seed

    let subgroup =
        group.Subgroup [| for _ in 1 .. random.Next(0, 3) -> group.Random random |]

    for name, action, draw in actions do
        if action.IsLinear then
            let x = draw random
            let elements = Array.ofSeq subgroup.Elements
            let sum = elements |> Array.map (fun g -> action.Apply(g, x)) |> Array.reduce (+)
            let expected = sum / (float elements.Length).ToScalar()
            Assert.True(distance expected (action.Average(subgroup).Apply x) < 1e-12, name)

            Assert.True(
                distance expected ((Plain action).Average(subgroup).Apply x) < 1e-12,
                $"{name}, by transversals"
            )

[<Property(MaxTest = 30)>]
let ``restricted and pulled back, an action does what it did`` (seed: int) =
    let random = Random seed
    let subgroup = group.Subgroup [| group.Random random |]
    let acting = Group.Cyclic 8
    // A generator of C8 acts as one of order 4.
    let into = GroupHomomorphism(acting, group, [| group.Element(1, 1) |])
    let inside, outside = subgroup.Random random, acting.Random random

    for name, action, draw in actions @ [ "without shortcuts", Plain onAxis, snd3 actions.Head ] do
        let x = draw random
        let restricted = action.Restrict subgroup
        Assert.Equal<Group>(subgroup, restricted.Group)
        Assert.True(distance (action.Apply(inside, x)) (restricted.Apply(inside, x)) = 0.0, name)
        let through = action.Pullback into
        Assert.Equal<Group>(acting, through.Group)
        Assert.True(distance (action.Apply(into.Apply outside, x)) (through.Apply(outside, x)) = 0.0, name)

[<Fact>]
let ``tensors that do not fit, and averages of tokens, are refused in a sentence`` () =
    refused [ "needs 12 coordinates" ] (fun () -> onAxis.Apply(group.Identity, torch.zeros (2L, 11L)))

    refused [ "the first of them the batch" ] (fun () ->
        onPixels.Apply(group.Identity, torch.zeros (12L, 1L)))

    refused [ "adjacent axes" ] (fun () -> AxisAction(indices, -1, -3))
    refused [ "adjacent axes" ] (fun () -> AxisAction(indices, 0))
    refused [ "not linear" ] (fun () -> onTokens.Average group)
    let elsewhere = GroupHomomorphism.Identity(Group.Cyclic 3)
    refused [ "the group that acts" ] (fun () -> (TrivialAction group).Pullback elsewhere)

[<Fact>]
let ``numbers that are no tokens are refused, not counted from the end`` () =
    use scope = torch.NewDisposeScope()
    let elements = [| group.Element(1, 0); group.Element(0, 1) |]
    let map = onTokens.Over elements

    let sentences (values: int64 list) =
        (torch.tensor (Array.ofList values)).view(2L, -1L)

    let which = torch.tensor [| 0L; 1L |]

    for wrong, token in
        [
            sentences [ 0L; -1L ], "-1"
            sentences [ 12L; 3L ], "12"
            sentences [ 1L <<< 40; 0L ], "1099511627776"
        ] do
        for attempt in [ map.Expand; map.PullBack; (fun x -> map.Select(x, which)) ] do
            refused [ $"token {token} is not"; "0 … 11" ] (fun () -> attempt wrong)

    for dtype in [ torch.int32; torch.float32; torch.bool ] do
        for attempt in [ map.Expand; map.PullBack; (fun x -> map.Select(x, which)) ] do
            refused [ "Int64"; string dtype ] (fun () -> attempt ((sentences [ 0L; 1L ]).``to`` dtype))

    Assert.Equal<int64[]>([| 4L; 0L |], (map.Expand(torch.zeros (2L, 0L, dtype = torch.int64))).shape)

[<Fact>]
let ``sparse tensors, single numbers and rows that do not go round are refused in a sentence`` () =
    use scope = torch.NewDisposeScope()
    let elements = [| group.Element(1, 0); group.Element(0, 1) |]

    let matrices =
        Representations.MatrixAction(Representations.Representation.Of indices)

    let fit: (TensorAction * torch.Tensor) list = [
        onAxis, torch.ones (3L, 12L)
        onPixels, torch.ones (3L, 2L, 4L, 3L)
        onTokens, torch.ones (3L, 2L, dtype = torch.int64)
        TrivialAction group, torch.ones (3L, 4L)
        matrices, torch.ones (3L, 12L)
    ]

    for action, x in fit do
        let map = action.Over elements
        let sparse, number = x.to_sparse (), x.flatten()[0L]
        let which = torch.zeros (3L, dtype = torch.int64)

        for attempt in [ map.Expand; map.PullBack; (fun x -> map.Select(x, which)) ] do
            refused [ "dense"; "[3, " ] (fun () -> attempt sparse)
            refused [ "batch axis" ] (fun () -> attempt number)

        if action.IsLinear then
            let average = action.Average group
            refused [ "dense" ] (fun () -> average.Apply sparse)
            refused [ "batch axis" ] (fun () -> average.Apply number)

        refused [ "2 elements"; "[3, " ] (fun () -> map.PullBack x)
        refused [ "each of 3 rows" ] (fun () -> map.Select(x, torch.zeros (2L, dtype = torch.int64)))
        refused [ "Int64" ] (fun () -> map.Select(x, torch.zeros (3L, dtype = torch.int32)))

    for action in [ onAxis :> TensorAction; matrices; Plain onAxis ] do
        refused [ "floating point"; "Int64" ] (fun () ->
            (action.Average group).Apply(torch.ones (3L, 12L, dtype = torch.int64)))

    refused [ "floating point"; "Int64" ] (fun () ->
        matrices.Apply(elements[0], torch.ones (3L, 12L, dtype = torch.int64)))

[<Fact>]
let ``means over orbits of very different sizes take the memory of the points`` () =
    use scope = torch.NewDisposeScope()
    let fixed' = 1 <<< 18
    let turning = 1 <<< 14

    let action =
        PermutationAction(
            Group.Cyclic turning,
            fixed' + turning,
            [|
                [|
                    for i in 0 .. fixed' + turning - 1 ->
                        if i < fixed' then
                            i
                        else
                            fixed' + (i - fixed' + 1) % turning
                |]
            |]
        )

    // Padded to the longest, the lists would have 4·10⁹ entries.
    let x = torch.randn (2L, int64 (fixed' + turning), dtype = torch.float64)
    let y = (AxisAction(action, -1).Average action.Group).Apply x
    let moved = x.narrow (1L, int64 fixed', int64 turning)
    assertClose 0.0 (x.narrow (1L, 0L, int64 fixed')) (y.narrow (1L, 0L, int64 fixed'))

    assertClose
        1e-12
        ((moved.mean ([| 1L |], true)).expand_as moved)
        (y.narrow (1L, int64 fixed', int64 turning))

[<Fact>]
let ``tables and matrices that no memory holds are refused with their size`` () =
    let large = Group.Cyclic 100_000
    let turning = PermutationAction.Natural large
    let elements = Seq.toArray large.Elements

    refused [ "100000 elements"; "100000 numbers"; "76294 MiB" ] (fun () ->
        AxisAction(turning, -1).Over elements)

    refused [ "100000 elements"; "MiB" ] (fun () -> TokenAction(turning).Over elements)
    let representation = Representations.Representation.Of turning
    refused [ "10000000000 entries" ] (fun () -> representation.Matrix elements[1])

    refused [ "10000000000 numbers"; "76294 MiB" ] (fun () ->
        Representations.MatrixAction(representation).Over [| elements[1] |])

    refused [ "at most" ] (fun () -> PermutationAction.Trivial(large, 1 <<< 26).Plus(turning))
    refused [ "at most" ] (fun () -> GridActions.Of(Group.Trivial(), 65536, 65537, [||]))
    refused [ "at most" ] (fun () -> GridActions.Of(Group.Trivial(), 65537, 65537, [||]))
    let trivial = Group.OfPermutations(3, [||])
    Assert.Equal(pown 3L 39, TupleOrbits.Count(trivial, 39))
    refused [ "shorter tuples" ] (fun () -> TupleOrbits.Count(trivial, 41))
    refused [ "shorter tuples" ] (fun () -> TupleOrbits.Count(Group.Symmetric 30, 30))
