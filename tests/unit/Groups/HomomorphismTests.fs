/// A map given on generators is taken exactly when it extends to a homomorphism.
module Equivariant.Tests.Groups.HomomorphismTests

open System
open System.Collections.Generic
open FsCheck.Xunit
open Xunit
open Equivariant.Core
open Equivariant.Core.Groups
open Equivariant.Tests.Groups.GroupExpressions

/// Follows generators and images together: the map breaks where one element would have two images.
let private extends (source: Group) (images: GroupElement list) (identity: GroupElement) =
    let image = Dictionary [ KeyValuePair(source.Identity, identity) ]
    let queue = Queue [ source.Identity ]
    let mutable consistent = true

    while consistent && queue.Count > 0 do
        let g = queue.Dequeue()

        for s, t in Seq.zip source.Generators images do
            match image.TryGetValue(s * g) with
            | true, known -> consistent <- consistent && known = t * image[g]
            | _ ->
                image[s * g] <- t * image[g]
                queue.Enqueue(s * g)

    if consistent then Some image else None

[<Property(Arbitrary = [| typeof<Arbitraries> |], MaxTest = 200)>]
let ``maps of generators are checked, and evaluated`` (SmallGroup expression) (seed: int) =
    let source = build expression
    let random = Random seed
    let target: Group = Group.Symmetric(random.Next(2, 5))
    // Drawn from few elements, so that many maps are homomorphisms.
    let few = [| target.Identity; target.Random random; target.Random random |]
    let images = [ for _ in source.Generators -> few[random.Next few.Length] ]

    match extends source images target.Identity with
    | None ->
        Assert.Throws<EquivariantException>(fun () ->
            GroupHomomorphism(source, target, Array.ofList images) |> ignore)
        |> ignore
    | Some expected ->
        let map = GroupHomomorphism(source, target, Array.ofList images)

        for pair in expected do
            Assert.Equal(pair.Value, map.Apply pair.Key)

        let kernel =
            HashSet [
                for pair in expected do
                    if pair.Value.IsIdentity then
                        pair.Key
            ]

        Assert.True(kernel.SetEquals map.Kernel.Elements)
        Assert.Equal(Set.count (set [ for value in expected.Values -> string value ]), int map.Image.Order)

[<Fact>]
let ``relations between the parts of products are checked`` () =
    let s3 = Group.Symmetric 3
    let swap, other = s3.Element(1, 0, 2), s3.Element(0, 2, 1)
    let klein = Group.KleinFour()

    Assert.Throws<EquivariantException>(fun () -> GroupHomomorphism(klein, s3, [| swap; other |]) |> ignore)
    |> ignore
    // The turn of D3 has to become what the reflection inverts.
    let c6, d3 = Group.Cyclic 6, Group.Dihedral 3

    Assert.Throws<EquivariantException>(fun () ->
        GroupHomomorphism(d3, c6, [| c6.Element 2; c6.Element 3 |]) |> ignore)
    |> ignore

    Assert.True((GroupHomomorphism(d3, s3, [| s3.Element(1, 2, 0); swap |])).IsIsomorphism)

    // S5 to S5 by the standard generators: c of order 5 and a double transposition break (a b)⁴ = 1 or a later relation.
    let s5 = Group.Symmetric 5
    let cycle = s5.Element(1, 2, 3, 4, 0)

    for image in s5.Elements do
        let images = [| cycle; image |]

        match extends s5 (List.ofArray images) s5.Identity with
        | Some _ -> GroupHomomorphism(s5, s5, images) |> ignore
        | None ->
            Assert.Throws<EquivariantException>(fun () -> GroupHomomorphism(s5, s5, images) |> ignore)
            |> ignore
