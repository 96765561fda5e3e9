/// What is a subgroup, what is normal, and groups that were made on their own.
module Equivariant.Tests.Groups.SubgroupTests

open System.Numerics
open Xunit
open Equivariant
open Equivariant.Core.Groups
open Equivariant.Tests.Expect

[<Fact>]
let ``equal orders are not equal groups`` () =
    let swap points = Group.OfPermutations(4, [| points |])
    let first, second = swap [| 1; 0; 2; 3 |], swap [| 0; 1; 3; 2 |]
    Assert.False(first.IsNormal second)
    Assert.False(Group.Symmetric(3).IsNormal(Group.Dihedral 3))
    Assert.False(Group.Dihedral(3).IsNormal(Group.Symmetric 3))
    Assert.False(Group.Cyclic(4).IsNormal(Group.Cyclic 2))
    refused [ "is no subgroup"; "(2 3)" ] (fun () -> first.RequireNormal second :> obj)
    refused [ "is no subgroup" ] (fun () -> Group.Symmetric(3).RequireNormal(Group.Dihedral 3) :> obj)
    let s4 = Group.Symmetric 4

    Assert.False(
        (s4.Subgroup [| s4.Element(1, 0, 2, 3) |]).IsNormal(s4.Subgroup [| s4.Element(0, 1, 3, 2) |])
    )

[<Fact>]
let ``a group made on its own is a subgroup where its elements are`` () =
    let s4, a4 = Group.Symmetric 4, Group.Alternating 4
    Assert.True(s4.IsNormal a4)
    Assert.False(a4.IsNormal s4)
    Assert.Equal(BigInteger 2, s4.Quotient(s4.Subgroup a4).Order)
    Assert.False(s4.IsNormal(Group.OfPermutations [| [| 1; 0; 2; 3 |] |]))
    refused [ "A4"; "S5"; "alike" ] (fun () -> Group.Symmetric(5).Subgroup a4)
    refused [ "is outside"; "(0 1" ] (fun () -> a4.Subgroup s4)
    let pairs (left: Group) (right: Group) = Group.Direct [| left; right |]
    Assert.True((pairs s4 (Group.Cyclic 3)).IsNormal(pairs a4 (Group.Cyclic 3)))
    let wreath inner = Group.Wreath(inner, Group.Symmetric 3)
    Assert.True((wreath s4).IsNormal(wreath s4))
    Assert.False((wreath s4).IsNormal(wreath a4))

    let matrices (entries: int[,] list) =
        Group.OfMatrices(3, Array.ofList entries)

    let upper, lower = array2D [ [ 1; 1 ]; [ 0; 1 ] ], array2D [ [ 1; 0 ]; [ 1; 1 ] ]

    let special, centre =
        matrices [ upper; lower ], matrices [ array2D [ [ 2; 0 ]; [ 0; 2 ] ] ]

    Assert.True(special.IsNormal centre)
    Assert.False(special.IsNormal(matrices [ upper ]))

[<Fact>]
let ``the language takes subgroups made on their own, and says truly what is none`` () =
    let s4, a4 = symmetric 4, alternating 4
    Assert.True(Group.isNormal a4 s4)
    Assert.Equal(BigInteger 2, Group.order (Group.quotient a4 s4))
    Assert.Equal(2, (Group.transversal a4 s4).Length)
    let swap = permutations 4 [ [| 1; 0; 2; 3 |] ]
    Assert.False(Group.isNormal swap s4)
    refused [ "not a normal subgroup"; "(0 1)" ] (fun () -> Group.quotient swap s4)
    Assert.False(Group.isNormal s4 a4)
    refused [ "is outside" ] (fun () -> Group.transversal s4 a4)
    // 1 of C2 would be 1 of C4, whose double is not 0.
    Assert.False(Group.isNormal (cyclic 2) (cyclic 4))
    refused [ "C2"; "C4"; "alike" ] (fun () -> Group.quotient (cyclic 2) (cyclic 4))
    let product = cyclic 2 >< symmetric 3
    Assert.True(Group.isNormal (cyclic 2 >< alternating 3) product)
    Assert.Equal(2, (Group.transversal (cyclic 2 >< alternating 3) product).Length)
    // A subgroup of a subgroup is one.
    let klein = a4 |> Group.subgroup [ [| 1; 0; 3; 2 |]; [| 2; 3; 0; 1 |] ]
    Assert.True(Group.isNormal klein s4)

[<Fact>]
let ``quotientBy takes kernels made on their own`` () =
    let model kernel =
        network {
            input "x" (vector 4 |> under (symmetric 4) points)
            eq "x" (mlp [ 5 ]) (quotientBy [ kernel ])
        }

    Assert.DoesNotContain(
        Model.problems (model (alternating 4)),
        fun problem -> (string problem).Contains "subgroup"
    )

    Assert.Contains(
        Model.problems (model (permutations 4 [ [| 1; 0; 2; 3 |] ])),
        fun problem -> (string problem).Contains "not a normal subgroup"
    )
