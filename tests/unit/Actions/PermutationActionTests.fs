module Equivariant.Tests.Actions.PermutationActionTests

open System
open System.Collections.Generic
open System.Numerics
open FsCheck.Xunit
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Tests.Expect
open Equivariant.Tests.Groups.GroupExpressions

let private random (seed: int) = Random seed

/// Actions of a small group: regular, on cosets, a sum and a product of them.
let private actions (group: Group) (random: Random) =
    let subgroup = group.Subgroup [| group.Random random |]
    let regular = PermutationAction.Regular group
    let cosets = PermutationAction.OnCosets(group, subgroup)

    [
        regular
        cosets
        regular.Plus cosets
        cosets.Times cosets
        PermutationAction.Trivial(group, 3)
    ]

[<Properties(Arbitrary = [| typeof<Arbitraries> |], MaxTest = 40)>]
module ``Actions of a small group`` =

    [<Property>]
    let ``are homomorphisms into permutations`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = random seed

        for action in actions group random do
            let g, h = group.Random random, group.Random random

            let gh, permutationG, permutationH =
                action.Permutation(g * h), action.Permutation g, action.Permutation h

            Assert.Equal<int[]>(permutationH |> Array.map (fun x -> permutationG[x]), gh)
            Assert.Equal<int[]>([| 0 .. action.Degree - 1 |], action.Permutation group.Identity)

    [<Property>]
    let ``have orbits as Burnside's lemma counts them`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let actions = actions group (random seed)
        let elements = List.ofSeq group.Elements

        let fixedPoints (action: PermutationAction) g =
            action.Permutation g
            |> Seq.indexed
            |> Seq.filter (fun (i, x) -> i = x)
            |> Seq.length

        for action in actions do
            let sum = elements |> List.sumBy (fixedPoints action)
            Assert.Equal(sum / elements.Length, action.OrbitCount)

        for v in actions do
            for w in actions do
                if v.Degree * w.Degree < 20000 then
                    let sum = elements |> List.sumBy (fun g -> fixedPoints v g * fixedPoints w g)
                    let pairs = PairOrbits.Of(v, w)
                    Assert.Equal(sum / elements.Length, pairs.Count)
                    Assert.Equal(pairs.Count, PairOrbits.CountOf(v, w))

                    for g in group.Generators do
                        let gv, gw = v.Permutation g, w.Permutation g

                        for row in 0 .. w.Degree - 1 do
                            for column in 0 .. v.Degree - 1 do
                                Assert.Equal(
                                    pairs.Labels[row * v.Degree + column],
                                    pairs.Labels[gw[row] * v.Degree + gv[column]]
                                )

    [<Property>]
    let ``restrict to subgroups and pull back along homomorphisms`` (SmallGroup expression) (seed: int) =
        let group = build expression
        let random = random seed
        let subgroup = group.Subgroup [| group.Random random; group.Random random |]
        let quotient = group.Quotient(group.NormalClosure [| group.Random random |])

        for action in actions group random do
            let restricted = action.Restrict subgroup
            let g = subgroup.Random random
            Assert.Equal<int[]>(action.Permutation g, restricted.Permutation g)

            let orbits =
                HashSet(Seq.map (fun (o: int[]) -> String.Join(",", o)) restricted.Orbits)

            for start in 0 .. action.Degree - 1 do
                let orbit =
                    subgroup.Elements
                    |> Seq.map (fun g -> action.Permutation(g)[start])
                    |> Seq.distinct
                    |> Seq.sort

                Assert.Contains(String.Join(",", orbit), orbits)

        let induced = (PermutationAction.Regular quotient).Pullback quotient.Projection
        let g = group.Random random

        let expected =
            (PermutationAction.Regular quotient).Permutation(quotient.Projection.Apply g)

        Assert.Equal<int[]>(expected, induced.Permutation g)

[<Fact>]
let ``what is not an action is refused, naming the generator`` () =
    let c3 = Group.Cyclic 3
    refused [ "1" ] (fun () -> PermutationAction(c3, 2, [| [| 1; 0 |] |]))
    refused [ "" ] (fun () -> PermutationAction(c3, 2, [| [| 0; 0 |] |]))
    refused [ "" ] (fun () -> PermutationAction(c3, 2, [||]))
    let klein = Group.KleinFour()
    // Two swaps that do not commute can't stand for two elements that do.
    refused [ "" ] (fun () -> PermutationAction(klein, 3, [| [| 1; 0; 2 |]; [| 0; 2; 1 |] |]))

    refused [ "formula" ] (fun () ->
        PermutationAction.FromFormula(c3, 3, (fun g i -> if g.Code[0] = 2 then i else (i + g.Code[0]) % 3)))

    refused [ "cannot act" ] (fun () -> PermutationAction.Regular(c3).Permutation((Group.Cyclic 4).Identity))

[<Fact>]
let ``the whole symmetric group acts on 4096 points without being listed`` () =
    let symmetric = Group.Symmetric 4096
    let action = PermutationAction.Natural symmetric
    Assert.Equal(2, PairOrbits.CountOf(action, action))
    Assert.Equal(1, action.OrbitCount)

[<Fact>]
let ``orbits on tuples, by walking, by stabilisers and by patterns of equality`` () =
    // Burnside's lemma, with the elements of each group listed.
    let byBurnside (group: PermutationGroup) length =
        let fixedTuples (g: GroupElement) =
            let fixedPoints =
                g.Code.ToArray()
                |> Seq.indexed
                |> Seq.filter (fun (i, x) -> i = x)
                |> Seq.length

            BigInteger.Pow(BigInteger fixedPoints, length)

        (group.Elements |> Seq.map fixedTuples |> Seq.fold (+) BigInteger.Zero)
        / group.Order

    let dihedral = GridActions.Symmetries(Group.Dihedral 4, 14, 14).Image()

    let turned =
        Group.OfPermutations [|
            [| for i in 0..199 -> (i + 1) % 200 |]
            [| for i in 0..199 -> (200 - i) % 200 |]
        |]

    for group in
        [
            Group.Symmetric 2
            Group.Symmetric 5
            Group.Alternating 4
            Group.Alternating 6
            dihedral
            turned
        ] do
        for length in 0..3 do
            Assert.Equal(byBurnside group length, BigInteger(TupleOrbits.Count(group, length)))

[<Fact>]
let ``formulas are also looked at away from the generators, and the caller's lists are copied`` () =
    let c4 = Group.Cyclic 4

    // Right for the generator only.
    refused [ "formula"; "is not an action of C4" ] (fun () ->
        PermutationAction.FromFormula(
            c4,
            4,
            (fun g point -> if g.Code[0] = 1 then (point + 1) % 4 else point)
        ))

    refused [ "formula"; "under 0" ] (fun () ->
        PermutationAction.FromFormula(
            c4,
            4,
            (fun g point -> if g.Code[0] = 0 then 3 - point else (point + g.Code[0]) % 4)
        ))

    let images = [| 1; 2; 3; 0 |]
    let action = PermutationAction(c4, 4, [| images |])
    images[0] <- 0
    Assert.Equal<int[]>([| 1; 2; 3; 0 |], action.GeneratorPermutations[0])
    Assert.Equal(1, action.OrbitCount)
    Assert.True action.IsFaithful
    Assert.False (PermutationAction(Group.Cyclic 8, 4, [| [| 1; 2; 3; 0 |] |])).IsFaithful
