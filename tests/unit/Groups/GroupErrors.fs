/// Every mistake has a message of its own that names the culprit.
module Equivariant.Tests.Groups.GroupErrors

open System
open System.Diagnostics
open Xunit
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Tests.Expect

[<Fact>]
let ``permutations`` () =
    refused [ "2" ] (fun () -> Group.OfPermutations [| [| 0; 2 |] |])
    refused [ "0" ] (fun () -> Group.OfPermutations [| [| 0; 0; 1 |] |])
    refused [ "2"; "3" ] (fun () -> Group.OfPermutations [| [| 1; 0 |]; [| 1; 2; 0 |] |])
    refused [ "empty" ] (fun () -> Group.OfPermutations [||])
    refused [ "1000000000" ] (fun () -> Group.Symmetric 1000000000)
    refused [ "-1" ] (fun () -> Group.Symmetric -1)

[<Fact>]
let ``a trivial group of a million points is no burden, and too many points are refused at once`` () =
    let clock = Stopwatch.StartNew()

    try
        Group.OfPermutations(1000000, [| [| for i in 0..999999 -> (i + 1) % 1000000 |] |]).Order
        |> ignore
    with :? EquivariantException as error ->
        Assert.Contains("1000000", error.Message)

    Assert.True(clock.Elapsed < TimeSpan.FromSeconds 20.0)

[<Fact>]
let ``cyclic groups and matrices`` () =
    refused [ "-4" ] (fun () -> Group.Cyclic -4)
    refused [ "0" ] (fun () -> Group.Cyclic 0)
    refused [ "4" ] (fun () -> Group.OfMatrices(4, [| array2D [ [ 1; 1 ]; [ 0; 1 ] ] |]))

    refused [ "[1 1; 1 1]"; "determinant" ] (fun () ->
        Group.OfMatrices(3, [| array2D [ [ 1; 1 ]; [ 1; 1 ] ] |]))

[<Fact>]
let ``a φ that is not a homomorphism, or not into automorphisms, is refused by name`` () =
    let c4, c3, c2 = Group.Cyclic 4, Group.Cyclic 3, Group.Cyclic 2
    // Inversion has order 2, so the generator of C3 can't act by it.
    refused [ "C3" ] (fun () -> Group.Semidirect(c4, c3, fun h n -> if h.IsIdentity then n else n.Inverse()))
    // Doubling is no automorphism of C4.
    refused [ "C4" ] (fun () -> Group.Semidirect(c4, c2, fun h n -> if h.IsIdentity then n else n * n))
    // Adding one is not even a homomorphism.
    refused [ "C4" ] (fun () ->
        Group.Semidirect(c4, c2, fun h n -> if h.IsIdentity then n else n * c4.Generators[0]))

[<Fact>]
let ``homomorphisms are checked on generators`` () =
    let c4, c2, c3 = Group.Cyclic 4, Group.Cyclic 2, Group.Cyclic 3
    let halve = GroupHomomorphism(c4, c2, [| c2.Generators[0] |])
    Assert.Equal(c2.Generators[0], halve.Apply(c4.Generators[0].Pow 3))
    Assert.Equal(Numerics.BigInteger 2, halve.Kernel.Order)
    refused [ "C4" ] (fun () -> GroupHomomorphism(c4, c3, [| c3.Generators[0] |]))
    refused [ "1" ] (fun () -> GroupHomomorphism(c4, c2, [||]))

[<Fact>]
let ``what is not normal names the elements that show it`` () =
    let s3 = Group.Symmetric 3
    let swap = s3.Subgroup [| s3.Element(1, 0, 2) |]
    refused [ "normal"; "(0 1)" ] (fun () -> s3.RequireNormal swap :> obj)
    refused [ "normal" ] (fun () -> s3.Quotient swap)
    refused [ "normal" ] (fun () -> s3.Transversal swap)

[<Fact>]
let ``elements of different groups do not mix`` () =
    let c4, c3 = Group.Cyclic 4, Group.Cyclic 3
    refused [ "C4"; "C3" ] (fun () -> box (c4.Generators[0] * c3.Generators[0]))
    refused [ "4" ] (fun () -> box (c4.Element 4))
    refused [ "1"; "2" ] (fun () -> box (c4.Element(1, 2)))
    refused [ "S3" ] (fun () -> Group.Symmetric(3).Factorise(c4.Generators[0]))
    refused [] (fun () -> box ((Unchecked.defaultof<GroupElement>).Inverse()))

[<Fact>]
let ``regular actions of huge groups are refused, not built`` () =
    refused [ "S20" ] (fun () -> PermutationAction.Regular(Group.Symmetric 20))
