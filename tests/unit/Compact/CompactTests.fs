/// Infinite groups, by samples and by frames.
module Equivariant.Tests.Compact.CompactTests

open System
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Compact
open Equivariant.Core.Designs
open Equivariant.Core.Groups
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.ToyModels

let private o3 = CompactGroup.Orthogonal 3
let private so3 = CompactGroup.Rotations 3

let private groups = [
    for d in 1..4 do
        CompactGroup.Orthogonal d
        CompactGroup.Rotations d
]

let private random (shape: int64 list) (seed: int) =
    torch.manual_seed (int64 seed) |> ignore
    torch.randn (Array.ofList shape, dtype = torch.float64)

[<Fact>]
let ``samples are members, and so are their products and inverses`` () =
    for group in groups do
        let g = group.Random(50L, Random 1)
        Assert.True(group.Contains g)
        Assert.True(group.Contains(g.matmul (group.Random(50L, Random 2))))
        Assert.True(group.Contains(g.transpose (1L, 2L)))
        Assert.False(group.Contains(g * 1.01.ToScalar()))
        let determinants = g.det ()
        Assert.Equal(group.HasReflections, determinants.lt(0.0.ToScalar()).any().item<bool>())

    Assert.Equal("O(3)", o3.Name)
    Assert.Equal("SO(3)", string so3)
    Assert.NotEqual(o3, so3)
    Assert.Equal(so3, CompactGroup.Rotations 3)

[<Fact>]
let ``samples are uniform: a fixed turn, left or right, changes no moment`` () =
    // 20 000 samples; moments of entries are below 1, so beyond 0.04 is more than five standard errors.
    for group in groups do
        let g = group.Random(20000L, Random 3)
        let h = group.Random(1L, Random 4)

        let moments (x: torch.Tensor) =
            let flat = x.flatten 1L

            torch.cat [|
                flat.mean [| 0L |]
                (flat.t().matmul flat / 20000.0.ToScalar()).flatten()
                flat.pow(3.0.ToScalar()).mean [| 0L |]
            |]

        for moved in [ h.matmul g; g.matmul h ] do
            Assert.True(distance (moments g) (moments moved) < 0.04, group.Name)

        if group.Dimension > 1 then
            // Every direction is as likely as the others.
            Assert.True((g.mean [| 0L |]).abs().max().item<double>() < 0.04, group.Name)

let private kinds = [|
    VectorKind.Vector
    VectorKind.Pseudovector
    VectorKind.Scalar
    VectorKind.Vector
    VectorKind.Pseudoscalar
|]

[<Fact>]
let ``actions are actions, and vectors with pseudovectors make what physics says`` () =
    let action = CompactAction(o3, kinds)
    Assert.Equal(11, action.Width)
    let x = random [ 6L; 4L; 11L ] 1
    let g, h = o3.Random(6L, Random 1), o3.Random(6L, Random 2)
    assertClose 1e-10 (action.ApplyEach(g.matmul h, x)) (action.ApplyEach(g, action.ApplyEach(h, x)))
    assertClose 1e-10 x (action.UndoEach(g, action.ApplyEach(g, x)))
    let identity = torch.eye(3L, dtype = torch.float64).expand(6L, 3L, 3L)
    assertClose 0.0 x (action.ApplyEach(identity, x))
    // The cross product of two vectors is a pseudovector, and its product with a third a pseudoscalar.
    let cross (x: torch.Tensor) =
        let a, b = x.narrow (2L, 0L, 3L), x.narrow (2L, 3L, 3L)
        let c = torch.linalg.cross (a, b)
        torch.cat ([| c; (c * x.narrow (2L, 6L, 3L)).sum(2L, true) |], 2L)

    let vectors =
        CompactAction(o3, [| VectorKind.Vector; VectorKind.Vector; VectorKind.Vector |])

    let made = CompactAction(o3, [| VectorKind.Pseudovector; VectorKind.Pseudoscalar |])
    let y = random [ 6L; 4L; 9L ] 2
    assertClose 1e-10 (made.ApplyEach(g, cross y)) (cross (vectors.ApplyEach(g, y)))

let private perceptron n width outputs =
    torch.manual_seed 1L |> ignore
    new Perceptron(n * width, [ n; outputs ], torch.float64)

let private n = 6

[<Fact>]
let ``a network over principal axes is equivariant, with vectors and pseudovectors in and out`` () =
    for group in groups do
        let d = int64 group.Dimension

        let input =
            CompactAction(group, [| VectorKind.Vector; VectorKind.Scalar; VectorKind.Pseudovector |])

        let output =
            CompactAction(group, [| VectorKind.Pseudovector; VectorKind.Vector; VectorKind.Pseudoscalar |])

        let frame = CompactFrame.PrincipalAxes(Random 1)
        let net = perceptron (int64 n) (2L * d + 1L) (2L * d + 1L)
        let design = new CompactFrameAverage(net, input, output, frame)

        for seed in 1..5 do
            let x = random [ 3L; int64 n; 2L * d + 1L ] seed
            let g = group.Random(3L, Random seed)
            assertClose 1e-8 (output.ApplyEach(g, design.call x)) (design.call (input.ApplyEach(g, x)))
            Assert.Equal(0L, frame.LastDegenerate)

        Assert.Equal(
            (if group.HasReflections then
                 2.0 ** float d
             else
                 2.0 ** float (d - 1L)),
            design.EvaluationsPerInput
        )

[<Fact>]
let ``points in any order and turned: frames of both groups, one within the other`` () =
    let sn = Group.Symmetric n
    let onPoints = AxisAction(PermutationAction.Natural sn, -2)
    let input = CompactAction(o3, [| VectorKind.Vector; VectorKind.Vector |])
    let output = CompactAction(o3, [| VectorKind.Vector |])

    let sorted =
        new FrameAverage(perceptron (int64 n) 6L 3L, onPoints, onPoints, Frame.Sorting(TieBreaks(Random 1)))

    let design =
        new CompactFrameAverage(sorted, input, output, CompactFrame.PrincipalAxes(Random 1))

    for seed in 1..5 do
        let x = random [ 3L; int64 n; 6L ] seed
        let g, h = o3.Random(3L, Random seed), sn.Random(Random seed)
        let expected = onPoints.Apply(h, output.ApplyEach(g, design.call x))
        assertClose 1e-8 expected (design.call (onPoints.Apply(h, input.ApplyEach(g, x))))

    Assert.Equal(8.0, design.EvaluationsPerInput * sorted.EvaluationsPerInput)

/// The corners of an octahedron: no axis is better than another.
let private octahedron =
    torch
        .cat(
            [|
                torch.eye (3L, dtype = torch.float64)
                -(torch.eye (3L, dtype = torch.float64))
            |],
            0L
        )
        .unsqueeze
        0L

[<Fact>]
let ``degenerate axes are counted, and turned at random: right in expectation`` () =
    let input = CompactAction(so3, [| VectorKind.Vector |])
    let frame = CompactFrame.PrincipalAxes(Random 1)
    let design = new CompactFrameAverage(perceptron 6L 3L 3L, input, input, frame)
    let apart = random [ 1L; 6L; 3L ] 1
    design.call (torch.cat ([| octahedron; apart |], 0L)) |> ignore
    Assert.Equal(1L, frame.LastDegenerate)
    // A body of revolution: two equal moments.
    let flat = octahedron * torch.tensor [| 1.0; 1.0; 0.3 |]
    design.call flat |> ignore
    Assert.Equal(1L, frame.LastDegenerate)

    for cloud in
        [
            octahedron
            flat
            torch.zeros (1L, 6L, 3L, dtype = torch.float64) + 1.0.ToScalar()
        ] do
        let g = so3.Random(1L, Random 5)
        let runs = 600

        let mean (x: torch.Tensor) =
            let all = torch.stack [| for _ in 1..runs -> design.call x |]
            all.mean [| 0L |], all.var 0L / (float runs).ToScalar()

        let here, error = mean cloud
        let there, error' = mean (input.ApplyEach(g, cloud))

        let gap =
            (input.ApplyEach(g, here) - there).abs() / (error.max () + error'.max ()).sqrt()
        // Eighteen components: beyond six standard errors is one false alarm in thirty million seeds.
        Assert.True(gap.max().item<double>() < 6.0, $"{gap.max().item<double>()}")

[<Fact>]
let ``uniform samples are right in expectation`` () =
    let input = CompactAction(o3, [| VectorKind.Vector |])

    let design =
        new CompactFrameAverage(perceptron 6L 3L 3L, input, input, CompactFrame.Uniform(4000, Random 2))

    let x = random [ 1L; 6L; 3L ] 1
    let g = o3.Random(1L, Random 5)
    let here = design.call x
    let error = design.StandardError
    let gap = input.ApplyEach(g, here) - design.call (input.ApplyEach(g, x))
    Assert.True(gap.abs().max().item<double>() < 0.1)
    Assert.Equal(4000.0, design.EvaluationsPerInput)
    // Both sides of the gap have the error.
    Assert.InRange(gap.square().mean().sqrt().item<double>() / (error * sqrt 2.0), 0.5, 2.0)

    let axes =
        new CompactFrameAverage(perceptron 6L 3L 3L, input, input, CompactFrame.PrincipalAxes(Random 1))

    axes.call x |> ignore
    Assert.True(Double.IsNaN axes.StandardError, "a frame is not a sample")

[<Fact>]
let ``what compact groups do not take is refused in a sentence`` () =
    refused [ "0 dimensions" ] (fun () -> CompactGroup.Orthogonal 0)
    let vectors = CompactAction(o3, [| VectorKind.Vector |])
    refused [ "O(3)"; "say which" ] (fun () -> CompactAction(o3, [||]))

    refused [ "[B, …, 3]"; "[2, 4]" ] (fun () ->
        vectors.ApplyEach(o3.Random(2L, Random 1), torch.zeros (2L, 4L)))

    refused [ "each of 2 rows"; "[3, 3, 3]" ] (fun () ->
        vectors.ApplyEach(o3.Random(3L, Random 1), torch.zeros (2L, 3L)))

    let net = perceptron 6L 3L 3L
    let axes () = CompactFrame.PrincipalAxes(Random 1)

    refused [ "O(3)"; "SO(3)" ] (fun () ->
        new CompactFrameAverage(net, vectors, CompactAction(so3, [| VectorKind.Vector |]), axes ()))

    let scalars = CompactAction(o3, [| VectorKind.Scalar |])
    refused [ "first vectors"; "scalar" ] (fun () -> new CompactFrameAverage(net, scalars, vectors, axes ()))
    let design = new CompactFrameAverage(net, vectors, vectors, axes ())
    refused [ "clouds of points" ] (fun () -> design.call (torch.zeros (2L, 3L, dtype = torch.float64)))
    refused [ "NaN or infinite" ] (fun () -> design.call (random [ 2L; 6L; 3L ] 1 * nan.ToScalar()))
    refused [ "0 samples" ] (fun () -> CompactFrame.Uniform(0, Random 1))
