/// Groups by table, by name and by geometry: point groups with their matrices and vertices, signed permutations, affine groups.
module Equivariant.Tests.Groups.NamedGroupTests

open System
open System.Numerics
open TorchSharp
open Xunit
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Core.Representations
open Equivariant.Tests
open Equivariant.Tests.Expect

// Tables

/// All Latin squares whose first row and column are in order.
let private reducedSquares n =
    let rec fill (square: int[,]) place =
        seq {
            if place = n * n then
                Array2D.copy square
            else
                let a, b = place / n, place % n

                if a = 0 || b = 0 then
                    square[a, b] <- a + b
                    yield! fill square (place + 1)
                else
                    for value in 0 .. n - 1 do
                        let free =
                            Seq.forall (fun j -> square[a, j] <> value) (seq { 0 .. b - 1 })
                            && Seq.forall (fun i -> square[i, b] <> value) (seq { 0 .. a - 1 })

                        if free then
                            square[a, b] <- value
                            yield! fill square (place + 1)
        }

    fill (Array2D.zeroCreate n n) 0

let private isAssociative (table: int[,]) =
    let elements = [ 0 .. Array2D.length1 table - 1 ]

    elements
    |> List.forall (fun x ->
        elements
        |> List.forall (fun y ->
            elements |> List.forall (fun z -> table[table[x, y], z] = table[x, table[y, z]])))

let private isAccepted table =
    try
        Group.FromTable(table, "G") |> ignore
        true
    with :? Equivariant.Core.EquivariantException ->
        false

[<Theory>]
[<InlineData(1, 1)>]
[<InlineData(2, 1)>]
[<InlineData(3, 1)>]
[<InlineData(4, 4)>]
[<InlineData(5, 6)>]
[<InlineData(6, 80)>]
let ``of all tables with an identity and inverses, those of groups are accepted`` (n: int) (groups: int) =
    // Each group's tables are (n − 1)! / |Aut G|: 60 of C6 and 20 of S3 among 9408.
    let accepted =
        reducedSquares n
        |> Seq.filter (fun square ->
            let accepted = isAccepted square
            Assert.Equal(isAssociative square, accepted)
            accepted)

    Assert.Equal(groups, Seq.length accepted)

/// The table of a group whose elements are numbered at random.
let private tableOf (group: Group) =
    let elements = Array.ofSeq group.Elements
    Random(1).Shuffle elements
    let number element = Array.IndexOf(elements, element)
    elements, Array2D.init elements.Length elements.Length (fun a b -> number (elements[a] * elements[b]))

[<Theory>]
[<InlineData("Q8", 5)>]
[<InlineData("A4", 4)>]
[<InlineData("C4 x C2", 8)>]
[<InlineData("C1", 1)>]
let ``a group by its table is the group`` (name: string) (classes: int) =
    let original = Group.Named name
    let elements, table = tableOf original
    let group = byTable name table
    Assert.Equal(original.Order, group.Order)
    Assert.Equal(Nullable(BigInteger classes), group.Core.ConjugacyClassCount)
    Assert.Equal(name, group.Name)

    for a in 0 .. elements.Length - 1 do
        Assert.Equal(elements[a].Order, Group.orderOf group a)

        for b in 0 .. elements.Length - 1 do
            Assert.Equal(table[a, b], Group.multiply group a b)

    refused [ name; string elements.Length ] (fun () -> group.Element elements.Length)
    refused [ name; "-1" ] (fun () -> group.Element -1)

[<Fact>]
let ``whatever entry of a table is wrong, it is refused`` () =
    let _, table = tableOf (Group.Dihedral 4)

    for a in 0..7 do
        for b in 0..7 do
            for value in -1 .. 8 do
                if value <> table[a, b] then
                    let wrong = Array2D.copy table
                    wrong[a, b] <- value
                    Assert.False(isAccepted wrong, $"[{a}, {b}] = {value}")

[<Fact>]
let ``what is wrong with a table is said by its entries`` () =
    let table rows = array2D rows
    let from rows () = Group.FromTable(table rows, "G")
    refused [ "2 × 3" ] (from [ [ 0; 1; 2 ]; [ 1; 2; 0 ] ])
    refused [ "0 × 0" ] (fun () -> Group.FromTable(Array2D.zeroCreate 0 0, "G"))
    refused [ "closed"; "[1, 1]"; "2" ] (from [ [ 0; 1 ]; [ 1; 2 ] ])
    refused [ "identity"; "[1, 0]"; "it should be 1" ] (from [ [ 0; 1; 2 ]; [ 2; 1; 0 ]; [ 2; 0; 1 ] ])
    refused [ "1 has no inverse"; "[1, 0]"; "[1, 1]"; "missing in row 1" ] (from [ [ 0; 1 ]; [ 1; 1 ] ])

    refused
        [
            "associative"
            "(1 · 1) · 2 = 0 · 2"
            "[0, 2], 2"
            "1 · (1 · 2) = 1 · 3"
            "[1, 3], 4"
        ]
        (from [
            [ 0; 1; 2; 3; 4 ]
            [ 1; 0; 3; 4; 2 ]
            [ 2; 4; 0; 1; 3 ]
            [ 3; 2; 4; 0; 1 ]
            [ 4; 3; 1; 2; 0 ]
        ])

// Point groups

let private determinant (m: float[,]) =
    m[0, 0] * (m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1])
    - m[0, 1] * (m[1, 0] * m[2, 2] - m[1, 2] * m[2, 0])
    + m[0, 2] * (m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0])

let private difference (left: float seq) (right: float seq) =
    Seq.map2 (fun (a: float) b -> abs (a - b)) left right |> Seq.max

let private image (m: float[,]) (v: float[]) =
    Array.init v.Length (fun row -> Seq.sum (Seq.mapi (fun column x -> m[row, column] * x) v))

let private product (left: float[,]) (right: float[,]) =
    let n = Array2D.length1 left
    Array2D.init n n (fun i j -> List.sum [ for k in 0 .. n - 1 -> left[i, k] * right[k, j] ])

let private flat (matrix: float[,]) = Seq.cast<float> matrix

/// Checks that matrices move vertices as permutations say, multiply as elements do, are orthogonal, and tell elements apart.
let private checkGeometry (point: PointGroup) (natural: PermutationAction) =
    let vectors = Representation.Vectors point.Group
    let elements = List.ofSeq point.Group.Elements
    let n = point.Dimension
    Assert.Equal(n, vectors.Dimension)
    Assert.Equal(point.Vertices.Count, natural.Degree)
    Assert.Equal(point.Group.Generators.Count, point.GeneratorMatrices.Count)

    for vertex in point.Vertices do
        Assert.Equal(1.0, Array.sumBy (fun x -> x * x) vertex, 12)

        Assert.Single(point.Vertices, fun other -> difference vertex other < 1e-3)
        |> ignore

    for g, matrix in Seq.zip point.Group.Generators point.GeneratorMatrices do
        Assert.True(difference (flat matrix) (flat (vectors.Matrix g)) < 1e-12)

    for g in elements do
        let matrix = vectors.Matrix g
        let permutation = natural.Permutation g

        point.Vertices
        |> Seq.iteri (fun i vertex ->
            let moved = image matrix vertex
            Assert.True(difference moved point.Vertices[permutation[i]] < 1e-12, $"{g} moves vertex {i}"))

        let gram = product matrix (Array2D.init n n (fun i j -> matrix[j, i]))

        Assert.True(
            difference (flat gram) (flat (Array2D.init n n (fun i j -> if i = j then 1.0 else 0.0))) < 1e-12
        )

        for s in point.Group.Generators do
            Assert.True(
                difference (flat (product (vectors.Matrix s) matrix)) (flat (vectors.Matrix(s * g))) < 1e-12
            )

        if not g.IsIdentity then
            Assert.True(
                difference (flat matrix) (flat (vectors.Matrix point.Group.Identity)) > 1e-3,
                $"{g} moves nothing"
            )

    elements, vectors

/// What the elements are, by determinant and trace, sorted: with the order it says which point group it is.
let private kinds list =
    list
    |> List.collect (fun (count, sign, trace) -> List.replicate count (float sign, float trace))
    |> List.map (fun (sign: float, trace: float) -> Math.Round(sign, 6), Math.Round(trace, 6) + 0.0)
    |> List.sort

let private angle turns = 2.0 * Math.Cos(2.0 * Math.PI * turns)
let private turns n = [ for k in 0 .. n - 1 -> 1, 1, 1.0 + angle (float k / float n) ]
let private turnsWithMirror n = [ for k in 0 .. n - 1 -> 1, -1, -1.0 + angle (float k / float n) ]
let private halfStepsWithMirror n = [ for k in 0 .. n - 1 -> 1, -1, -1.0 + angle ((float k + 0.5) / float n) ]
let private axes n = [ n, 1, -1.0 ]
let private mirrors n = [ n, -1, 1.0 ]

let private golden = (1.0 + sqrt 5.0) / 2.0
let private tetrahedral = [ 1, 1, 3.0; 8, 1, 0.0; 3, 1, -1.0 ]
let private octahedral = [ 1, 1, 3.0; 8, 1, 0.0; 9, 1, -1.0; 6, 1, 1.0 ]

let private icosahedral = [ 1, 1, 3.0; 12, 1, golden; 12, 1, 1.0 - golden; 20, 1, 0.0; 15, 1, -1.0 ]

let private withInversion list =
    list @ [ for count, sign, trace in list -> count, -sign, -trace ]

let private expected (name: string) =
    let n =
        name
        |> Seq.filter Char.IsDigit
        |> Array.ofSeq
        |> String
        |> (fun digits -> if digits = "" then 1 else int digits)

    match String.filter (Char.IsDigit >> not) name with
    | "C" -> turns n
    | "Cs" -> [ 1, 1, 3.0; 1, -1, 1.0 ]
    | "Ci" -> [ 1, 1, 3.0; 1, -1, -3.0 ]
    | "Cv" -> turns n @ mirrors n
    | "Ch" -> turns n @ turnsWithMirror n
    | "S" -> turns (n / 2) @ halfStepsWithMirror (n / 2)
    | "D" -> turns n @ axes n
    | "Dd" -> turns n @ axes n @ mirrors n @ halfStepsWithMirror n
    | "Dh" -> turns n @ axes n @ mirrors n @ turnsWithMirror n
    | "T" -> tetrahedral
    | "Td" -> tetrahedral @ [ 6, -1, 1.0; 6, -1, -1.0 ]
    | "Th" -> withInversion tetrahedral
    | "O" -> octahedral
    | "Oh" -> withInversion octahedral
    | "I" -> icosahedral
    | "Ih" -> withInversion icosahedral
    | other -> failwith other

let private checkInSpace name =
    let point = PointGroup.InSpace name
    let kinds' = kinds (expected name)
    Assert.Equal(name, point.Name)
    Assert.Equal(name, point.Group.Name)
    Assert.Equal(BigInteger kinds'.Length, point.Group.Order)

    let elements, vectors =
        checkGeometry point (PermutationAction.Natural(point.Group :?> PermutationGroup))

    let found =
        elements
        |> List.map (fun g -> 1, determinant (vectors.Matrix g), vectors.Character g)
        |> List.map (fun (count, sign, trace) -> count, int (round sign), trace)
        |> kinds

    Assert.Equal<(float * float) list>(kinds', found)
    point

[<Theory>]
[<InlineData("Ci", 2, 2, 2)>]
[<InlineData("Cs", 2, 2, 2)>]
[<InlineData("C1", 1, 1, 1)>]
[<InlineData("C2v", 4, 4, 4)>]
[<InlineData("C3v", 6, 3, 3)>]
[<InlineData("D2", 4, 4, 4)>]
[<InlineData("D2d", 8, 4, 5)>]
[<InlineData("D2h", 8, 8, 8)>]
[<InlineData("D3h", 12, 6, 6)>]
[<InlineData("D6d", 24, 12, 9)>]
[<InlineData("S4", 4, 4, 4)>]
[<InlineData("T", 12, 4, 4)>]
[<InlineData("Td", 24, 4, 5)>]
[<InlineData("Th", 24, 8, 8)>]
[<InlineData("O", 24, 8, 5)>]
[<InlineData("Oh", 48, 8, 10)>]
[<InlineData("I", 60, 12, 5)>]
[<InlineData("Ih", 120, 12, 10)>]
let ``a point group has its order, vertices and classes``
    (name: string)
    (order: int)
    (vertices: int)
    (classes: int)
    =
    let point = checkInSpace name
    Assert.Equal(BigInteger order, point.Group.Order)
    Assert.Equal(vertices, point.Vertices.Count)
    Assert.Equal(Nullable(BigInteger classes), point.Group.ConjugacyClassCount)

[<Fact>]
let ``every axial point group has the turns, axes and mirrors of its name`` () =
    for n in [ 1..8 ] @ [ 12 ] do
        for name in [ $"C{n}"; $"C{n}v"; $"C{n}h"; $"S{2 * n}"; $"D{n}"; $"D{n}d"; $"D{n}h" ] do
            checkInSpace name |> ignore

[<Fact>]
let ``a point group of the largest n is as exact`` () =
    let n = PointGroup.MaximumTurns

    for name in [ $"C{n}"; $"S{2 * n}" ] do
        checkInSpace name |> ignore

    for name in [ $"D{n}d"; $"D{n}h" ] do
        Assert.Equal(BigInteger(4 * n), (PointGroup.InSpace name).Group.Order)

    refused [ "C361v"; "360" ] (fun () -> PointGroup.InSpace "C361v")
    refused [ "S722"; "720" ] (fun () -> PointGroup.InSpace "S722")
    refused [ "S3"; "even" ] (fun () -> PointGroup.InSpace "S3")
    refused [ "D361"; "360" ] (fun () -> PointGroup.InPlane "D361")

[<Fact>]
let ``the point groups of the plane turn and reflect polygons`` () =
    for n in [ 1..8 ] do
        let turns = PointGroup.InPlane $"C{n}"
        Assert.Equal<Group>(Group.Cyclic n, turns.Group)

        checkGeometry turns (PermutationAction.Natural(turns.Group :?> CyclicGroup))
        |> ignore

        let all = PointGroup.InPlane $"D{n}"
        Assert.Equal<Group>(Group.Dihedral n, all.Group)

        checkGeometry all (PermutationAction.Natural(all.Group :?> DihedralGroup))
        |> ignore

    let vectors = Representation.Vectors(Group.Dihedral 4)
    let quarter = vectors.Matrix((Group.Dihedral 4).Turn)
    Assert.Equal<float[,]>(array2D [ [ 0.0; -1.0 ]; [ 1.0; 0.0 ] ], quarter)

[<Fact>]
let ``the tetrahedron, the cube and the icosahedron are moved by A4, S4 and A5`` () =
    let isomorphic (left: Group) (right: Group) =
        Assert.Equal(left.Order, right.Order)
        Assert.Equal(left.ConjugacyClassCount, right.ConjugacyClassCount)

    let named (name: string) = (PointGroup.InSpace name).Group
    isomorphic (named "T") (Group.Alternating 4)
    isomorphic (named "O") (Group.Symmetric 4)
    isomorphic (named "Td") (Group.Symmetric 4)
    isomorphic (named "I") (Group.Alternating 5)
    isomorphic (named "Th") (Group.Named "A4 x C2")
    isomorphic (named "Oh") (Group.Named "S4 x C2")
    isomorphic (named "Ih") (Group.Named "A5 x C2")
    // A direct product with the inversion, which is the centre.
    Assert.Equal(BigInteger 2, (named "Ih").Centre().Order)
    Assert.Equal<Group>(Group.CubeSymmetries(), named "Oh")

[<Fact>]
let ``vectors have the invariants that geometry knows`` () =
    let invariants name exponent =
        (Representation.Vectors(Group.Named name)).Power(exponent).Invariants.Count

    for name in [ "T"; "Td"; "Th"; "O"; "Oh"; "I"; "Ih" ] do
        Assert.Equal(0, invariants name 1)
        // Lengths.
        Assert.Equal(1, invariants name 2)

    // The volume of three vectors; T and Td know xyz as well, in all six orders, which for Td alone is one.
    Assert.Equal<int list>(
        [ 2; 1; 0; 1; 0; 1; 0 ],
        [ for name in [ "T"; "Td"; "Th"; "O"; "Oh"; "I"; "Ih" ] -> invariants name 3 ]
    )

    Assert.Equal(1, invariants "C4v" 1)
    Assert.Equal(2, invariants "Cs" 1)

// Signed permutations and affine groups

[<Theory>]
[<InlineData(1, 2)>]
[<InlineData(2, 8)>]
[<InlineData(3, 48)>]
[<InlineData(4, 384)>]
[<InlineData(5, 3840)>]
let ``signed permutations move the axes and change signs`` (n: int) (order: int) =
    let point = PointGroup.SignedPermutations n
    Assert.Equal(BigInteger order, point.Group.Order)

    let elements, vectors =
        checkGeometry point (PermutationAction.Natural(point.Group :?> PermutationGroup))

    for g in elements do
        let matrix = vectors.Matrix g

        for row in 0 .. n - 1 do
            Assert.Equal(1.0, Array.sumBy abs matrix[row, *])

[<Fact>]
let ``signed permutations of many axes are no burden`` () =
    let n = PointGroup.MaximumDimension
    let group = (PointGroup.SignedPermutations n).Group

    let order =
        Seq.fold (fun order k -> order * BigInteger(2 * k)) BigInteger.One [ 1..n ]

    Assert.Equal(order, group.Order)
    let vectors = Representation.Vectors group
    let g, h = group.Random(Random 1), group.Random(Random 2)

    Assert.Equal(
        0.0,
        difference (flat (product (vectors.Matrix g) (vectors.Matrix h))) (flat (vectors.Matrix(g * h)))
    )

    let cycles = group.Subgroup [| group.Generators[0] |]
    Assert.Equal(n, (vectors.Restrict cycles).Dimension)
    refused [ $"B{n}" ] (fun () -> (vectors.Restrict cycles).Matrix group.Generators[2])
    refused [ "0"; "128" ] (fun () -> PointGroup.SignedPermutations 0)
    refused [ "129"; "128" ] (fun () -> PointGroup.SignedPermutations 129)

[<Theory>]
[<InlineData(1, 2)>]
[<InlineData(1, 3)>]
[<InlineData(1, 7)>]
[<InlineData(1, 101)>]
[<InlineData(2, 2)>]
[<InlineData(2, 3)>]
[<InlineData(2, 7)>]
[<InlineData(3, 2)>]
[<InlineData(3, 3)>]
[<InlineData(4, 2)>]
[<InlineData(3, 5)>]
let ``an affine group has all invertible affine maps`` (n: int) (p: int) =
    let group = Group.Affine(n, p)
    let points = pown p n
    let power k = BigInteger.Pow(BigInteger p, k)

    let order =
        Seq.fold (fun order k -> order * (power n - power k)) (power n) [ 0 .. n - 1 ]

    Assert.Equal(points, group.Degree)
    Assert.Equal(order, group.Order)
    Assert.Equal($"AGL({n}, {p})", group.Name)

    // Affine maps keep sums of which the weights add to one: f(x + e) − f(x) does not depend on x.
    let digits point = [ for k in 0 .. n - 1 -> point / pown p k % p ]

    let add x y =
        List.map2 (fun a b -> (a + b) % p) (digits x) (digits y)
        |> List.mapi (fun k digit -> digit * pown p k)
        |> List.sum

    let minus x y =
        List.map2 (fun a b -> (a - b + p) % p) (digits x) (digits y)

    for g in group.Generators do
        for k in 0 .. n - 1 do
            for x in 0 .. points - 1 do
                Assert.Equal<int list>(
                    minus g.Code[pown p k] g.Code[0],
                    minus g.Code[add x (pown p k)] g.Code[x]
                )

[<Fact>]
let ``what is no affine group is refused`` () =
    refused [ "9"; "prime" ] (fun () -> Group.Affine(1, 9))
    refused [ "0"; "dimension" ] (fun () -> Group.Affine(0, 3))
    refused [ "AGL(21, 2)"; "1048576" ] (fun () -> Group.Affine(21, 2))
    refused [ "AGL(1000000, 2)" ] (fun () -> Group.Affine(1000000, 2))

// Names

[<Fact>]
let ``a name gives the group that its maker gives`` () =
    let same (name: string) (group: Group) =
        Assert.Equal<Group>(group, Group.Named name)

    same "C6" (Group.Cyclic 6)
    same "D4" (Group.Dihedral 4)
    same "S5" (Group.Symmetric 5)
    same "A5" (Group.Alternating 5)
    same "Q8" (Group.Quaternion())
    same "V4" (Group.KleinFour())
    same "K4" (Group.KleinFour())
    same "Klein" (Group.KleinFour())
    same "B3" (PointGroup.SignedPermutations 3).Group
    same "AGL(1, 5)" (Group.Affine(1, 5))
    same "AGL(2,3)" (Group.Affine(2, 3))

    for name in
        [
            "Ci"
            "Cs"
            "C3v"
            "C4h"
            "D3d"
            "D5h"
            "T"
            "Td"
            "Th"
            "O"
            "Oh"
            "I"
            "Ih"
        ] do
        same name (PointGroup.InSpace name).Group
        Assert.Equal(name, (Group.Named name).Name)

    let two = Group.Direct [| Group.Cyclic 4 :> Group; Group.Cyclic 2 |]

    for name in [ "C4 x C2"; "C4 × C2"; "C4xC2"; "C4×C2"; " C4  x C2 " ] do
        same name two

    same
        "AGL(1, 5) × Td x C2"
        (Group.Direct [| Group.Affine(1, 5) :> Group; Group.Named "Td"; Group.Cyclic 2 |])

[<Theory>]
[<InlineData("Z6", "\"C6\"")>]
[<InlineData("oh", "\"Oh\"")>]
[<InlineData("klein", "\"Klein\"")>]
[<InlineData("Dih4", "\"D4\"")>]
[<InlineData("D4D", "\"D4d\"")>]
[<InlineData("AGL(1 5)", "\"AGL(1, 5)\"")>]
[<InlineData("agl(1,5)", "\"AGL(1, 5)\"")>]
[<InlineData("D", "\"Dn\"")>]
[<InlineData("C2 x Z3", "\"C3\"")>]
[<InlineData("icosahedron", "Ih")>]
[<InlineData("C0", "Cn, Dn")>]
[<InlineData("C361v", "360")>]
[<InlineData("C4 x ", "lacks a group")>]
[<InlineData("x C4", "lacks a group")>]
[<InlineData("", "lacks a group")>]
[<InlineData("C99999999999999", "Cn, Dn")>]
let ``a name that no group has is refused with those near it`` (name: string) (near: string) =
    refused [ near; name.Trim().Split(" x ") |> Array.last ] (fun () -> Group.Named name)

// In the language

let private moved signal (g: GroupElement) (x: torch.Tensor) = (Signal.core signal).Apply(g, x)

[<Theory>]
[<InlineData("Oh", 3, 8)>]
[<InlineData("Ih", 3, 12)>]
[<InlineData("C3v", 3, 3)>]
[<InlineData("D5", 2, 5)>]
[<InlineData("C5", 2, 5)>]
[<InlineData("B4", 4, 8)>]
let ``a named group moves vectors and vertices`` (name: string) (dimension: int) (vertices': int) =
    let group = Group.named name
    let inVectors = vector dimension |> under group vectors
    let onVertices = vector vertices' |> under group vertices
    Assert.Equal(None, Signal.problem inVectors)
    Assert.Equal(None, Signal.problem onVertices)
    let x = torch.randn ([| 2L; int64 dimension |], dtype = torch.float64)
    let y = torch.randn ([| 2L; int64 vertices' |], dtype = torch.float64)
    let representation = Representation.Vectors group.Core

    for g in group |> Group.enumerate |> Seq.truncate 50 do
        let matrix = torch.tensor (representation.Matrix g, dtype = torch.float64)
        Tensors.assertClose 1e-12 (x.matmul (matrix.t ())) (moved inVectors g x)

        let places =
            match group.Core with
            | :? PermutationGroup as group -> (PermutationAction.Natural group).Permutation g
            | :? CyclicGroup as group -> (PermutationAction.Natural group).Permutation g
            | other -> (PermutationAction.Natural(other :?> DihedralGroup)).Permutation g

        let z = moved onVertices g y

        places
        |> Array.iteri (fun i place ->
            Tensors.assertClose
                0.0
                y[torch.TensorIndex.Colon, torch.TensorIndex.Single i]
                z[torch.TensorIndex.Colon, torch.TensorIndex.Single place])

[<Fact>]
let ``vectors are for typed groups and subgroups too, and add and multiply`` () =
    let fits space group action =
        Assert.Equal(None, Signal.problem (space |> under group action))

    fits (vector 2) (dihedral 6) vectors
    fits (vector 2) (cyclic 1) vectors
    fits (vector 3) cubeSymmetries vectors
    fits (vector 9) cubeSymmetries (vectors * vectors)
    fits (vector 11) cubeSymmetries (vectors + points)
    fits (vector 5) (signedPermutations 5) vectors
    fits (vector 3) (Group.inSpace "S4") vectors
    fits (vector 3) (Group.derivedSubgroup (Group.named "Ih")) vectors
    fits (vector 9) (affine 2 3) vertices
    Assert.Equal("vectors ⊗ vectors", string (vectors<int> * vectors))

    let problem signal =
        Signal.problem signal |> Option.defaultValue "none"

    Assert.Contains("S4 moves no vectors", problem (vector 3 |> under (Group.named "S4") vectors))
    Assert.Contains("S2 moves no vectors", problem (vector 3 |> under (symmetric 2) vectors))
    Assert.Contains("AGL(2, 3) moves no vectors", problem (vector 3 |> under (affine 2 3) vectors))
    Assert.NotEqual<string>("none", problem (vector 2 |> under (Group.named "Oh") vectors))
    // Another group of that name, or one with other generators, is not taken for it.
    let impostor = Group.OfPermutations(4, [| [| 1; 0; 2; 3 |] |], "Td")
    refused [ "Td moves no vectors" ] (fun () -> Representation.Vectors impostor)

[<Fact>]
let ``an element of another group is no element of a named one`` () =
    let group = Group.named "D4"
    refused [ "D4"; "C4" ] (fun () -> group.Element((Group.Cyclic 4).Generators[0]))
    Assert.Equal("r^3", string (Group.inverse group group.Core.Generators[0]))
