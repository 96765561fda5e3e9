namespace Equivariant.Bench

open System

/// <summary>Makes seeds: all chance of a run comes from its one seed, through the purposes that it serves.</summary>
[<RequireQualifiedAccess>]
module Seed =

    /// <summary>Makes a seed for one purpose, always the same (String.GetHashCode differs from run to run).</summary>
    let derive (seed: int) (purpose: string) =
        let hash =
            (2166136261u, $"{purpose}/{seed}")
            ||> Seq.fold (fun hash letter -> (hash ^^^ uint32 letter) * 16777619u)

        int (hash >>> 1)

/// <summary>Random numbers that can start anew: for what is made once and drawn from in many rounds, each with a seed of its own.</summary>
/// <param name="seed">The seed of the first round; from one seed come the numbers that <c>Random</c> gives.</param>
[<Sealed>]
type RestartableRandom(seed: int) =
    inherit Random(seed)

    let mutable current = Random seed

    /// <summary>Starts a round.</summary>
    /// <param name="seed">Its seed.</param>
    member _.Restart(seed: int) = current <- Random seed

    override _.Next() = current.Next()
    override _.Next(bound: int) = current.Next bound
    override _.Next(first: int, bound: int) = current.Next(first, bound)
    override _.NextInt64() = current.NextInt64()
    override _.NextInt64(bound: int64) = current.NextInt64 bound
    override _.NextInt64(first: int64, bound: int64) = current.NextInt64(first, bound)
    override _.NextSingle() = current.NextSingle()
    override _.NextDouble() = current.NextDouble()
    override _.NextBytes(buffer: byte[]) = current.NextBytes buffer
    override _.NextBytes(buffer: Span<byte>) = current.NextBytes buffer
