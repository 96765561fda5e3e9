module Equivariant.Tests.Representations.RepresentationTests

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

[<Property(MaxTest = 15)>]
let ``matrices multiply as elements do`` (seed: int) =
    use scope = torch.NewDisposeScope()
    let random = Random seed
    let group = randomGroup random

    for name, representation in representations random group do
        let g, h = group.Random random, group.Random random

        let product =
            (toTensor (representation.Matrix g)).matmul(toTensor (representation.Matrix h))

        let gap = distance (toTensor (representation.Matrix(g * h))) product
        Assert.True(gap < 1e-9, $"{name} of {group}: {gap}")

        let trace = (toTensor (representation.Matrix g)).trace().item<double>()
        Assert.Equal(trace, representation.Character g, 9)

[<Fact>]
let ``sums and products of permutation representations stay permutations`` () =
    let points = natural (Group.Symmetric 4)
    Assert.True((points + points * points + Representation.Trivial(points.Group, 3)).IsPermutation)
    Assert.Equal(4 + 16 + 3, (points + points * points + Representation.Trivial(points.Group, 3)).Dimension)
    Assert.Equal(64, points.Power(3).Dimension)
    Assert.False((points * sign (Group.Symmetric 4)).IsPermutation)

[<Fact>]
let ``a product over a sum is the sum of products, in the same coordinates`` () =
    let group = Group.Symmetric 3
    let sum = natural group + sign group
    Assert.Equal(2, (sum * sign group).Summands.Count)

    for g in group.Elements do
        let product = torch.kron (toTensor (sum.Matrix g), toTensor ((sign group).Matrix g))
        assertClose 1e-12 product (toTensor ((sum * sign group).Matrix g))

[<Fact>]
let ``a dual acts by the transposed inverse, and twice is the original`` () =
    let group = Group.Symmetric 3
    let skewed = skewed (Random 3) group
    Assert.False skewed.IsOrthogonal

    for g in group.Elements do
        assertClose
            1e-9
            ((torch.linalg.inv (toTensor (skewed.Matrix g))).t())
            (toTensor (skewed.Dual().Matrix g))

    Assert.Same(skewed, skewed.Dual().Dual())
    let points = natural group
    Assert.Same(points, points.Dual())

[<Fact>]
let ``a restriction has the same matrices`` () =
    let group = Group.Symmetric 4
    let half = group.Subgroup [| group.Generators[0] |]

    for representation in
        [
            natural group
            sign group
            natural group + sign group
            skewed (Random 1) group
        ] do
        let restricted = representation.Restrict half
        Assert.True(restricted.Group.Equals half)

        for g in half.Elements do
            assertClose 1e-9 (toTensor (representation.Matrix g)) (toTensor (restricted.Matrix g))

[<Fact>]
let ``graph layers have fifteen maps and powers of the natural representation the Bell numbers`` () =
    let count n k l =
        let points = natural (Group.Symmetric n)
        EquivariantBasis.Between(points.Power k, points.Power l).Count

    Assert.Equal(15, count 4 2 2)
    Assert.Equal(15, count 7 2 2)
    Assert.Equal(14, count 3 2 2)
    Assert.Equal(2, count 5 1 1)
    Assert.Equal(5, count 4 1 2)
    Assert.Equal(203, count 6 3 3)

let private quarter = array2D [ [ 0.0; -1.0 ]; [ 1.0; 0.0 ] ]

[<Fact>]
let ``matrices for a large group are evaluated by its factorisation`` () =
    let group = Group.Symmetric 9
    let points = natural group
    let matrices = Representation.Of(group, Seq.toArray points.GeneratorMatrices)
    let random = Random 5

    for _ in 1..5 do
        let g = group.Random random
        assertClose 1e-12 (toTensor (points.Matrix g)) (toTensor (matrices.Matrix g))

    Assert.True matrices.IsFullyChecked
    Assert.True matrices.IsOrthogonal

[<Fact>]
let ``what is not a representation is refused, naming the generator or relation`` () =
    let c4 = Group.Cyclic 4
    Assert.Equal(2, Representation.Of(c4, [| quarter |]).Dimension)
    refused [ "generator 0 (1)"; "a^3 = 1" ] (fun () -> Representation.Of(Group.Cyclic 3, [| quarter |]))
    refused [ "1 generator, but 2 matrices" ] (fun () -> Representation.Of(c4, [| quarter; quarter |]))
    refused [ "2 × 3" ] (fun () -> Representation.Of(c4, [| Array2D.zeroCreate 2 3 |]))
    refused [ "not a finite number" ] (fun () -> Representation.Of(c4, [| array2D [ [ nan ] ] |]))
    refused [ "no generators" ] (fun () -> Representation.Of(Group.Trivial(), [||]))

    // Both orders are right, but the generators of C4 × C2 commute and these matrices do not.
    let product = Group.Direct [| Group.Cyclic 4 :> Group; Group.Cyclic 2 |]
    let mirror = array2D [ [ 1.0; 0.0 ]; [ 0.0; -1.0 ] ]

    refused [ "do not represent C4 × C2"; "g0"; "g1" ] (fun () ->
        Representation.Of(product, [| quarter; mirror |]))

    // Rounded to single precision the relations hold only nearly.
    let third = 2.0 * Math.PI / 3.0

    let rounded =
        Array2D.map (float32 >> float) (array2D [ [ cos third; -(sin third) ]; [ sin third; cos third ] ])

    refused [ "double precision" ] (fun () ->
        Representation.Of(Group.Cyclic 3, [| rounded |], tolerance = 1e-9))

[<Fact>]
let ``representations of different groups do not mix`` () =
    let a, b = natural (Group.Symmetric 3), natural (Group.Symmetric 4)
    refused [ "S3"; "S4"; "added" ] (fun () -> a + b)
    refused [ "S3"; "S4"; "multiplied" ] (fun () -> a * b)
    refused [ "S3"; "S4" ] (fun () -> EquivariantBasis.Between(a, b))
    refused [ "at least 1" ] (fun () -> a.Power 0)
    refused [ "has no matrix" ] (fun () -> a.Matrix(b.Group.Identity))
    refused [ "has no matrix" ] (fun () -> MatrixAction(a).Over [| b.Group.Identity |])

[<Fact>]
let ``a representation acts on an axis of tensors`` () =
    use scope = torch.NewDisposeScope()
    torch.manual_seed 1L |> ignore
    let group = Group.Symmetric 3
    let skewed = skewed (Random 2) group
    let elements = Seq.toArray group.Elements

    for axis, shape in [ -1, [| 2L; 5L; 3L |]; -2, [| 2L; 3L; 5L |]; -1, [| 4L; 3L |] ] do
        let action = MatrixAction(skewed, axis)
        let x = torch.randn (shape, dtype = torch.float64)
        let map = action.Over elements
        let expanded = map.Expand x

        for t in 0 .. elements.Length - 1 do
            let moved =
                (act skewed elements[t] (x.movedim ([| int64 axis |], [| -1L |])))
                    .movedim([| -1L |], [| int64 axis |])

            assertClose 1e-12 moved (expanded.narrow (0L, int64 t * shape[0], shape[0]))

        assertClose
            1e-9
            (x.repeat [| 6L; yield! Array.create (shape.Length - 1) 1L |])
            (map.PullBack expanded)

        let which = torch.arange (shape[0]) + 1L.ToScalar()

        for b in 0L .. shape[0] - 1L do
            let row = expanded.narrow (0L, (b + 1L) * shape[0] + b, 1L)
            assertClose 1e-12 row ((map.Select(x, which)).narrow(0L, b, 1L))

        // The average has no part outside V^G, and averaging twice changes nothing.
        let average = action.Average group
        assertClose 1e-12 (average.Apply x) (average.Apply(average.Apply x))

    let half = group.Subgroup [| group.Generators[1] |]
    let x = torch.randn ([| 2L; 3L |], dtype = torch.float64)
    let restricted = MatrixAction(skewed).Restrict half
    assertClose 1e-9 (act skewed group.Generators[1] x) (restricted.Apply(half.Generators[0], x))

    refused [ "needs 3 coordinates" ] (fun () ->
        MatrixAction(skewed).Apply(group.Identity, torch.zeros (2L, 4L)))

    refused [ "counted from the end" ] (fun () -> MatrixAction(skewed, 1))

[<Property(MaxTest = 8)>]
let ``any representation acts on tensors: sums, products, duals and permutations, along one axis or two``
    (seed: int)
    =
    use scope = torch.NewDisposeScope()
    torch.manual_seed (int64 seed) |> ignore
    let random = Random seed
    let group = randomGroup random
    let v = skewed random group
    let n = int64 v.Dimension

    let all =
        representations random group
        @ [
            "V ⊗ V", v * v
            "V ⊗ V*", v * v.Dual()
            "V ⊗ V ⊗ V", v.Power 3
            "(V + V)*", (v + v).Dual()
        ]

    for name, representation in all do
        let length = int64 representation.Dimension

        for action, shape, flat in
            [
                MatrixAction representation, [| 2L; 3L; length |], [| 6L; length |]
                MatrixAction(representation, -2), [| 2L; length; 1L |], [| 2L; length |]
            ] do
            let x = torch.randn (shape, dtype = torch.float64)
            let g, h = group.Random random, group.Random random
            assertClose 1e-9 ((act representation g (x.reshape flat)).reshape shape) (action.Apply(g, x))
            assertClose 1e-9 (action.Apply(g * h, x)) (action.Apply(g, action.Apply(h, x)))
            let map = action.Over [| g; h |]
            assertClose 1e-9 (torch.cat ([| x; x |], 0L)) (map.PullBack(map.Expand x))

            let elements = Seq.toArray group.Elements
            let sum = elements |> Array.map (fun g -> action.Apply(g, x)) |> Array.reduce (+)
            let average = (action.Average group).Apply x
            Assert.True(distance (sum / (float elements.Length).ToScalar()) average < 1e-9, name)

            // Of the trivial subgroup too, which has no generators to give matrices for.
            for subgroup in [ group.Subgroup [||]; group.Subgroup [| g |] ] do
                let inside = subgroup.Random random
                assertClose 1e-9 (action.Apply(inside, x)) ((action.Restrict subgroup).Apply(inside, x))

            let into = GroupHomomorphism.Identity group
            assertClose 1e-9 (action.Apply(g, x)) ((action.Pullback into).Apply(g, x))

    // Two axes read as one: conjugation by the matrices.
    let x = torch.randn ([| 2L; n; n; 3L |], dtype = torch.float64)
    let g = group.Random random
    let matrix = toTensor (v.Matrix g)
    let turned = torch.einsum ("ij,bjkc,lk->bilc", matrix, x, matrix)
    assertClose 1e-9 turned (MatrixAction(v * v, -3, -2).Apply(g, x))
    let dual = torch.einsum ("ij,bjkc,kl->bilc", matrix, x, torch.linalg.inv matrix)
    assertClose 1e-9 dual (MatrixAction(v * v.Dual(), -3, -2).Apply(g, x))
    refused [ "adjacent axes" ] (fun () -> MatrixAction(v * v, -3, -1))

    refused [ $"needs {n * n} coordinates along axes -2 … -1" ] (fun () ->
        MatrixAction(v * v, -2, -1).Apply(g, torch.zeros (2L, n, n + 1L)))

[<Fact>]
let ``what callers do to their arrays later changes nothing`` () =
    // Few of the matrices of so large a group are multiplied out at once.
    let group = Group.Symmetric 30
    let points = natural group
    let matrices = [| for g in group.Generators -> points.Matrix g |]
    let representation = Representation.Of(group, matrices)

    for matrix in matrices do
        matrix[0, 0] <- 7.0

    let random = Random 1
    let elements = [ for _ in 1..20 -> group.Random random ]

    for g in elements do
        let given = representation.Matrix g
        Assert.Equal<double[,]>(points.Matrix g, given)
        given[0, 0] <- 9.0

    for g in elements do
        Assert.Equal<double[,]>(points.Matrix g, representation.Matrix g)

[<Fact>]
let ``a group too large to check in full is sampled, and says so`` () =
    let group = Group.Symmetric 30
    let points = natural group
    let right = Representation.Of(group, Seq.toArray points.GeneratorMatrices)
    Assert.False right.IsFullyChecked

    // Orders are right, products are not: another transposition in the place of the first, or of the cycle's.
    let swap (a: int) (b: int) =
        let image = [| 0..29 |]
        image[a] <- b
        image[b] <- a
        (points.Matrix(group.Element image))

    for wrong in [ swap 0 2; swap 0 15 ] do
        let matrices = [|
            for g, matrix in Seq.zip group.Generators points.GeneratorMatrices ->
                if g.Order = 2I then wrong else matrix
        |]

        refused [ "do not represent S30" ] (fun () -> Representation.Of(group, matrices))

[<Fact>]
let ``a sample finds generators that should commute and do not`` () =
    // Each generator alone is right, and none is a product of others.
    let group = Group.Direct [| for _ in 1..100 -> Group.Cyclic 2 :> Group |]
    let diagonal (a: float) (b: float) = array2D [ [ a; 0.0 ]; [ 0.0; b ] ]
    let swap = array2D [ [ 0.0; 1.0 ]; [ 1.0; 0.0 ] ]

    let matrices (last: double[,]) = [|
        for i in 1..100 ->
            if i = 50 then swap
            elif i = 51 then last
            else diagonal -1.0 -1.0
    |]

    Assert.False (Representation.Of(group, matrices swap)).IsFullyChecked
    refused [ "do not represent" ] (fun () -> Representation.Of(group, matrices (diagonal 1.0 -1.0)))

[<Fact>]
let ``representations act alike where their matrices do`` () =
    let group = Group.Symmetric 3

    let matrices (r: Representation) =
        Representation.Of(group, Seq.toArray r.GeneratorMatrices) :> Representation

    let points, skew = natural group, skewed (Random 1) group
    Assert.True(skew.ActsAs(matrices skew))
    Assert.True((skew + sign group).ActsAs(matrices (skew + sign group)))
    Assert.True(points.ActsAs(natural group))
    Assert.False(points.ActsAs(Representation.Trivial(group, 3)))
    Assert.False(skew.ActsAs(skewed (Random 2) group))
    Assert.False(skew.ActsAs(skew.Dual()))
    Assert.False((sign group).ActsAs(matrices (Representation.Trivial group)))

    // The same matrices, but not known to permute: what layers may do to coordinates differs.
    Assert.False(points.ActsAs(matrices points))

[<Fact>]
let ``coordinates of invariants have mean square one in the length that the group keeps`` () =
    use scope = torch.NewDisposeScope()
    let group = Group.Symmetric 3

    for representation in [ skewed (Random 1) group; sign group * sign group * skewed (Random 2) group ] do
        let fixed' =
            representation.Invariants.Expand(
                torch.eye (int64 representation.Invariants.Count, dtype = torch.float64)
            )

        let form =
            group.Elements
            |> Seq.map (fun g -> toTensor (representation.Matrix g))
            |> Seq.map (fun matrix -> matrix.t().matmul matrix)
            |> Seq.reduce (+)

        let squares = fixed'.matmul(form).matmul(fixed'.t ()) / 6.0.ToScalar()

        let expected =
            torch.eye (squares.shape[0], dtype = torch.float64)
            * (float representation.Dimension).ToScalar()

        assertClose 1e-9 expected squares
