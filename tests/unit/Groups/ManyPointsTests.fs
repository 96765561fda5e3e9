/// Groups of permutations of so many points that nothing may take time with their square.
module Equivariant.Tests.Groups.ManyPointsTests

open System.Numerics
open Xunit
open Equivariant.Core.Actions
open Equivariant.Core.Groups
open Equivariant.Tests.Groups.RawGroups

[<Fact>]
let ``a polygon of 40 000 corners`` () =
    let n = 40000
    let group = polygon n
    Assert.Equal(BigInteger(2 * n), group.Order)
    Assert.Equal(BigInteger 2, group.Centre().Order)
    Assert.Equal(BigInteger(n / 2), group.DerivedSubgroup().Order)
    Assert.Equal(int64 (n / 2 + 1), TupleOrbits.OnPairs group)
    // n² pairs are more than are walked through.
    Assert.Equal(n / 2 + 1, PairOrbits.CountOf(n, codes group, n, codes group))

[<Fact>]
let ``a torus of 2^19 points`` () =
    let width = 1 <<< 10
    let n = width * 512

    let shifts = [
        [| for i in 0 .. n - 1 -> i / width * width + (i + 1) % width |]
        [| for i in 0 .. n - 1 -> (i + width) % n |]
    ]

    let group = Group.OfPermutations(List.toArray shifts)
    Assert.True group.IsAbelian
    Assert.Equal(BigInteger n, group.Order)
    Assert.Equal(int64 n, TupleOrbits.OnPairs group)
