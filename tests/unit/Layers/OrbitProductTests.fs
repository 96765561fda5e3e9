/// The ways in which a linear layer multiplies, each beside plain operations of torch on its basis written out.
module Equivariant.Tests.Layers.OrbitProductTests

open System
open FsCheck.Xunit
open TorchSharp
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Layers
open Equivariant.Core.Representations
open Equivariant.Tests.Tensors
open Equivariant.Tests.Representations.SmallGroups

let private basisBetween input output =
    EquivariantBasis.Between(input, output) :?> OrbitBasis

let private noise (shape: int64 list) (dtype: torch.ScalarType) =
    torch.randn (Array.ofList shape, dtype = dtype)

/// From inputs [B, c_in, n] and coefficients [c_out, d, c_in] to [B, c_out, m].
type private Way = torch.Tensor -> torch.Tensor -> torch.Tensor

let private byBasis (basis: EquivariantBasis) : Way =
    fun x coefficients ->
        let maps = basis.Matrices().``to`` x.dtype
        torch.einsum ("odc,bdcm->bom", coefficients, torch.einsum ("dmn,bcn->bdcm", maps, x))

/// All that a basis can do, by name: the dense matrix, and what its orbits allow beside it.
let private ways (basis: OrbitBasis) : (string * Way) list = [
    "dense", (fun x coefficients -> basis.ApplyDense(x, coefficients))

    for product in basis.MatrixFree do
        product.GetType().Name, (fun x coefficients -> product.Apply(x, coefficients))
]

let private slopes (values: torch.Tensor) (of': torch.Tensor list) : torch.Tensor list =
    torch.autograd.grad ([| values.sum () |], Array.ofList of', retain_graph = true, create_graph = true)
    |> List.ofSeq

/// Values and gradients, to the third; each order goes through the squares of the one before, so that none is linear.
let private derivatives (way: Way) (x: torch.Tensor) coefficients (upstream: torch.Tensor) =
    let y = way x coefficients
    let first = slopes (y * upstream) [ x; coefficients; upstream ]

    let second =
        slopes (first[0].square() + first[1].square().sum()) [ x; coefficients; upstream ]

    let third =
        slopes (second[0].square().sum() + second[1].square().sum()) [ x; coefficients ]

    [ y; yield! first; yield! second; yield! third ]

/// Compares every way of a basis with the basis itself, and says which ways there were.
let private compare (input: Representation) (output: Representation) channelsIn channelsOut =
    use scope = torch.NewDisposeScope()
    let basis = basisBetween input output

    for dtype, tolerance in [ torch.float64, 1e-10; torch.float32, 2e-3 ] do
        use scope = torch.NewDisposeScope()

        let leaf shape = (noise shape dtype).requires_grad_()

        let x = leaf [ 3L; channelsIn; int64 input.Dimension ]
        let coefficients = leaf [ channelsOut; int64 basis.Count; channelsIn ]
        let upstream = leaf [ 3L; channelsOut; int64 output.Dimension ]
        let plain = derivatives (byBasis basis) x coefficients upstream

        for name, way in ways basis do
            for order, (expected, actual) in
                List.indexed (List.zip plain (derivatives way x coefficients upstream)) do
                let size = expected.abs().max().``to``(torch.float64).item<double>()
                let gap = distance expected actual
                Assert.True(size > 0.0 && Double.IsFinite size, $"{name}: the expected values say nothing")

                Assert.True(
                    gap <= tolerance * size,
                    $"{name}, {input} → {output}, {channelsIn} → {channelsOut} channels in {dtype}, number {order}: off by {gap} of {size}"
                )

    [ for product in basis.MatrixFree -> product.GetType().Name ]

let private of' (action: PermutationAction) = Representation.Of action

let private cyclic (n: int) =
    of' (PermutationAction.Natural(Group.Cyclic n))

let private dihedral (n: int) =
    of' (PermutationAction.Natural(Group.Dihedral n))

let private symmetric n = natural (Group.Symmetric n)

let private wreath (inner: PermutationGroup) outer =
    let group = Group.Wreath(inner, outer)
    of' (PermutationAction.Imprimitive(group, PermutationAction.Natural inner))

let private sideBySide (sizes: int list) =
    let group = Group.Direct [| for n in sizes -> Group.Symmetric n :> Group |]

    of' (
        PermutationAction.OnTuple(group, [| for n in sizes -> PermutationAction.Natural(Group.Symmetric n) |])
    )

let private torus height width =
    of' (GridActions.Shifts(Group.Direct [| Group.Cyclic height; Group.Cyclic width |], height, width))

let private square side =
    of' (GridActions.Symmetries(Group.Dihedral 4, side, side))

let private pooled, circulant = nameof PooledProduct, nameof CirculantProduct

[<Fact>]
let ``every way agrees with the basis in values and gradients, to the third, whatever the orbits`` () =
    torch.manual_seed 3L |> ignore
    let five = symmetric 5
    let twelve = cyclic 12

    // Shuffled points: classes and cycles are not where their numbers are adjacent.
    let shuffled =
        let group = Group.Direct [| Group.Symmetric 2; Group.Symmetric 3; Group.Cyclic 3 |]
        let place = [| 5; 0; 7; 2; 4; 1; 6; 3 |]

        let moved (points: int list) (image: int[]) =
            let permutation = [| 0..7 |]

            for i, j in Seq.indexed image do
                permutation[place[points[i]]] <- place[points[j]]

            permutation

        of' (
            PermutationAction(
                group,
                8,
                [|
                    for factor, points in [ 0, [ 0; 1 ]; 1, [ 2; 3; 4 ]; 2, [ 5; 6; 7 ] ] do
                        for g in group.Factors[factor].Generators do
                            match group.Factors[factor] with
                            | :? CyclicGroup -> moved points [| 1; 2; 0 |]
                            | _ -> moved points (g.Code.ToArray())
                |]
            )
        )

    let cases: (Representation * Representation * string list) list = [
        five, five, [ pooled; circulant ]
        five.Power 2, five, [ pooled ]
        five, five.Power 2, [ pooled ]
        (symmetric 4).Power 2, (symmetric 4).Power 2, [ pooled ]
        symmetric 2, symmetric 2, [ pooled ]
        wreath (Group.Symmetric 3) (Group.Symmetric 4),
        wreath (Group.Symmetric 3) (Group.Symmetric 4),
        [ pooled ]
        sideBySide [ 4; 5; 2 ], sideBySide [ 4; 5; 2 ], [ pooled ]
        shuffled, shuffled, [ pooled ]
        Representation.Trivial(Group.Symmetric 3, 3), symmetric 3, [ pooled ]
        twelve, twelve, [ circulant ]
        cyclic 40, cyclic 40, [ circulant ]

        // Cycles of other lengths beside the long ones: fixed points, and half a turn for a whole one.
        twelve + Representation.Trivial(twelve.Group, 2), twelve, [ circulant ]
        twelve, twelve + Representation.Trivial(twelve.Group, 1), [ circulant ]
        twelve + of' (PermutationAction(twelve.Group, 6, [| [| 1; 2; 3; 4; 5; 0 |] |])), twelve, [ circulant ]
        dihedral 9, dihedral 9, [ circulant ]
        torus 4 6, torus 4 6, [ circulant ]
        torus 6 7, torus 6 7, [ circulant ]
        square 4, square 4, [ circulant ]
        square 5, square 5, [ circulant ]
        of' (PermutationAction.Regular(Group.Symmetric 3)),
        of' (PermutationAction.Regular(Group.Symmetric 3)),
        []
    ]

    for input, output, expected in cases do
        for channelsIn, channelsOut in [ 1L, 1L; 3L, 2L ] do
            let found = compare input output channelsIn channelsOut

            for way in expected do
                Assert.Contains(way, found)

[<Property(MaxTest = 6)>]
let ``every way agrees with the basis for random groups`` (seed: int) =
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed
    let group = randomGroup random

    let all = [
        natural group
        natural group + Representation.Trivial(group, 2)
        natural group * natural group
    ]

    for input in all do
        let output = all[random.Next all.Length]

        compare input output (random.NextInt64(1L, 4L)) (random.NextInt64(1L, 4L))
        |> ignore

[<Fact>]
let ``the kernel serves layers of many channels`` () =
    torch.manual_seed 4L |> ignore
    let points, pairs = symmetric 4, (symmetric 4).Power 2

    for input, output, channelsIn, channelsOut in
        [
            pairs, points, 1L, 64L
            pairs, points, 3L, 40L
            points, pairs, 4L, 30L
            pairs, points, 13L, 11L
            pairs, pairs, 64L, 1L
        ] do
        compare input output channelsIn channelsOut |> ignore

[<Fact>]
let ``a matrix beyond what is written at once agrees too`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 4L |> ignore
    let graph = (symmetric 8).Power 2
    let basis = basisBetween graph graph
    let x = (noise [ 3L; 96L; 64L ] torch.float32).requires_grad_()

    let coefficients =
        (noise [ 96L; int64 basis.Count; 96L ] torch.float32).requires_grad_()

    let derivatives (way: Way) =
        let y = way x coefficients
        let first = slopes (y.square ()) [ x; coefficients ]
        [ y; yield! first; yield! slopes (first[0].square()) [ x; coefficients ] ]

    for plain, fast in
        List.zip (derivatives (byBasis basis)) (derivatives (fun x c -> basis.ApplyDense(x, c))) do
        assertClose (1e-3 * float (plain.abs().max().item<float32>())) plain fast

[<Fact>]
let ``after a change of the weights the kept matrix is not used`` () =
    use scope = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let basis = basisBetween (symmetric 4) ((symmetric 4).Power 2)
    let x = noise [ 3L; 9L; 4L ] torch.float64
    let coefficients = noise [ 8L; int64 basis.Count; 9L ] torch.float64

    for _ in 1..2 do
        assertClose 1e-9 (byBasis basis x coefficients) (basis.ApplyDense(x, coefficients))
        coefficients.mul_ (2.0.ToScalar()) |> ignore

/// The way that a layer takes for a batch: its name, or none for the dense matrix.
let private chosen (representation: Representation) channels batch =
    use scope = torch.NewDisposeScope()
    let basis = basisBetween representation representation
    let x = noise [ batch; channels; int64 representation.Dimension ] torch.float32

    let coefficients = noise [ channels; int64 basis.Count; channels ] torch.float32

    match basis.Cheapest(x, coefficients) with
    | null -> "dense"
    | product -> product.GetType().Name

[<Fact>]
let ``the cheapest way is chosen by the orbits, not by the group`` () =
    // The alternating and the Mathieu group M12 have the orbits of a symmetric one; D4 on corners is a wreath product's.
    let m12 =
        Group.OfPermutations(
            12,
            [|
                [| 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 0; 11 |]
                [| 0; 1; 6; 9; 5; 3; 10; 2; 8; 4; 7; 11 |]
                [| 11; 10; 5; 7; 8; 2; 9; 3; 4; 6; 1; 0 |]
            |]
        )

    let many (group: PermutationGroup) = wreath group (Group.Symmetric 8)

    for name, representation, channels, batch, way in
        [
            "S64", symmetric 64, 16L, 64L, pooled
            "A64", natural (Group.Alternating 64), 16L, 64L, pooled
            "M12 on blocks", many m12, 16L, 64L, pooled
            "S8 wr S8", many (Group.Symmetric 8), 16L, 64L, pooled
            "S20 × S30 × S14", sideBySide [ 20; 30; 14 ], 16L, 64L, pooled
            "S16 on pairs", (symmetric 16).Power 2, 8L, 64L, pooled
            "C64", cyclic 64, 16L, 64L, circulant
            "D64", dihedral 64, 16L, 64L, circulant
            "8 × 8 shifts", torus 8 8, 16L, 64L, circulant
            "D4 on 8 × 8 pixels", square 8, 16L, 256L, circulant
            "nothing moves", Representation.Trivial(Group.Cyclic 2, 60), 8L, 64L, "dense"
        ] do
        Assert.Equal((name, way), (name, chosen representation channels batch))

[<Fact>]
let ``sums of permutations and matrices are multiplied block by block where that is cheaper`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 6L |> ignore
    let group = Group.Symmetric 40
    let mixed = natural group + sign group
    let basis = EquivariantBasis.Between(mixed, mixed)

    let leaf (shape: int64 list) =
        (noise shape torch.float64).requires_grad_()

    let x = leaf [ 5L; 8L; 41L ]
    let coefficients = leaf [ 8L; int64 basis.Count; 8L ]
    let upstream = leaf [ 5L; 8L; 41L ]
    Assert.True(basis.AvoidsMatrix(x, coefficients))

    for expected, actual in
        List.zip
            (derivatives (byBasis basis) x coefficients upstream)
            (derivatives (fun x c -> basis.Apply(x, c)) x coefficients upstream) do
        assertClose (1e-10 * expected.abs().max().item<double>()) expected actual

[<Fact>]
let ``maps commuting with all permutations of 4096 points write no matrix`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 5L |> ignore
    let points = symmetric 4096
    use layer = new EquivariantLinear(points, points, 2L, 2L)
    let x = (noise [ 3L; 2L; 4096L ] torch.float32).requires_grad_()

    // What a scalar and a pooled term say: the weights are those of equal and of different points.
    let weight: torch.Tensor = layer.Weight

    do
        use _ = torch.no_grad ()
        weight.copy_ (torch.randn_like weight) |> ignore

    let same, other = weight.select (1L, 0L), weight.select (1L, 1L)

    let expected =
        (same - other).matmul(x)
        + other.matmul (x.sum (2L, keepdim = true))
        + layer.Bias

    assertClose 1e-2 expected (layer.call x)
    Assert.Equal<int64[]>([| 2L; 2L; 2L |], weight.shape)
    Assert.Equal<string list>([ "bias"; "weight" ], layer.state_dict().Keys |> Seq.sort |> List.ofSeq)

[<Fact>]
let ``layers of all ways take empty batches, strided inputs and half precision as they come`` () =
    use scope = torch.NewDisposeScope()

    for representation in [ symmetric 64; cyclic 64; square 8 ] do
        use layer =
            new EquivariantLinear(representation, representation, 8L, 8L, dtype = torch.float64)

        Assert.Equal<int64[]>(
            [| 0L; 8L; 64L |],
            (layer.call (torch.zeros (0L, 8L, 64L, dtype = torch.float64))).shape
        )

        let strided = (noise [ 64L; 8L; 5L ] torch.float64).transpose(0L, 2L)
        assertClose 1e-10 (layer.call (strided.contiguous ())) (layer.call strided)

        use half =
            new EquivariantLinear(representation, representation, 8L, 8L, dtype = torch.bfloat16)

        Assert.Equal<int64[]>([| 5L; 8L; 64L |], (half.call (strided.``to`` torch.bfloat16)).shape)
