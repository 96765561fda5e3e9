/// Groups of permutations of pairs, subsets, flags: their facts are those of the same groups on the points that these are made of.
module Equivariant.Tests.Groups.SmallerActionTests

open System
open System.Numerics
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Facts
open Equivariant.Core.Groups
open Equivariant.Tests.Groups.RawGroups

/// The lists of so many different points out of n, ordered or not.
let private choices ordered count n =
    let rec extend count =
        if count = 0 then
            [ [] ]
        else
            [
                for rest in extend (count - 1) do
                    for x in 0 .. n - 1 do
                        if
                            if ordered then
                                not (List.contains x rest)
                            else
                                List.forall (fun y -> y < x) rest
                        then
                            rest @ [ x ]
            ]

    extend count

/// How a permutation of points moves lists of points.
let private induced ordered (lists: int list list) =
    let numbers = dict (List.mapi (fun i list -> list, i) lists)

    fun (permutation: int[]) -> [|
        for list in lists do
            let image = [ for x in list -> permutation[x] ]
            numbers[if ordered then image else List.sort image]
    |]

/// A group of permutations on lists of its points.
let private onLists ordered count (group: Group) =
    let lists = choices ordered count (group.Generators[0].Code.Length)
    let lift = induced ordered lists
    Group.OfPermutations(Array.map lift (codes group)), lift

let private raw (generators: int[] seq) =
    Group.OfPermutations(Seq.toArray generators)

/// Some permutations of the first points and the rest by themselves.
let private young parts =
    let degree = List.sum parts

    raw [
        for start, part in List.zip (List.scan (+) 0 parts |> List.take parts.Length) parts do
            for seed in 1..2 do
                let inside = shuffled (start + seed) part

                [|
                    for x in 0 .. degree - 1 ->
                        if x >= start && x < start + part then
                            start + inside[x - start]
                        else
                            x
                |]
    ]

let private symmetric n : Group = raw [ cycle n; swap n ]

let private wreath (inner: Group) outer =
    asPermutations (Group.Wreath(inner, outer))

let private cases: (string * Group * bool * int) list = [
    "S15, pairs", symmetric 15, false, 2
    "S11, ordered pairs", symmetric 11, true, 2
    "S12, threes", symmetric 12, false, 3
    "S6, ordered threes", symmetric 6, true, 3
    "S4 wr S4, pairs", wreath (Group.Symmetric 4) (Group.Symmetric 4), false, 2
    "C2 wr S8, pairs", wreath (Group.Cyclic 2) (Group.Symmetric 8), false, 2
    "S5 wr C3, ordered pairs", wreath (Group.Symmetric 5) (raw [ cycle 3 ]), true, 2
    "S7 x S8, pairs", young [ 7; 8 ], false, 2
    "S5 x S6 x S5, pairs", young [ 5; 6; 5 ], false, 2
    "M24, pairs", mathieu24, false, 2
    "PGL(2, 17), pairs", projective 17 true, false, 2
    "D20, pairs", polygon 20, false, 2
]

[<Fact>]
let ``facts are those on the points`` () =
    for name, group, ordered, count in cases do
        let onLists, _ = onLists ordered count group
        Assert.InRange(onLists.Degree, 100, 1000)
        let facts = GroupFacts.Of onLists

        Assert.Equal(
            (name, group.Order, group.IsAbelian, group.Centre().Order, group.DerivedSubgroup().Order),
            (name, facts.Order, facts.Abelian, facts.CenterOrder, facts.DerivedOrder)
        )

        Assert.Equal((name, group.ConjugacyClassCount), (name, facts.ConjugacyClasses))
        // By walking through all pairs.
        Assert.Equal(
            (name, int64 (PairOrbits.CountOf(onLists.Degree, codes onLists, onLists.Degree, codes onLists))),
            (name, facts.OrbitsOnPairs)
        )

        // By walking through all triples, of not too many points.
        if onLists.Degree <= 120 then
            let degree = onLists.Degree

            let pairs = [|
                for g in codes onLists ->
                    [|
                        for x in g do
                            for y in g -> x * degree + y
                    |]
            |]

            let triples = PairOrbits.CountOf(degree * degree, pairs, degree, codes onLists)

            Assert.Equal((name, Nullable(int64 triples)), (name, facts.InvariantDim3))

[<Fact>]
let ``members are those on the points`` () =
    for name, group, ordered, count in cases do
        let onLists, lift = onLists ordered count group
        let degree = group.Generators[0].Code.Length
        let random = Random 5

        for seed in 1..3 do
            Assert.True(onLists.Contains(lift (group.Random(random).Code.ToArray())), name)
            // Moves lists as permutations of points do, but is mostly not in the group.
            let other = shuffled seed degree
            Assert.Equal((name, group.Contains other), (name, onLists.Contains(lift other)))
            Assert.False(onLists.Contains(shuffled seed onLists.Degree), name)
            Assert.True(onLists.Contains (onLists.Random random).Code, name)

        // Exchanging two lists keeps no structure.
        Assert.False(onLists.Contains(swap onLists.Degree), name)

[<Fact>]
let ``elements have words in the generators`` () =
    for group, ordered, count in
        [
            symmetric 15, false, 2
            symmetric 12, false, 3
            symmetric 11, true, 2
            mathieu24, false, 2
        ] do
        let onLists, _ = onLists ordered count group

        for seed in 1..3 do
            let element = onLists.Random(Random seed)
            Assert.Equal(element, onLists.Evaluate(onLists.Word element))

[<Fact>]
let ``centres move the lists`` () =
    let group, _ = onLists false 2 (wreath (Group.Cyclic 2) (Group.Symmetric 8))

    let central = Assert.Single(group.Centre().Generators)

    for g in group.Generators do
        Assert.Equal(g * central, central * g)

[<Fact>]
let ``classes of a group on pairs are listed`` () =
    let points = wreath (Group.Symmetric 4) (Group.Symmetric 4)
    let group, _ = onLists false 2 points

    let sizes (group: Group) =
        List.sort [ for one in group.ConjugacyClasses() -> one.Size ]

    Assert.Equal<BigInteger list>(sizes points, sizes group)
    let classes = group.ConjugacyClasses()
    Assert.True(classes[0].Representative.IsIdentity)
    Assert.All(classes, fun one -> Assert.True(group.Contains one.Representative.Code))

[<Fact>]
let ``quotients by subgroups on pairs`` () =
    let group, _ = onLists false 2 (symmetric 16)
    let even = group.DerivedSubgroup()
    Assert.Equal(BigInteger 2, group.Quotient(even).Order)
    let odd = group.Generators |> Seq.find (fun g -> not (even.Contains g.Code))
    Assert.False((group.Quotient(even).Project odd).IsIdentity)

[<Fact>]
let ``several copies of an action are one`` () =
    let copies = 3
    let inner = symmetric 40

    let group =
        raw [
            for g in codes inner ->
                [|
                    for copy in 0 .. copies - 1 do
                        for x in g -> copy * g.Length + x
                |]
        ]

    Assert.Equal(inner.Order, group.Order)
    Assert.Equal(inner.ConjugacyClassCount, group.ConjugacyClassCount)

[<Fact>]
let ``all permutations of 100 things, on their pairs`` () =
    let group, lift = onLists false 2 (symmetric 100)
    Assert.Equal(Seq.fold (*) BigInteger.One [ for i in 1..100 -> BigInteger i ], group.Order)
    Assert.Equal(3L, TupleOrbits.OnPairs group)
    Assert.Equal(group.Order / BigInteger 2, group.DerivedSubgroup().Order)
    let element = lift (shuffled 1 100)
    Assert.True(group.Contains element)
    Assert.Equal<int[]>(element, group.Evaluate(group.Word(group.Element element)).Code.ToArray())

[<Fact>]
let ``S10 wr S10 on the pairs of 100 points`` () =
    let group, _ = onLists false 2 (wreath (Group.Symmetric 10) (Group.Symmetric 10))

    Assert.Equal(BigInteger.Pow(BigInteger 3628800, 11), group.Order)
    Assert.Equal(16L, TupleOrbits.OnPairs group)
    Assert.Equal(Nullable(BigInteger 50599149888L), group.ConjugacyClassCount)

/// The number of lists of so many partitions of n things in all.
let private partitionLists lists n =
    let times (ways: bigint[]) size =
        for total in size..n do
            ways[total] <- ways[total] + ways[total - size]

        ways

    let none = [| for total in 0..n -> if total = 0 then bigint 1 else bigint 0 |]
    let parts = List.collect (fun _ -> [ 1..n ]) [ 1..lists ]
    (List.fold times none parts)[n]

[<Fact>]
let ``wreath products on pairs have as many classes as there are lists of partitions`` () =
    for inner, outer in
        [
            Group.Cyclic 2 :> Group, 20
            Group.Cyclic 2, 30
            Group.Symmetric 3, 14
            Group.Cyclic 5, 8
        ] do
        let points = wreath inner (Group.Symmetric outer)
        let group, _ = onLists false 2 points
        Assert.Equal(points.Order, group.Order)
        let classes = partitionLists (int inner.ConjugacyClassCount.Value) outer
        Assert.Equal(Nullable classes, group.ConjugacyClassCount)
        Assert.Equal(points.Centre().Order, group.Centre().Order)

[<Fact>]
let ``a group of which one orbit tells all has the classes of that orbit`` () =
    let size, count = 2, 20
    let points = wreath (Group.Cyclic size) (Group.Symmetric count)

    // Points and blocks of them.
    let group =
        raw [
            for g in codes points ->
                [| yield! g; for block in 0 .. count - 1 -> g.Length + g[block * size] / size |]
        ]

    Assert.Equal(Nullable(partitionLists 2 count), group.ConjugacyClassCount)

[<Fact>]
let ``orbits on triples of many pairs are counted`` () =
    let group, _ = onLists false 2 (symmetric 40)
    Assert.Equal(Nullable 16L, (GroupFacts.Of group).InvariantDim3)

[<Fact>]
let ``triples under many generators of many orbits are too many`` () =
    let size, copies = 8, 40

    let group =
        raw [
            for copy in 0 .. copies - 1 do
                for g in codes (symmetric size) ->
                    [|
                        for x in 0 .. size * copies - 1 ->
                            if x / size = copy then size * copy + g[x % size] else x
                    |]
        ]

    let facts = GroupFacts.Of group
    Assert.Equal(BigInteger.Pow(BigInteger 40320, copies), facts.Order)
    Assert.False facts.InvariantDim3.HasValue
