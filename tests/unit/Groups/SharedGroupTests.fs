/// Groups build what they need on first use. Sixteen threads that share one see it whole, and see the same.
module Equivariant.Tests.Groups.SharedGroupTests

open System
open System.Numerics
open System.Threading
open Xunit
open Equivariant.Core.Groups

/// Lets sixteen threads at a fresh value at the same moment, many times.
let private together (fresh: unit -> 'a) (look: 'a -> 'b) =
    for _ in 1..200 do
        let value = fresh ()
        use start = new Barrier 16
        let seen = Array.zeroCreate 16
        let failures = Collections.Concurrent.ConcurrentQueue<exn>()

        let threads = [
            for i in 0..15 ->
                Thread(fun () ->
                    start.SignalAndWait()

                    try
                        seen[i] <- look value
                    with error ->
                        failures.Enqueue error)
        ]

        for thread in threads do
            thread.Start()

        for thread in threads do
            thread.Join()

        Assert.Empty failures
        Assert.Single(Array.distinct seen) |> ignore

let private same (value: 'a when 'a: not struct) =
    Runtime.CompilerServices.RuntimeHelpers.GetHashCode value

let private semidirect () = Group.Dihedral 6

let private direct () =
    Group.Direct [| Group.Cyclic 4 :> Group; Group.Symmetric 3; Group.Dihedral 5 |]

let private permutations () =
    Group.OfPermutations [| [| 1; 2; 3; 4; 5; 6; 0 |]; [| 0; 2; 4; 6; 1; 3; 5 |] |]

[<Fact>]
let ``N comes with its complement`` () =
    together semidirect (fun group ->
        let complement = group.NormalSubgroup.Complement
        Assert.NotNull complement
        same group.NormalSubgroup, same complement, same group.ActingSubgroup)

[<Fact>]
let ``the default kernels of a semidirect product`` () =
    together semidirect (fun group -> [
        for kernel in group.NormalKernels() -> same kernel, string kernel.Order
    ])

[<Fact>]
let ``the trivial and the whole subgroup`` () =
    together semidirect (fun group ->
        same group.TrivialSubgroup,
        same group.TrivialSubgroup.Complement,
        same group.WholeSubgroup,
        group.WholeSubgroup.Order)

[<Fact>]
let ``factors of a direct product come with their complements`` () =
    together direct (fun group -> [
        for i in 0..2 do
            let factor, rest = group.FactorSubgroup i, group.ComplementSubgroup i
            Assert.Same(rest, factor.Complement)
            Assert.Same(factor, rest.Complement)
            same factor, same rest
    ])

[<Fact>]
let ``chains, orders and generators`` () =
    for fresh in
        [
            semidirect >> (fun g -> g :> Group)
            direct >> (fun g -> g :> Group)
            permutations >> (fun g -> g :> Group)
        ] do
        together fresh (fun group ->
            let random = group.Random(Random 1)

            group.Order,
            group.PointCount,
            same group.Generators,
            string random,
            String.Join(",", group.Factorise random))

[<Fact>]
let ``words and classes`` () =
    together permutations (fun group ->
        string group.ConjugacyClassCount, String.Join(",", group.Word(group.Random(Random 2))))

[<Fact>]
let ``quotients with their points and projections`` () =
    together
        (fun () ->
            let group = Group.Symmetric 4
            group.Quotient(group.NormalClosure [| group.Element(1, 0, 3, 2) |]))
        (fun quotient ->
            quotient.PointCount, quotient.Order, same quotient.Projection, same quotient.Generators)

[<Fact>]
let ``homomorphisms with their kernels and images`` () =
    together
        (fun () ->
            let c12, c4 = Group.Cyclic 12, Group.Cyclic 4
            GroupHomomorphism(c12, c4, [| c4.Generators[0] |]))
        (fun map -> same map.Kernel, same map.Image, map.Kernel.Order)

[<Fact>]
let ``points of a semidirect product that are induced`` () =
    let images (group: Group) =
        let g = group.Random(Random 3)
        String.Join(",", [ for point in 0 .. group.PointCount - 1 -> group.Image(g.Code, point) ])

    together
        (fun () ->
            let normal = Group.Symmetric 5
            let swap = normal.Element(1, 0, 2, 3, 4)

            Group.Semidirect(
                normal,
                Group.Cyclic 2,
                fun h n -> if h.IsIdentity then n else n.ConjugateBy swap
            ))
        (fun group -> images group)
