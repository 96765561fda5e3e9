/// Groups given by permutations alone, whose structure the engine has to find.
module Equivariant.Tests.Groups.RawGroups

open System
open System.Numerics
open Equivariant.Core.Groups

let cycle n = [| for i in 0 .. n - 1 -> (i + 1) % n |]
let swap n = [| 1; 0; yield! [ 2 .. n - 1 ] |]

/// The points in an order drawn at random.
let shuffled (seed: int) degree =
    let points = [| 0 .. degree - 1 |]
    (Random seed).Shuffle points
    points

/// The turns and reflections of a polygon: with a corner, its opposite is at rest.
let polygon n =
    Group.OfPermutations [| cycle n; [| for i in 0 .. n - 1 -> (n - i) % n |] |]

let codes (group: Group) = [| for g in group.Generators -> g.Code.ToArray() |]

let asPermutations (group: Group) =
    // Without its structure.
    Group.OfPermutations(codes (group.ToPermutationGroup()))

/// A direct product, as permutations of the factors' points side by side.
let sideBySide (left: Group) (right: Group) =
    asPermutations (Group.Direct [| left; right |])

/// The fractional linear maps of the line over the integers mod a prime, all or those of square determinant: PGL(2, q) and PSL(2, q).
let projective (q: int) all =
    let inverse (x: int) =
        int (BigInteger.ModPow(BigInteger x, BigInteger(q - 2), BigInteger q))

    let powers root =
        Seq.unfold (fun x -> Some(x, int (int64 x * int64 root % int64 q))) 1

    let isRoot root =
        powers root |> Seq.take (q - 1) |> Seq.distinct |> Seq.length = q - 1

    let root = Seq.initInfinite ((+) 2) |> Seq.find isRoot

    let factor =
        if all then
            root
        else
            int (int64 root * int64 root % int64 q)

    Group.OfPermutations [|
        [| for x in 0..q -> if x = q then q else (x + 1) % q |]
        [|
            for x in 0..q -> if x = q then q else int (int64 x * int64 factor % int64 q)
        |]
        [|
            for x in 0..q ->
                if x = q then 0
                elif x = 0 then q
                else (q - inverse x) % q
        |]
    |]

/// M24 on the projective line over the integers mod 23 (Conway): x + 1, 2x, −1/x, and x³/9 for squares, 9x³ for the others.
let mathieu24 =
    let infinity = 23
    let square = set [ for x in 1..22 -> x * x % 23 ]

    let inverse (x: int) =
        int (BigInteger.ModPow(BigInteger x, 21, 23))

    let line atInfinity (formula: int -> int) = [| yield! [ for x in 0..22 -> formula x ]; yield atInfinity |]

    let cubes x =
        if x = 0 then 0
        elif square.Contains x then x * x * x * inverse 9 % 23
        else 9 * x * x * x % 23

    Group.OfPermutations [|
        line infinity (fun x -> (x + 1) % 23)
        line infinity (fun x -> 2 * x % 23)
        line 0 (fun x -> if x = 0 then infinity else (23 - inverse x) % 23)
        line infinity cubes
    |]
