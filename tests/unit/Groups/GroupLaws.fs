module Equivariant.Tests.Groups.GroupLaws

open System
open System.Collections.Generic
open System.Numerics
open FsCheck.Xunit
open Xunit
open Equivariant.Core.Groups
open Equivariant.Tests.Groups.GroupExpressions

/// All products of some elements, by brute force.
let private closure (group: Group) (generators: GroupElement seq) =
    let found = HashSet [ group.Identity ]
    let queue = Queue found

    while queue.Count > 0 do
        let g = queue.Dequeue()

        for s in generators do
            if found.Add(s * g) then
                queue.Enqueue(s * g)

    found

let private draw (group: Group) (random: Random) count = [ for _ in 1..count -> group.Random random ]

[<Properties(Arbitrary = [| typeof<Arbitraries> |], MaxTest = 60)>]
module ``Any group`` =

    [<Property>]
    let ``axioms hold for random elements`` (AnyGroup expression) (seed: int) =
        let group = build expression

        match draw group (Random seed) 3 with
        | [ a; b; c ] ->
            Assert.Equal(a * (b * c), (a * b) * c)
            Assert.Equal(a, group.Identity * a)
            Assert.Equal(a, a * group.Identity)
            Assert.Equal(group.Identity, a * a.Inverse())
            Assert.Equal(group.Identity, a.Inverse() * a)
            Assert.Equal((a * b).Inverse(), b.Inverse() * a.Inverse())
            Assert.Equal((a * b).GetHashCode(), (a * b).GetHashCode())
        | _ -> failwith "three elements were drawn"

    [<Property>]
    let ``the order is the product of the transversals' lengths and a multiple of every element's``
        (AnyGroup expression)
        (seed: int)
        =
        let group = build expression

        let product =
            group.Transversals
            |> Seq.fold (fun order u -> order * BigInteger u.Count) BigInteger.One

        Assert.Equal(group.Order, product)

        for g in draw group (Random seed) 3 do
            Assert.Equal(BigInteger.Zero, group.Order % g.Order)
            Assert.True(g.Pow(g.Order).IsIdentity)
            Assert.True(g.Pow(group.Order).IsIdentity)

    [<Property>]
    let ``an element is the product of its factors, and of the letters of its word``
        (AnyGroup expression)
        (seed: int)
        =
        let group = build expression

        for g in draw group (Random seed) 3 do
            let indices = group.Factorise g

            let product =
                Seq.zip group.Transversals indices
                |> Seq.fold (fun product (u, i) -> u[i] * product) group.Identity

            Assert.Equal(g, product)

            let spelled =
                group.Word g
                |> Seq.fold
                    (fun product letter ->
                        product * group.Generators[letter.Generator].Pow(BigInteger letter.Exponent))
                    group.Identity

            Assert.Equal(g, spelled)

    [<Property>]
    let ``products of generators are members, and packed forms come back`` (AnyGroup expression) (seed: int) =
        let group = build expression
        let random = Random seed

        if group.Generators.Count > 0 then
            let g =
                Seq.init 20 (fun _ -> group.Generators[random.Next group.Generators.Count])
                |> Seq.reduce (*)

            Assert.True(group.Contains g)
            Assert.Equal(g, group.Element(g.Code))

    [<Property(MaxTest = 30)>]
    let ``the permutation image is an isomorphic group`` (AnyGroup expression) (seed: int) =
        let group = build expression

        if group.PointCount <= 2000 then
            let image = group.ToPermutationGroup()
            let isomorphism = group.PermutationIsomorphism()
            Assert.Equal(group.Order, image.Order)

            match draw group (Random seed) 2 with
            | [ a; b ] ->
                Assert.Equal(isomorphism.Apply(a * b), isomorphism.Apply a * isomorphism.Apply b)
                Assert.Equal(a.IsIdentity, (isomorphism.Apply a).IsIdentity)
            | _ -> failwith "two elements were drawn"

    [<Property>]
    let ``one seed gives one sequence of elements`` (AnyGroup expression) (seed: int) =
        let group = build expression
        Assert.Equal<GroupElement list>(draw group (Random seed) 5, draw (build expression) (Random seed) 5)

[<Properties(Arbitrary = [| typeof<Arbitraries> |], MaxTest = 40)>]
module ``A small group`` =

    [<Property>]
    let ``lists each of its elements once, the identity first`` (SmallGroup expression) =
        let group = build expression
        let elements = List.ofSeq group.Elements
        Assert.Equal(group.Order, BigInteger elements.Length)
        Assert.Equal(elements.Length, (HashSet elements).Count)
        Assert.Equal(group.Identity, elements.Head)
        Assert.True((HashSet elements).SetEquals(closure group group.Generators))

    [<Property>]
    let ``has the subgroups that its elements generate`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = Random seed
        let generators = draw group random (random.Next(0, 3))
        let subgroup = group.Subgroup(Array.ofList generators)
        let expected = closure group generators
        Assert.Equal(BigInteger expected.Count, subgroup.Order)
        Assert.True(expected.SetEquals subgroup.Elements)

        for g in group.Elements do
            Assert.Equal(expected.Contains g, subgroup.Contains g)

    [<Property>]
    let ``has normal closures, quotients and transversals`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = Random seed
        let generators = draw group random (random.Next(0, 2))
        let elements = List.ofSeq group.Elements

        let expected =
            closure group [
                for g in generators do
                    for h in elements -> h * g * h.Inverse()
            ]

        let normal = group.NormalClosure(Array.ofList generators)
        Assert.True(expected.SetEquals normal.Elements)
        Assert.True(group.IsNormal normal)

        let subgroup = group.Subgroup(Array.ofList generators)

        let isNormal =
            elements
            |> List.forall (fun h ->
                generators |> List.forall (fun g -> subgroup.Contains(h * g * h.Inverse())))

        Assert.Equal(isNormal, group.IsNormal subgroup)

        let transversal = group.Transversal normal
        Assert.Equal(group.Order, normal.Order * BigInteger transversal.Count)
        Assert.True(transversal[0].IsIdentity)

        let cosets =
            transversal
            |> Seq.collect (fun t -> normal.Elements |> Seq.map (fun k -> t * k))

        Assert.Equal(elements.Length, (HashSet cosets).Count)

        let quotient = group.Quotient normal
        Assert.Equal(group.Order / normal.Order, quotient.Order)
        let project (g: GroupElement) = quotient.Projection.Apply g

        for g in elements do
            Assert.Equal(normal.Contains g, (project g).IsIdentity)

        match draw group random 2 with
        | [ a; b ] -> Assert.Equal(project (a * b), project a * project b)
        | _ -> failwith "two elements were drawn"

    [<Property>]
    let ``has a centre, a derived subgroup and conjugacy classes`` (SmallGroup expression) =
        let group = build expression
        let elements = List.ofSeq group.Elements

        let commutes g =
            elements |> List.forall (fun h -> g * h = h * g)

        Assert.True((HashSet(List.filter commutes elements)).SetEquals(group.Centre().Elements))
        Assert.Equal(List.forall commutes elements, group.IsAbelian)

        let commutators = [
            for g in elements do
                for h in elements -> g * h * g.Inverse() * h.Inverse()
        ]

        Assert.True((closure group commutators).SetEquals(group.DerivedSubgroup().Elements))

        let classOf g =
            HashSet [ for h in elements -> h * g * h.Inverse() ]

        let rec count (left: GroupElement list) total =
            match left with
            | [] -> total
            | g :: _ ->
                let mine = classOf g
                count (List.filter (mine.Contains >> not) left) (total + 1)

        Assert.Equal(BigInteger(count elements 0), group.ConjugacyClassCount.Value)

    [<Property>]
    let ``joins and intersects its subgroups`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = Random seed

        let pick () =
            group.Subgroup(Array.ofList (draw group random (random.Next(0, 2))))

        let a, b = pick (), pick ()
        let both = HashSet a.Elements
        both.IntersectWith b.Elements
        Assert.True(both.SetEquals(group.Intersection(a, b).Elements))
        let all = closure group (Seq.append a.Elements b.Elements)
        Assert.True(all.SetEquals((group.Join [| a; b |]).Elements))

    [<Property>]
    let ``default kernels are normal`` (SmallGroup expression) =
        let group = build expression
        let elements = List.ofSeq group.Elements
        Assert.NotEmpty(group.DefaultKernels())

        for kernel in group.DefaultKernels() do
            for h in elements do
                for g in kernel.Generators do
                    Assert.True(kernel.Contains(h * g * h.Inverse()))

/// Pearson's statistic of drawn elements against the uniform distribution, in standard deviations from its mean.
let private deviation (group: Group) seed =
    let draws = 20000
    let random = Random seed
    let counts = Dictionary<GroupElement, int>()

    for g in Seq.init draws (fun _ -> group.Random random) do
        counts[g] <- counts.GetValueOrDefault g + 1

    let cells = int group.Order
    let expected = float draws / float cells

    let hit =
        counts.Values |> Seq.sumBy (fun n -> (float n - expected) ** 2.0 / expected)

    let missed = float (cells - counts.Count) * expected
    let freedom = float (cells - 1)
    (hit + missed - freedom) / sqrt (2.0 * freedom)

[<Fact>]
let ``random elements are uniform`` () =
    for group in
        [
            Group.Symmetric 5 :> Group
            Group.Cyclic 60
            Group.Dihedral 12
            Group.Wreath(Group.Cyclic 2, Group.Symmetric 3)
            Group.Direct [| Group.Quaternion() :> Group; Group.Cyclic 9 |]
            Group
                .Symmetric(6)
                .Subgroup(
                    [|
                        Group.Symmetric(6).Element(1, 2, 0, 3, 4, 5)
                        Group.Symmetric(6).Element(0, 1, 2, 4, 5, 3)
                    |]
                )
            Group.OfMatrices(3, [| array2D [ [ 1; 1 ]; [ 0; 1 ] ]; array2D [ [ 1; 0 ]; [ 1; 1 ] ] |])
        ] do
        let found = deviation group 1
        Assert.True(abs found < 5.0, $"{group}: {found} standard deviations")

[<Fact>]
let ``draws that would favour some elements are thrown away`` () =
    // 2³¹ − 1 draws do not divide by 3 evenly: the last one, 2³¹ − 2, is one too many.
    let scripted (draws: int list) =
        let left = Queue draws

        {
            new Random() with
                member _.Next() = left.Dequeue()
        }

    let c3 = Group.Cyclic 3
    Assert.Equal(c3.Element 2, c3.Random(scripted [ 2147483646; 5 ]))
    Assert.Equal(c3.Element 2, c3.Random(scripted [ 2147483645 ]))

[<Fact>]
let ``names print as mathematicians write them`` () =
    let c n = Group.Cyclic n :> Group

    let inverted =
        Group.Semidirect(c 4, c 2, fun h n -> if h.IsIdentity then n else n.Inverse())

    Assert.Equal("C4 ⋊ C2, order 8", string inverted)
    Assert.Equal("S3 × S4", (Group.Direct [| Group.Symmetric 3 :> Group; Group.Symmetric 4 |]).Name)
    Assert.Equal("C2 ≀ S3, order 48", string (Group.Wreath(c 2, Group.Symmetric 3)))
    Assert.Equal("S3 × (C4 ⋊ C2)", Group.Direct([| Group.Symmetric 3 :> Group; inverted |]).Name)

[<Fact>]
let ``groups far too large to list have their orders, members and random elements`` () =
    let factorial n =
        Seq.fold (fun p k -> p * BigInteger(k: int)) BigInteger.One [ 1..n ]

    let symmetric =
        Group.OfPermutations(100, [| [| for i in 0..99 -> (i + 1) % 100 |]; [| 1; 0; yield! [ 2..99 ] |] |])

    Assert.Equal(factorial 100, symmetric.Order)
    let wreath = Group.Wreath(Group.Symmetric 10, Group.Symmetric 6)
    Assert.Equal(BigInteger.Pow(factorial 10, 6) * factorial 6, wreath.Order)
    let big = Group.Wreath(Group.Symmetric 20, Group.Symmetric 20)
    Assert.Equal(BigInteger.Pow(factorial 20, 20) * factorial 20, big.Order)
    let g = big.Random(Random 3)
    Assert.True(big.Contains g)
    Assert.True((g * g.Inverse()).IsIdentity)
    Assert.Equal(Group.Alternating(50).Order * BigInteger 2, Group.Symmetric(50).Order)

[<Fact>]
let ``a chain rejects what is not in the group`` () =
    let mathieu =
        Group.OfPermutations(
            11,
            [|
                [| 1; 2; 3; 4; 5; 6; 7; 8; 9; 10; 0 |]
                [| 0; 1; 6; 9; 5; 3; 10; 2; 8; 4; 7 |]
            |]
        )

    Assert.Equal(BigInteger 7920, mathieu.Order)
    let whole = Group.Symmetric 11
    let random = Random 1

    let inside =
        Seq.init 20000 (fun _ -> mathieu.Contains(whole.Random random))
        |> Seq.filter id
        |> Seq.length
    // 7920 of 39 916 800: four of 20 000 are expected.
    Assert.InRange(inside, 0, 20)

    Assert.True(
        Seq.init 1000 (fun _ -> mathieu.Contains(mathieu.Random random))
        |> Seq.forall id
    )
