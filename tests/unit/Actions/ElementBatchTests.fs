/// Elements as tensors, an element a row, and what moves each row by its own.
module Equivariant.Tests.Actions.ElementBatchTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect

let private s4 = Group.Symmetric 4
let private s3 = Group.Symmetric 3
let private c6 = Group.Cyclic 6
let private four = PermutationAction.Natural s4
let private three = PermutationAction.Natural s3
let private pair = Group.Direct [| s4 :> Group; s3 |]
let private wreath = Group.Wreath(s3, s4)
let private mixed = Group.Direct [| c6 :> Group; wreath; s4 |]

/// Actions built in every way there is.
let private indices: (string * PermutationAction) list =
    let left = PermutationAction.OfFactor(pair, 0, four)
    let right = PermutationAction.OfFactor(pair, 1, three)

    [
        "points", four
        "fixed", PermutationAction.Trivial(s4, 5)
        "side by side", four.Plus(PermutationAction.Trivial(s4, 2), four)
        "pairs", four.Times(four.Plus(PermutationAction.Trivial(s4, 3)))
        "graphs", PermutationAction.OnGraphs(s4, 2)
        "graphs without features", PermutationAction.OnGraphs s4
        "a factor", right
        "grid of both factors", left.Times right
        "tuple", PermutationAction.OnTuple(pair, [| four; three |])
        "blocks", PermutationAction.Imprimitive(wreath, three)
        "cyclic", PermutationAction.Natural c6
        "regular", PermutationAction.Regular s3
        "cosets", PermutationAction.OnCosets(s4, s4.Subgroup [| s4.Element(1, 0, 2, 3) |])
        "given by generators", PermutationAction(s4, 4, [| for g in s4.Generators -> g.Code.ToArray() |])
        "along a homomorphism", three.Pullback(GroupHomomorphism(c6, s3, [| s3.Element(1, 2, 0) |]))
        "a factor of three",
        PermutationAction
            .OfFactor(mixed, 1, PermutationAction.Imprimitive(wreath, three))
            .Plus(
                PermutationAction.OfFactor(mixed, 2, four),
                PermutationAction.OfFactor(mixed, 0, PermutationAction.Natural c6)
            )
    ]

[<Property(MaxTest = 20)>]
let ``images of many elements are those of each`` (seed: int) =
    let random = Random seed

    for name, action in indices do
        let batch = ElementBatch.Random(action.Group, int64 (random.Next(0, 7)), random)
        let images = action.Images batch
        Assert.Equal<int64[]>([| batch.Count; int64 action.Degree |], images.shape)

        for row in 0L .. batch.Count - 1L do
            let expected = action.Permutation batch[row] |> Array.map int64
            let actual = images[row].contiguous().data<int64>().ToArray()
            Assert.True((expected = actual), $"{name}, {batch[row]}")

let private actions: (string * TensorAction * (Random -> int64 -> torch.Tensor)) list =
    let random (shape: int64 list) (seed: Random) (rows: int64) =
        torch.manual_seed (int64 (seed.Next())) |> ignore
        torch.randn (Array.ofList (rows :: shape), dtype = torch.float64)

    [
        for name, action in indices do
            let n = int64 action.Degree
            $"{name}, last axis", AxisAction(action, -1), random [ 2L; n ]
            $"{name}, an axis within", AxisAction(action, -2), random [ n; 3L ]

            $"{name}, words", TokenAction action, (fun seed rows -> tokens seed 0 (int n) [ rows; 5L ])

        "graphs", AxisAction(PermutationAction.OnGraphs(s4, 2), -2, -1), random [ 4L; 6L ]
        "matrices", MatrixAction(Representation.Of four), random [ 3L; 4L ]
        "trivial", TrivialAction s4, random [ 4L ]
    ]

[<Property(MaxTest = 10)>]
let ``each row is moved by its own element and back, listed or not`` (seed: int) =
    let random = Random seed

    for name, action, draw in actions do
        let rows = int64 (random.Next(1, 5))
        let x = draw random rows
        let own = ElementBatch.Random(action.Group, rows, random)
        let elements = [| for _ in 1..3 -> action.Group.Random random |]
        let listed = ElementBatch.Of(action.Group, elements, tokens random 0 3 [ rows ])

        for batch in [ own; listed ] do
            let moved = action.ApplyEach(batch, x)

            for row in 0L .. rows - 1L do
                let alone = action.Apply(batch[row], x.narrow (0L, row, 1L))
                Assert.True(distance alone (moved.narrow (0L, row, 1L)) < 1e-12, name)

            Assert.True(distance x (action.UndoEach(batch, moved)) < 1e-12, name)

[<Property(MaxTest = 10)>]
let ``relaxed elements that are decided act as the elements do, however the action is built`` (seed: int) =
    let random = Random seed

    let natural (batch: ElementBatch) =
        let hot: torch.Tensor =
            torch.nn.functional.one_hot (batch.Codes, int64 batch.Group.Width)

        RelaxedElements.Permutations(hot.transpose (1L, 2L)) :> RelaxedElements

    let relaxed (batch: ElementBatch) =
        match batch.Group with
        | :? PermutationGroup -> natural batch
        | :? DirectProduct as product ->
            RelaxedElements.Tuple [|
                for i in 0 .. product.Factors.Count - 1 ->
                    let codes =
                        torch.stack [|
                            for row in 0L .. batch.Count - 1L ->
                                torch.tensor [|
                                    for entry in (product.Project(i, batch[row])).Code.ToArray() ->
                                        int64 entry
                                |]
                        |]

                    RelaxedElements.Decided(ElementBatch.Of(product.Factors[i], codes)) :> RelaxedElements
            |]
        | _ -> RelaxedElements.Decided batch

    let cannot = [ "regular"; "cosets"; "given by generators"; "graphs without features, words" ]

    for name, action, draw in actions do
        if
            action :? AxisAction
            && not (List.exists (fun (part: string) -> name.StartsWith part) cannot)
        then
            let rows = int64 (random.Next(1, 4))
            let x = draw random rows
            let batch = ElementBatch.Random(action.Group, rows, random)
            let soft = relaxed batch
            Assert.True(distance (action.ApplyEach(batch, x)) (soft.Apply(action, x)) < 1e-12, name)
            Assert.True(distance (action.UndoEach(batch, x)) (soft.Inverse().Apply(action, x)) < 1e-12, name)

[<Fact>]
let ``a relaxed choice from a list is the mean of what its elements do`` () =
    let random = Random 1
    let elements = [| for _ in 1..3 -> s4.Random random |]
    let list = ElementList(s4, elements)
    let weights = (torch.rand (2L, 3L, dtype = torch.float64)).softmax 1L

    for name, action, draw in actions do
        if action.Group.Equals s4 && action :? AxisAction then
            let x = draw random 2L

            let expected =
                [
                    for t in 0..2 ->
                        action.Apply(elements[t], x) * weights.narrow(1L, int64 t, 1L).view(2L, 1L, 1L)
                ]
                |> List.reduce (+)

            let choices = RelaxedElements.Choices(list, weights)
            Assert.True(distance expected (choices.Apply(action, x)) < 1e-12, name)
            // By matrices, which is the way of a factor of a direct product, pairs get the mean of each of their points.
            if not (name.StartsWith "pairs" || name.StartsWith "graphs") then
                Assert.True(distance expected (action.Mix(choices, x)) < 1e-12, name)

                Assert.True(
                    distance (choices.Inverse().Apply(action, x)) (action.Mix(choices.Inverse(), x)) < 1e-12,
                    name
                )

[<Fact>]
let ``uniform elements are uniform`` () =
    let batch = ElementBatch.Random(s3, 6000L, Random 1)
    let count = (batch.Codes * torch.tensor [| 9L; 3L; 1L |]).sum 1L
    let struct (_, _, counts) = count.unique (return_counts = true)
    Assert.Equal<int64[]>([| 6L |], counts.shape)
    // Each of the six is expected a thousand times; 150 is more than five standard deviations.
    Assert.True((counts - 1000L.ToScalar()).abs().max().item<int64>() < 150L)

[<Fact>]
let ``what are no elements of the group is refused, with the rule`` () =
    let even = Group.Alternating 4

    refused [ "A4"; "not a product" ] (fun () ->
        ElementBatch.Of(even, torch.tensor([| 1L; 0L; 2L; 3L |]).unsqueeze 0L))

    refused [ "0, 0" ] (fun () -> ElementBatch.Of(s4, torch.tensor([| 0L; 0L; 2L; 3L |]).unsqueeze 0L))

    refused [ "[R, 4]"; "[1, 3]" ] (fun () ->
        ElementBatch.Of(s4, torch.tensor([| 0L; 1L; 2L |]).unsqueeze 0L))

    refused [ "Float32" ] (fun () -> ElementBatch.Of(s4, torch.zeros (1L, 4L)))
    let onFour = AxisAction(four, -1)
    let own = ElementBatch.Random(s4, 3L, Random 1)
    refused [ "each of 2 rows"; "3 elements of S4" ] (fun () -> onFour.ApplyEach(own, torch.zeros (2L, 4L)))

    refused [ "S3" ] (fun () -> onFour.ApplyEach(ElementBatch.Random(s3, 2L, Random 1), torch.zeros (2L, 4L)))

    refused [ "2 factors"; "3 of S4, 2 of S3" ] (fun () ->
        ElementBatch.Tuple(pair, [| own; ElementBatch.Random(s3, 2L, Random 1) |]))

    refused [ "-1 features" ] (fun () -> PermutationAction.OnGraphs(s4, -1))
