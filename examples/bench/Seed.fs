namespace Equivariant.Bench

/// <summary>Makes seeds: all chance of a run comes from its one seed, through the purposes that it serves.</summary>
[<RequireQualifiedAccess>]
module Seed =

    /// <summary>Makes a seed for one purpose, always the same (String.GetHashCode differs from run to run).</summary>
    let derive (seed: int) (purpose: string) =
        let hash =
            (2166136261u, $"{purpose}/{seed}")
            ||> Seq.fold (fun hash letter -> (hash ^^^ uint32 letter) * 16777619u)

        int (hash >>> 1)
