namespace Equivariant.Graphs

open System.Numerics
open Equivariant.Core
open Equivariant.Core.Actions
open Equivariant.Core.Groups

/// <summary>
/// All graphs with some number of nodes, one of each kind: the orbits of a symmetric group on sets of edges.
/// </summary>
[<RequireQualifiedAccess>]
module Enumeration =

    /// <summary>The most nodes: the sets of edges, 2^28 then, are marked in a table of bits.</summary>
    let mostNodes = 8

    let private pairs nodes = [|
        for j in 1 .. nodes - 1 do
            for i in 0 .. j - 1 -> i, j
    |]

    /// <summary>How the symmetric group moves the pairs of different nodes, numbered as in graph6.</summary>
    let onPairs nodes : PermutationAction =
        let pairs = pairs nodes
        let place = dict (Array.mapi (fun number pair -> pair, number) pairs)

        PermutationAction.FromFormula(
            Group.Symmetric nodes,
            pairs.Length,
            (fun g pair ->
                let i, j = pairs[pair]
                let images = g.Code
                let i, j = images[i], images[j]
                place[(min i j, max i j)]),
            "pairs of nodes"
        )

    /// <summary>Counts graphs up to isomorphism without listing them, by Burnside's lemma: the mean of 2^(cycles on pairs).</summary>
    let count nodes : BigInteger =
        if nodes < 2 then
            BigInteger.One
        else
            let action = onPairs nodes

            let cycles (images: int[]) =
                let seen = Array.zeroCreate images.Length

                let rec walk pair =
                    if not seen[pair] then
                        seen[pair] <- true
                        walk images[pair]

                let mutable count = 0

                for pair in 0 .. images.Length - 1 do
                    if not seen[pair] then
                        count <- count + 1
                        walk pair

                count

            let sum =
                action.Group.ConjugacyClasses()
                |> Seq.sumBy (fun kind ->
                    kind.Size * BigInteger.Pow(2, cycles (action.Permutation kind.Representative)))

            sum / action.Group.Order

    /// A move of sets of pairs, as bits, by a table for each half.
    let private move (images: int[]) =
        let half = (images.Length + 1) / 2

        let table first length =
            Array.init (1 <<< length) (fun bits ->
                let mutable moved = 0

                for bit in 0 .. length - 1 do
                    if (bits >>> bit) &&& 1 = 1 then
                        moved <- moved ||| (1 <<< images[first + bit])

                moved)

        table 0 half, table half (images.Length - half), half

    /// <summary>Lists all graphs up to isomorphism, each by its least set of edges.</summary>
    /// <param name="nodes">The number of nodes, from 1 to 8.</param>
    /// <exception cref="T:Equivariant.Core.EquivariantException">There are more nodes.</exception>
    let all nodes : Graph[] =
        if nodes < 1 || nodes > mostNodes then
            raise (
                EquivariantException
                    $"Graphs with %d{nodes} nodes are not enumerated: give 1 to %d{mostNodes}, of which the sets of edges can be marked one by one."
            )

        let pairs = pairs nodes
        let sets = 1 <<< pairs.Length
        let seen = System.Collections.BitArray sets

        let moves =
            if pairs.Length = 0 then
                [||]
            else
                [| for images in (onPairs nodes).GeneratorPermutations -> move images |]

        let waiting = System.Collections.Generic.Stack<int>()
        let least = ResizeArray<int>()

        for start in 0 .. sets - 1 do
            if not seen[start] then
                least.Add start
                seen[start] <- true
                waiting.Push start

                while waiting.Count > 0 do
                    let set = waiting.Pop()

                    for low, high, half in moves do
                        let moved = low[set &&& ((1 <<< half) - 1)] ||| high[set >>> half]

                        if not seen[moved] then
                            seen[moved] <- true
                            waiting.Push moved

        [|
            for set in least ->
                {
                    Nodes = nodes
                    Edges =
                        pairs
                        |> Array.indexed
                        |> Array.choose (fun (bit, pair) ->
                            if (set >>> bit) &&& 1 = 1 then Some pair else None)
                    Kinds = [||]
                }
        |]

    /// <summary>Lists the connected graphs up to isomorphism: 11 117 with 8 nodes.</summary>
    let connected nodes : Graph[] =
        all nodes |> Array.filter Graph.isConnected
