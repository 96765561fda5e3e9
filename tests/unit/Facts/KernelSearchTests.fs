/// The best family of normal subgroups within a budget: known answers, all families of small groups, and what is said where nothing is proved.
module Equivariant.Tests.Facts.KernelSearchTests

open System
open System.Collections.Generic
open System.IO
open System.Numerics
open FsCheck.Xunit
open Xunit
open Equivariant
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Facts
open Equivariant.Core.Groups
open Equivariant.Tests
open Equivariant.Tests.Expect
open Equivariant.Tests.Groups.RawGroups

/// Copies of some permutations side by side, each copy moved on its own.
let private disjoint copies (generators: int[] list) =
    let degree = generators.Head.Length

    Group.OfPermutations(
        copies * degree,
        [|
            for copy in 0 .. copies - 1 do
                for g in generators do
                    [|
                        for point in 0 .. copies * degree - 1 do
                            if point / degree = copy then
                                copy * degree + g[point % degree]
                            else
                                point
                    |]
        |]
    )

let private power n count : Group =
    Group.Direct [| for _ in 1..count -> Group.Cyclic n :> Group |]

[<Theory>]
[<InlineData(2, 6, 12, 42, 12)>]
[<InlineData(2, 7, 14, 56, 14)>]
[<InlineData(2, 8, 16, 72, 16)>]
[<InlineData(2, 8, 7, 67, 6)>]
[<InlineData(2, 16, 32, 272, 32)>]
[<InlineData(3, 5, 15, 35, 15)>]
[<InlineData(4, 4, 16, 28, 16)>]
[<InlineData(4, 4, 11, 23, 10)>]
[<InlineData(6, 3, 18, 24, 18)>]
[<InlineData(6, 3, 7, 14, 6)>]
[<InlineData(6, 3, 5, 12, 5)>]
[<InlineData(2000, 1, 4, 4, 4)>]
[<InlineData(720, 1, 100, 96, 98)>]
let ``powers of cyclic groups on disjoint points`` order copies budget captured cost =
    let found = KernelSearch.Find(disjoint copies [ cycle order ], budget)

    Assert.Equal(
        (captured, BigInteger(cost: int), true),
        (int found.Facts.DimCaptured, found.Facts.Cost, found.IsOptimal)
    )

[<Theory>]
[<InlineData(3, 4, 24, 20, 24)>]
[<InlineData(3, 4, 13, 18, 12)>]
[<InlineData(10, 3, 30, 9, 1)>]
let ``powers of symmetric groups on disjoint points`` degree copies budget captured cost =
    let found = KernelSearch.Find(disjoint copies [ cycle degree; swap degree ], budget)

    Assert.Equal(
        (captured, BigInteger(cost: int), true),
        (int found.Facts.DimCaptured, found.Facts.Cost, found.IsOptimal)
    )

[<Theory>]
// Subspaces of a space over the integers mod 2 meet in little: 8 + 3 + 1 of 128, and one of 32 of 1024.
[<InlineData(7, 14, 12, 14)>]
[<InlineData(10, 32, 32, 32)>]
let ``lattices of subspaces too large to list`` rank budget captured cost =
    let regular = PermutationAction.Regular(power 2 rank)
    let found = KernelSearch.Find(regular, regular, budget)

    Assert.Equal(
        (captured, BigInteger(cost: int), true),
        (int found.Facts.DimCaptured, found.Facts.Cost, found.IsOptimal)
    )

/// Normal subgroups by brute force, as sets of elements, with generators.
let private normalSubgroups (group: Group) =
    let elements = List.ofSeq group.Elements

    let generated (members: GroupElement seq) =
        let found = HashSet [ group.Identity ]
        let queue = Queue found

        while queue.Count > 0 do
            let g = queue.Dequeue()

            for s in members do
                if found.Add(s * g) then
                    queue.Enqueue(s * g)

        found

    let closures = [ for g in elements -> generated [ for h in elements -> h * g * h.Inverse() ] ]

    let rec grow (known: HashSet<GroupElement> list) =
        let isNew (candidate: HashSet<GroupElement>) =
            known |> List.forall (candidate.SetEquals >> not)

        match
            List.allPairs known closures
            |> Seq.map (fun (a, b) -> generated (Seq.append a b))
            |> Seq.tryFind isNew
        with
        | Some found -> grow (found :: known)
        | None -> known

    grow [ HashSet [ group.Identity ] ]

let private memoised (work: int -> int) =
    let known = Dictionary<int, int>()

    fun key ->
        match known.TryGetValue key with
        | true, value -> value
        | _ ->
            let value = work key
            known[key] <- value
            value

/// Families as bits, their best captured dimension and its least cost within each budget.
let private bestByBruteForce (v: PermutationAction) (w: PermutationAction) budget =
    let group = v.Group
    let elements = List.ofSeq group.Elements
    let kernels = normalSubgroups group |> Array.ofList

    /// Orbits of a subgroup on points, each as its smallest point.
    let blocks (action: PermutationAction) (kernel: HashSet<GroupElement>) =
        let images = [ for k in kernel -> action.Permutation k ]

        [|
            for point in 0 .. action.Degree - 1 -> images |> List.map (fun image -> image[point]) |> List.min
        |]

    /// By Burnside's lemma: the mean number of fixed pairs of blocks.
    let dimension (kernel: HashSet<GroupElement>) =
        let fixedBlocks action =
            let labels = blocks action kernel

            fun g ->
                let image = action.Permutation(g: GroupElement)

                Array.distinct labels
                |> Array.filter (fun block -> labels[image[block]] = block)
                |> Array.length

        let onV, onW = fixedBlocks v, fixedBlocks w
        (elements |> List.sumBy (fun g -> onV g * onW g)) / elements.Length

    let join =
        memoised (fun set ->
            let members = [
                for i in 0 .. kernels.Length - 1 do
                    if set >>> i &&& 1 = 1 then
                        kernels[i]
            ]

            kernels
            |> Array.filter (fun k -> members |> List.forall (fun m -> m.IsSubsetOf k))
            |> Array.minBy _.Count
            |> dimension)

    [
        for set in 1 .. (1 <<< kernels.Length) - 1 do
            let cost =
                Seq.sum [
                    for i in 0 .. kernels.Length - 1 do
                        if set >>> i &&& 1 = 1 then
                            elements.Length / kernels[i].Count
                ]

            if cost <= budget then
                let mutable captured = 0
                let mutable part = set

                while part > 0 do
                    captured <-
                        captured
                        + (if BitOperations.PopCount(uint part) % 2 = 1 then
                               join part
                           else
                               -(join part))

                    part <- (part - 1) &&& set

                captured, -cost
    ]
    |> List.max

let private groups: (string * Group) list = [
    "C6", Group.Cyclic 6
    "C2 × C4", Group.Direct [| Group.Cyclic 2 :> Group; Group.Cyclic 4 |]
    "D4", Group.Dihedral 4
    "D6", Group.Dihedral 6
    "Q8", Group.Quaternion()
    "A4", Group.Alternating 4
    "S4", Group.Symmetric 4
    "S3 × C2", Group.Direct [| Group.Symmetric 3 :> Group; Group.Cyclic 2 |]
    "S3 × C3", Group.Direct [| Group.Symmetric 3 :> Group; Group.Cyclic 3 |]
    "C7 ⋊ C3",
    Group.Semidirect(Group.Cyclic 7, Group.Cyclic 3, fun h n -> n.Pow(BigInteger.ModPow(2, h.Code[0], 7)))
    "C2 ≀ C3", Group.Wreath(Group.Cyclic 2, Group.OfPermutations [| cycle 3 |])
    "A5", Group.Alternating 5
]

[<Fact>]
let ``of small groups, no family of all does better, nor as well for less`` () =
    for name, group in groups do
        let regular = PermutationAction.Regular group

        let natural =
            match group with
            | :? PermutationGroup as group -> PermutationAction.Natural group
            | group ->
                PermutationAction(
                    group,
                    group.PointCount,
                    [|
                        for g in group.Generators -> (group.PermutationIsomorphism().Apply g).Code.ToArray()
                    |]
                )

        for v, w in [ natural, natural; natural, regular; regular, regular ] do
            for budget in [ 1; 2; 3; 4; 6; 8; 10; 13; 24; 60 ] do
                let captured, cost = bestByBruteForce v w budget
                let found = KernelSearch.Find(v, w, budget)
                let place = $"{name} on {v.Name} and {w.Name} at {budget}"

                Assert.True(
                    int64 captured = found.Facts.DimCaptured,
                    $"{place}: {found.Facts.DimCaptured}, right is {captured}"
                )

                Assert.True(
                    BigInteger(-cost) = found.Facts.Cost,
                    $"{place}: cost {found.Facts.Cost}, right is {-cost}"
                )

                Assert.True(found.IsOptimal, $"{place} is not proved")

[<Property(MaxTest = 25)>]
let ``a random permutation group's family is the best of all`` (seed: int) (budget: int) =
    let random = Random seed
    let degree = random.Next(2, 8)

    let permutation () =
        let points = [| 0 .. degree - 1 |]

        // Within two orbits or more, so that there are parts.
        let cut = random.Next(1, degree + 1)
        let first, second = points[.. cut - 1], points[cut..]
        random.Shuffle first
        random.Shuffle second
        Array.append first second

    let group =
        Group.OfPermutations(degree, [| for _ in 1 .. random.Next(1, 4) -> permutation () |])

    if group.Order <= BigInteger 60 && (normalSubgroups group).Length <= 10 then
        let action = PermutationAction.Natural group
        let budget = 1 + (abs (budget % 40))
        let captured, cost = bestByBruteForce action action budget
        let found = KernelSearch.Find(group, budget)

        Assert.Equal(
            (int64 captured, BigInteger(-cost), true),
            (found.Facts.DimCaptured, found.Facts.Cost, found.IsOptimal)
        )

[<Fact>]
let ``of regular cyclic groups, no family of divisors does better, nor as well for less`` () =
    // The characters of order m generate those of orders that divide m, so families are sets of divisors. Here greed is often wrong.
    for order in [ 30; 36; 48; 60; 84 ] do
        let divisors = [|
            for d in 1..order do
                if order % d = 0 then
                    d
        |]

        let families = [|
            for set in 1 .. (1 <<< divisors.Length) - 1 do
                let members = [
                    for i in 0 .. divisors.Length - 1 do
                        if set >>> i &&& 1 = 1 then
                            divisors[i]
                ]

                let orders = [
                    for k in 1..order -> order / int (BigInteger.GreatestCommonDivisor(order, k))
                ]

                let captured =
                    orders
                    |> Seq.filter (fun m -> members |> List.exists (fun d -> d % m = 0))
                    |> Seq.length

                captured, -(List.sum members)
        |]

        let regular = PermutationAction.Natural(Group.OfPermutations [| cycle order |])

        for budget in 1 .. order - 1 do
            let captured, cost =
                families |> Array.filter (fun (_, cost) -> -cost <= budget) |> Array.max

            let found = KernelSearch.Find(regular, regular, budget)

            Assert.Equal(
                (order, budget, int64 captured, BigInteger(-cost), true),
                (order, budget, found.Facts.DimCaptured, found.Facts.Cost, found.IsOptimal)
            )

[<Fact>]
let ``normal subgroups with quotients that are simple and not commutative are found`` () =
    // SL(2, 5) over its centre is A5.
    let special =
        Group.OfMatrices(5, [| array2D [ [ 1; 1 ]; [ 0; 1 ] ]; array2D [ [ 1; 0 ]; [ 1; 1 ] ] |])

    let found = NormalSubgroups.Of(special, BigInteger 60)
    Assert.True found.IsComplete

    Assert.Equal<BigInteger list>(
        [ BigInteger 120; BigInteger 2 ],
        [ for subgroup in found.Subgroups -> subgroup.Order ]
    )
    // Below that index there is nothing, and that is known.
    Assert.Single(NormalSubgroups.Of(special, BigInteger 59).Subgroups) |> ignore

[<Fact>]
let ``normal subgroups up to an index are those of brute force`` () =
    for name, group in groups do
        let all = normalSubgroups group

        for limit in [ 1; 2; 4; 6; 12; 60 ] do
            let found = NormalSubgroups.Of(group, BigInteger limit)

            let expected =
                all |> List.filter (fun k -> group.Order <= BigInteger(limit * k.Count))

            Assert.True(found.IsComplete, name)
            Assert.Equal(expected.Length, found.Subgroups.Count)

            for subgroup in found.Subgroups do
                Assert.True(
                    expected |> List.exists (fun k -> k.SetEquals subgroup.Elements),
                    $"{name} at {limit}: {subgroup}"
                )

[<Fact>]
let ``a family of many kernels has few different joins`` () =
    let group = disjoint 20 [ cycle 2 ]

    let kernels = [|
        for i in 0..19 ->
            [|
                for j in 0..19 do
                    if j <> i then
                        group.Generators[j].Code.ToArray()
            |]
            :> IReadOnlyList<int[]>
    |]

    let facts = QuotientFacts.Of(group, kernels)
    Assert.Equal((420L, 420L, BigInteger 40), (facts.DimHom, facts.DimCaptured, facts.Cost))

[<Fact>]
let ``what is not proved best says so, and is no worse than the natural family`` () =
    let group = power 2 7
    let regular = AxisAction(PermutationAction.Regular group, -1)
    let found = KernelSearch.Find(regular.Indices, regular.Indices, 50)
    Assert.False found.IsOptimal
    let terms = QuotientTerm.WithinBudget(regular, regular, 50)
    Assert.Contains("not proved best", string (DesignReport.Of(terms, regular, regular)))
    Assert.Equal(Nullable false, terms[0].Family.IsOptimal)

    let natural =
        QuotientFacts.Of(regular.Indices, regular.Indices, group.DefaultKernels())

    Assert.True(found.Facts.DimCaptured >= natural.DimCaptured)

    // What is proved says that.
    let proved = QuotientTerm.WithinBudget(regular, regular, 14)
    Assert.Contains("14 evaluations, proved best", string (DesignReport.Of(proved, regular, regular)))

let private withFile (content: string) (work: string -> 'T) =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "input.json")
        File.WriteAllText(file, content)
        work file)

let private asJson degree (generators: int[] seq) =
    let list (numbers: int[]) = "[" + String.Join(",", numbers) + "]"
    $"""{{"degree":{degree},"generators":[{generators |> Seq.map list |> String.concat ","}]}}"""

[<Fact>]
let ``the program says whether a family is proved best, in JSON and in words`` () =
    let entry (group: PermutationGroup) =
        asJson group.Degree [ for g in group.Generators -> g.Code.ToArray() ]

    let run content arguments =
        withFile content (fun file -> Program.run ([ "design"; file ] @ arguments))

    let small = entry (disjoint 4 [ cycle 2 ])
    Assert.Contains("\"provedBest\":true", (run small [ "--budget"; "8"; "--json" ]).Output)
    let table = (run small [ "--budget"; "8" ]).Output
    Assert.Contains("best", table)
    Assert.Contains("proved", table)
    Assert.DoesNotContain("not", table)
    let large = entry (PermutationAction.Regular(power 2 7).Image())
    Assert.Contains("\"provedBest\":false", (run large [ "--budget"; "50"; "--json" ]).Output)

/// Two permutations of 40 000 points, drawn at random: they generate all of them, or all even ones.
let private drawn seed =
    asJson 40000 [ shuffled seed 40000; shuffled (seed + 1) 40000 ]

[<Fact>]
let ``too many pairs of points under a group too large to find are refused soon`` () =
    // There are too many pairs to walk through, and the order alone would take minutes.
    withFile $"""{{"V":{drawn 1},"W":{drawn 3}}}""" (fun file ->
        let ending = Program.run [ "hom"; file ]
        Assert.Equal(1, ending.Code)
        Assert.Contains("stabiliser chain", ending.Error)
        Assert.Contains("80000 points", ending.Error))

[<Fact>]
let ``many pairs of points under one action of all permutations are counted`` () =
    withFile $"""{{"V":{drawn 1},"W":{drawn 1}}}""" (fun file ->
        let ending = Program.run [ "hom"; file; "--json" ]
        Assert.Equal((0, ""), (ending.Code, ending.Error))
        Assert.Contains("\"dimHom\":2", ending.Output))

[<Fact>]
let ``the default for actions captures most at the price of the structure, and says what it is`` () =
    let d4 = Group.Dihedral 4
    let images = AxisAction(GridActions.Symmetries(d4, 6, 6), -2, -1)
    let atPrice = QuotientTerm.Default(images, images)
    let report = DesignReport.Of(atPrice, images, images)
    Assert.Equal((BigInteger 4, ReportedExpressivity(90L, 171L)), (report.Evaluations, report.Expressivity))
    Assert.Contains("the price of the structure of D4", string report)

    // The normal closure of C3 is the whole group, which captures nothing that C7 does not.
    let frobenius =
        groups
        |> List.pick (fun (name, group) -> if name = "C7 ⋊ C3" then Some group else None)

    Assert.Equal<BigInteger list>(
        [ BigInteger 3 ],
        [ for kernel in frobenius.DefaultKernels() -> kernel.Index ]
    )

    // x ↦ 2ʰ x + n on seven points.
    let points =
        AxisAction(
            PermutationAction(
                frobenius,
                7,
                [| [| for x in 0..6 -> (x + 1) % 7 |]; [| for x in 0..6 -> 2 * x % 7 |] |]
            ),
            -1
        )

    let dearer = DesignReport.Of(QuotientTerm.Default(points, points), points, points)
    Assert.Equal((BigInteger 21, ReportedExpressivity(3L, 3L)), (dearer.Evaluations, dearer.Expressivity))
    Assert.Contains("only invariant maps, with 3 evaluations", string dearer)
    let structural = DesignReport.Of(QuotientTerm.Default frobenius, points, points)
    Assert.Contains("the default of the structure of C7 ⋊ C3", string structural)

[<Fact>]
let ``a term of a kernel that is not normal is refused, with a complement or without`` () =
    let d4 = Group.Dihedral 4
    let reflection, turns = d4.Subgroup [| d4.Reflection |], d4.Subgroup [| d4.Turn |]
    refused [ "not a normal subgroup"; "f" ] (fun () -> QuotientTerm.Split(d4, reflection, turns))
    refused [ "not a normal subgroup" ] (fun () -> QuotientTerm.Of(d4, reflection))

    refused [ "not a normal subgroup" ] (fun () ->
        QuotientTerm.With(d4, reflection, Array.ofSeq turns.Elements))
    // The orders fit, but the half turn is in both.
    let half = d4.Subgroup [| d4.Turn.Pow 2 |]
    refused [ "no complement"; "r^2" ] (fun () -> QuotientTerm.Split(d4, turns, half))

[<Fact>]
let ``the language's report says what the default is, and whether a search proved its family best`` () =
    let square =
        semidirect (cyclic 4) (cyclic 2) (fun flip turn -> if flip = 1 then -turn else turn)

    let report design =
        network {
            input "x" (image 1 6 6 |> under square (rotations >< reflections))
            eq "x" (convNet 16) design
        }
        |> Report.of'

    let single = (report quotient).Blocks.Head
    Assert.Equal(Some(90L, 171L), single.Expressivity)
    Assert.Contains("the default at the price of the structure of C4 ⋊ C2", (report quotient).Text)
    Assert.Contains("found within 4 evaluations, proved best", (report (quotientWithin 4)).Text)
    Assert.Equal(None, (report (quotientBy [ square ])).Blocks.Head.Family)
