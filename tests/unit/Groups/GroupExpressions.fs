/// Random groups, built from random expressions of the algebra.
module Equivariant.Tests.Groups.GroupExpressions

open System
open FsCheck
open FsCheck.FSharp
open Equivariant.Core.Groups

/// A group as an expression; what it denotes is built by the library.
type Expression =
    | Cyclic of int
    | Dihedral of int
    | Symmetric of int
    | Alternating of int
    | Klein
    | Quaternion
    /// The group that some permutations of a few points generate.
    | Permutations of degree: int * seed: int
    /// The upper unitriangular or general linear 2 × 2 matrices over Z/p.
    | Matrices of prime: int * unitriangular: bool
    | Direct of Expression list
    /// C_n ⋊ C_m, where the generator of C_m multiplies by a unit whose order divides m.
    | Multiplier of modulus: int * unit: int
    /// An abelian group with the inversion.
    | Inverted of Expression
    | Wreath of Expression * points: int

let private shuffled (random: Random) degree =
    let points = [| 0 .. degree - 1 |]
    random.Shuffle points
    points

let private unitOrder modulus unit =
    let rec follow power count =
        if power % modulus = 1 % modulus then
            count
        else
            follow (power * unit % modulus) (count + 1)

    follow (unit % modulus) 1

let private isAbelian =
    function
    | Cyclic _
    | Klein -> true
    | _ -> false

let rec build expression : Group =
    match expression with
    | Cyclic n -> Group.Cyclic n
    | Dihedral n -> Group.Dihedral n
    | Symmetric n -> Group.Symmetric n
    | Alternating n -> Group.Alternating n
    | Klein -> Group.KleinFour()
    | Quaternion -> Group.Quaternion()
    | Permutations(degree, seed) ->
        let random = Random seed
        Group.OfPermutations(degree, [| for _ in 1 .. random.Next(0, 4) -> shuffled random degree |])
    | Matrices(prime, true) -> Group.OfMatrices(prime, [| array2D [ [ 1; 1 ]; [ 0; 1 ] ] |])
    | Matrices(prime, false) ->
        Group.OfMatrices(prime, [| array2D [ [ 1; 1 ]; [ 0; 1 ] ]; array2D [ [ 1; 0 ]; [ 1; 1 ] ] |])
    | Direct factors -> Group.Direct(factors |> List.map build |> Array.ofList)
    | Multiplier(modulus, unit) ->
        let normal = Group.Cyclic modulus
        let acting = Group.Cyclic(unitOrder modulus unit)

        Group.Semidirect(
            normal,
            acting,
            fun h n -> n.Pow(Numerics.BigInteger.ModPow(unit, h.Code[0], modulus))
        )
    | Inverted inner ->
        let normal = build inner
        Group.Semidirect(normal, Group.Cyclic 2, fun h n -> if h.IsIdentity then n else n.Inverse())
    | Wreath(inner, points) -> Group.Wreath(build inner, Group.Symmetric points)

let private leaf =
    Gen.oneof [
        Gen.choose (1, 12) |> Gen.map Cyclic
        Gen.choose (1, 6) |> Gen.map Dihedral
        Gen.choose (1, 5) |> Gen.map Symmetric
        Gen.choose (1, 5) |> Gen.map Alternating
        Gen.constant Klein
        Gen.constant Quaternion
        Gen.map2 (fun degree seed -> Permutations(degree, seed)) (Gen.choose (1, 6)) (Gen.choose (0, 1000000))
        Gen.map2
            (fun prime kind -> Matrices(prime, kind))
            (Gen.elements [ 2; 3 ])
            (Gen.elements [ true; false ])
        Gen.elements [
            Multiplier(7, 2)
            Multiplier(5, 2)
            Multiplier(8, 3)
            Multiplier(9, 4)
            Multiplier(1, 1)
        ]
    ]

let rec private tree depth =
    if depth = 0 then
        leaf
    else
        let inner = tree (depth - 1)

        Gen.frequency [
            3, leaf
            2,
            Gen.choose (0, 3)
            |> Gen.bind (fun n -> Gen.listOfLength n inner)
            |> Gen.map Direct
            1, leaf |> Gen.filter isAbelian |> Gen.map Inverted
            1, Gen.map2 (fun e n -> Wreath(e, n)) leaf (Gen.choose (1, 3))
        ]

let rec private smaller expression =
    match expression with
    | Cyclic n when n > 1 -> [ Cyclic(n - 1) ]
    | Dihedral n when n > 1 -> [ Dihedral(n - 1) ]
    | Symmetric n when n > 1 -> [ Symmetric(n - 1) ]
    | Alternating n when n > 1 -> [ Alternating(n - 1) ]
    | Direct factors -> [
        yield! factors
        for i in 0 .. factors.Length - 1 -> Direct(List.removeAt i factors)
      ]
    | Wreath(inner, points) ->
        inner
        :: [
            if points > 1 then
                Wreath(inner, points - 1)
        ]
    | Inverted inner -> [ inner ]
    | Cyclic 1 -> []
    | _ -> [ Cyclic 1 ]

/// Expressions of any group, however large.
type AnyGroup = AnyGroup of Expression

/// Expressions of groups small enough to list.
type SmallGroup = SmallGroup of Expression

type Arbitraries =
    static member Any() =
        Arb.fromGenShrink (
            tree 2 |> Gen.map AnyGroup,
            fun (AnyGroup expression) -> smaller expression |> Seq.map AnyGroup
        )

    static member Small() =
        let isSmall expression =
            (build expression).Order <= Numerics.BigInteger 200

        Arb.fromGenShrink (
            tree 1 |> Gen.filter isSmall |> Gen.map SmallGroup,
            fun (SmallGroup expression) -> smaller expression |> Seq.filter isSmall |> Seq.map SmallGroup
        )
