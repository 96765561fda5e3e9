module Equivariant.Tests.Representations.EquivariantBasisTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.Expect
open Equivariant.Tests.Representations.SmallGroups

let private certificate (basis: EquivariantBasis) =
    basis.Certificate |> Option.ofObj |> Option.get

/// Random matrices averaged over all elements: more than enough to span the commutant.
let private commutant (input: Representation) (output: Representation) =
    let unknowns = int64 (input.Dimension * output.Dimension)

    let random =
        torch.randn (
            [| unknowns + 3L; int64 output.Dimension; int64 input.Dimension |],
            dtype = torch.float64
        )

    averageOverGroup input output random

[<Property(MaxTest = 12)>]
let ``the basis spans the whole commutant and nothing else`` (seed: int) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed
    let all = representations random (randomGroup random)

    // Some pairs of representations, different ones for each seed.
    for _ in 1..6 do
        use scope = torch.NewDisposeScope()
        let v, input = all[random.Next all.Length]
        let w, output = all[random.Next all.Length]
        let basis = EquivariantBasis.Between(input, output)
        let found = basis.Matrices().flatten 1L
        let expected = (commutant input output).flatten 1L
        let ranks = rank found, rank expected, rank (torch.cat ([| found; expected |], 0L))

        Assert.True(
            ((basis.Count, basis.Count, basis.Count) = ranks),
            $"{v} → {w} of {input.Group}: {basis.Count}, {ranks}"
        )

        Assert.Equal(basis.Count, HomDimension.Between(input, output))

[<Property(MaxTest = 12)>]
let ``pooling and expanding is the average over the group`` (seed: int) =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed
    let group = randomGroup random

    for name, representation in representations random group do
        let x =
            torch.randn ([| 2L; 3L; int64 representation.Dimension |], dtype = torch.float64)

        let invariants = representation.Invariants

        let average =
            Seq.reduce (+) [ for g in group.Elements -> act representation g x ]
            / (double group.Order).ToScalar()

        Assert.True(distance average (invariants.Expand(invariants.Pool x)) < 1e-9, $"{name} of {group}")
        Assert.Equal(HomDimension.OfInvariants representation, invariants.Count)

        let coordinates =
            torch.randn ([| 2L; int64 invariants.Count |], dtype = torch.float64)

        Assert.True(
            distance coordinates (invariants.Pool(invariants.Expand coordinates)) < 1e-9,
            $"{name} of {group}"
        )

[<Fact>]
let ``dimensions found numerically come with a gap and a cross-check`` () =
    let group = Group.Symmetric 4
    let skewed = skewed (Random 1) group
    let basis = EquivariantBasis.Between(skewed, skewed)
    Assert.Equal(2, (certificate basis).Rank)
    Assert.True((certificate basis).CrossChecked)
    Assert.True((certificate basis).Gap > 1e6, string (certificate basis))
    Assert.Contains("cross-checked", string (certificate basis))
    Assert.Null(EquivariantBasis.Between(natural group, natural group).Certificate)

[<Fact>]
let ``large systems are solved from averages, to the same dimension`` () =
    let group = Group.Symmetric 4
    let skewed = skewed (Random 1) group

    // 4 × 64 and 16 × 64 unknowns: one on either side of the limit.
    for input, output in [ skewed, skewed.Power 3; skewed.Power 2, skewed.Power 3 ] do
        let basis = EquivariantBasis.Between(input, output)
        Assert.Equal(HomDimension.Between(input, output), basis.Count)
        Assert.True((certificate basis).Gap > 1e6, string (certificate basis))

[<Fact>]
let ``a dimension that is not clear is refused`` () =
    // A rotation by nearly a third of a turn, let through by a tolerance that is far too generous.
    let angle = 2.0 * Math.PI / 3.0 + 1e-7
    let rotation = array2D [ [ cos angle; -(sin angle) ]; [ sin angle; cos angle ] ]
    let nearly = Representation.Of(Group.Cyclic 3, [| rotation |], tolerance = 1e-2)

    let exact =
        Representation.Of(Group.Cyclic 3, [| array2D [ [ -0.5; -(sqrt 0.75) ]; [ sqrt 0.75; -0.5 ] ] |])

    refused [ "double precision" ] (fun () -> EquivariantBasis.Between(nearly, exact))

[<Fact>]
let ``a sum of permutations and matrices is solved block by block`` () =
    let group = Group.Symmetric 3
    let mixed = natural group + sign group + natural group * sign group
    let basis = EquivariantBasis.Between(mixed, mixed)
    Assert.Equal(3, mixed.Summands.Count)
    Assert.Equal(HomDimension.Between(mixed, mixed), basis.Count)
    Assert.True((certificate basis).CrossChecked)
    Assert.Equal(basis.Count, (certificate basis).Rank)

[<Fact>]
let ``the trivial group allows every matrix and a group without common constituents none`` () =
    let trivial = Representation.Trivial(Group.Trivial(), 3)
    Assert.Equal(9, EquivariantBasis.Between(trivial, trivial).Count)
    let group = Group.Symmetric 3
    let none = EquivariantBasis.Between(Representation.Trivial group, sign group)
    Assert.Equal(0, none.Count)
    Assert.Equal<int64[]>([| 0L; 1L; 1L |], none.Matrices().shape)
    Assert.Equal(0, (sign group).Invariants.Count)

[<Fact>]
let ``wrong lengths are refused`` () =
    let invariants = (natural (Group.Symmetric 3)).Invariants
    refused [ "length 3" ] (fun () -> invariants.Pool(torch.zeros (2L, 4L)))

/// Vectors of the plane at the pixels of a square image, turned with it: pixels first, or the vectors' coordinates.
let private arrows side =
    let group = Group.Cyclic 4
    let pixels = Representation.Of(GridActions.Rotations(group, side, side))
    let vectors = Representation.Vectors group
    pixels, vectors, [ pixels * vectors; vectors * pixels; vectors * pixels * vectors ]

[<Fact>]
let ``vectors at moving points are solved orbit by orbit, to all maps there are`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 5L |> ignore
    let pixels, vectors, joint = arrows 3
    let s3 = Group.Symmetric 3

    let pairs: (Representation * Representation) list = [
        for input in joint do
            for output in [ joint[0]; pixels; vectors ] do
                input, output
        pixels, joint[1]
        natural s3 * skewed (Random 1) s3, sign s3 * natural s3
        (skewed (Random 1) s3) * natural s3, (natural s3) * (skewed (Random 2) s3)
    ]

    for input, output in pairs do
        use scope = torch.NewDisposeScope()
        let basis = EquivariantBasis.Between(input, output)
        Assert.IsType<FibredBasis> basis |> ignore
        Assert.Equal(HomDimension.Between(input, output), basis.Count)
        Assert.True((certificate basis).CrossChecked)
        let found = basis.Matrices().flatten 1L
        Assert.Equal(basis.Count, rank found)
        Assert.Equal(basis.Count, rank (torch.cat ([| found; (commutant input output).flatten 1L |], 0L)))

        // The dense matrix of a layer is that combination of the maps.
        let coefficients =
            torch.randn ([| 3L; int64 basis.Count; 2L |], dtype = torch.float64)

        let expected = torch.einsum ("odc,dmn->monc", coefficients, basis.Matrices())
        assertClose 1e-10 (expected.flatten(2L).flatten(0L, 1L)) (basis.Weight coefficients)

[<Fact>]
let ``vectors at the pixels of an image take no large system`` () =
    // 512 coordinates on either side: a dense basis would have 65 536 matrices of 262 144 entries.
    let _, _, joint = arrows 16
    let basis = EquivariantBasis.Between(joint[0], joint[0])
    Assert.Equal(256 * 256 * 4 / 4, basis.Count)
    Assert.Equal(HomDimension.Between(joint[0], joint[0]), basis.Count)
    Assert.Equal(0, joint[0].Invariants.Count - HomDimension.OfInvariants joint[0])

[<Fact>]
let ``matrices that only move coordinates are solved orbit by orbit`` () =
    use scope = torch.NewDisposeScope()
    let group = Group.Symmetric 4
    let points = natural group

    let written =
        Representation.Of(group, Array.ofSeq points.GeneratorMatrices, "written out")

    for input, output in
        [
            written :> Representation, points
            written, written
            written * sign group, points * points
        ] do
        let basis = EquivariantBasis.Between(input, output)
        Assert.IsType<FibredBasis> basis |> ignore
        Assert.Equal(HomDimension.Between(input, output), basis.Count)

    Assert.IsType<MatrixBasis>(EquivariantBasis.Between(sign group, sign group))
    |> ignore
