/// Words and conjugacy classes of groups that are too large to walk through. The numbers of classes are GAP's.
module Equivariant.Tests.Groups.LargeGroupTests

open System
open System.IO
open System.Numerics
open Xunit
open Equivariant.Core.Groups
open Equivariant.Tests
open Equivariant.Tests.Groups.RawGroups

[<Fact>]
let ``all permutations have words in any generators`` () =
    let groups: Group list = [
        Group.OfPermutations [| cycle 50; swap 50 |]
        Group.OfPermutations [| shuffled 1 20; shuffled 2 20 |]
        Group.Alternating 20
        Group.Alternating 51
        Group.Symmetric(30).Subgroup [| for seed in 3..5 -> Group.Symmetric(30).Element(shuffled seed 30) |]
    ]

    for group in groups do
        for seed in 1..3 do
            let g = group.Random(Random seed)
            let word = group.Word g
            Assert.Equal(g, group.Evaluate word)
            Assert.InRange(word.Count, 1, 20000)

        Assert.Empty(group.Word group.Identity)

[<Fact>]
let ``M24 has 26 classes`` () =
    Assert.Equal(BigInteger 244823040, mathieu24.Order)
    Assert.Equal(Nullable(BigInteger 26), mathieu24.ConjugacyClassCount)
    let classes = mathieu24.ConjugacyClasses()
    Assert.True(classes[0].Representative.IsIdentity)
    Assert.Equal(mathieu24.Order, classes |> Seq.fold (fun sum c -> sum + c.Size) BigInteger.Zero)
    // 11 385 involutions with eight fixed points.
    Assert.Contains(BigInteger 11385, [ for c in classes -> c.Size ])

[<Fact>]
let ``classes of wreath products, by structure and without`` () =
    let s4, s8 = Group.Symmetric 4, Group.Symmetric 8
    let c2 = Group.OfPermutations [| [| 1; 0 |] |]

    for group, classes in [ Group.Wreath(s4, s4), 190; Group.Wreath(s8, c2), 275 ] do
        Assert.Equal(Nullable(BigInteger(classes: int)), group.ConjugacyClassCount)
        Assert.Equal(Nullable(BigInteger classes), (asPermutations group).ConjugacyClassCount)

    // Pairs of partitions of 12 in all.
    Assert.Equal(
        Nullable(BigInteger 1165),
        Group.Wreath(Group.Cyclic 2, Group.Symmetric 12).ConjugacyClassCount
    )

    // All of K ≀ S in small cases, where the elements can be walked through.
    let outers = [
        Group.Symmetric 3
        Group.OfPermutations [| cycle 3 |]
        Group.OfPermutations [| [| 1; 0; 2 |] |]
        Group.OfPermutations [| cycle 4; [| 0; 3; 2; 1 |] |]
        Group.Alternating 4
    ]

    for inner in [ Group.Cyclic 3 :> Group; Group.Symmetric 3; Group.Quaternion() ] do
        for outer in outers do
            let group = Group.Wreath(inner, outer)
            Assert.Equal(group.ConjugacyClassCount, (asPermutations group).ConjugacyClassCount)

[<Fact>]
let ``classes on parts that do not depend on each other multiply`` () =
    let s3 = [ [| 1; 2; 0 |]; [| 1; 0; 2 |] ]

    let group =
        Group.OfPermutations [|
            for copy in 0..19 do
                for g in s3 ->
                    [|
                        for point in 0..59 -> if point / 3 = copy then 3 * copy + g[point % 3] else point
                    |]
        |]

    Assert.Equal(Nullable(BigInteger 3486784401L), group.ConjugacyClassCount)

[<Fact>]
let ``what is not computed is said to be so`` () =
    let list (numbers: int[]) = "[" + String.Join(",", numbers) + "]"

    let said group =
        let codes = List.ofArray (codes group)

        Program.inFolder (fun folder ->
            let file = Path.Combine(folder, "input.json")

            File.WriteAllText(
                file,
                $"""{{"degree":{codes.Head.Length},"generators":[{String.Join(",", List.map list codes)}]}}"""
            )

            (Program.run [ "group"; file; "--json" ]).Output)

    // More points than classes are looked for on, and more than triples are.
    let line = codes (projective 1009 false)
    let points = line[0].Length

    let many =
        said (
            Group.OfPermutations [|
                for g in line do
                    [| yield! g; points; points + 1; points + 2 |]

                [| yield! [ 0 .. points - 1 ]; points + 1; points + 2; points |]
            |]
        )

    Assert.DoesNotContain("\"conjugacyClasses\":", many)
    Assert.Contains("\"notComputed\":[\"conjugacyClasses\"]", many)
    Assert.Contains("\"invariantDim3\":", many)
    Assert.Contains("\"notComputed\":[\"invariantDim3\"]", said (polygon 9000))

[<Fact>]
let ``projective lines have their classes`` () =
    for p in [ 3; 5; 7; 11; 13; 19; 31 ] do
        for all in [ true; false ] do
            let group = projective p all
            // Listed from class to class, counted by a formula.
            Assert.Equal(Nullable(BigInteger(group.ConjugacyClasses().Count)), group.ConjugacyClassCount)

    Assert.Equal(Nullable(BigInteger 507), (projective 1009 false).ConjugacyClassCount)
    Assert.Equal(Nullable(BigInteger 1011), (projective 1009 true).ConjugacyClassCount)
    // AΓL(1, 8) has the order of PSL(2, 7) and as many points, but not its 6 classes.
    let times x y =
        // In the field of 8 elements, by x³ = x + 1.
        let product =
            Seq.fold (fun sum bit -> if y >>> bit &&& 1 = 1 then sum ^^^ (x <<< bit) else sum) 0 [ 0..2 ]

        Seq.fold
            (fun sum bit ->
                if sum >>> bit &&& 1 = 1 then
                    sum ^^^ (11 <<< (bit - 3))
                else
                    sum)
            product
            [ 4; 3 ]

    let field =
        Group.OfPermutations [|
            Array.init 8 (fun x -> x ^^^ 1)
            Array.init 8 (times 2)
            Array.init 8 (fun x -> times x x)
        |]

    Assert.Equal(BigInteger 168, field.Order)
    Assert.Equal(Nullable(BigInteger 8), field.ConjugacyClassCount)
