/// What the tests launch under mpirun: checks of several ranks against one process, and jobs that go wrong.
module Equivariant.RankChecks.Program

open Equivariant.Core
open Equivariant.Core.Distributed

let private checks =
    Messages.checks
    @ OrbitParallel.checks
    @ DataParallel.checks
    @ Declared.checks
    @ Experiments.checks

/// Runs the checks whose names contain a word, printing the names of those that hold. The first that fails ends the job.
let private run (word: string) (ranks: Ranks) =
    for name, check in checks do
        if name.Contains word then
            try
                check ranks
            with error ->
                ranks.Abort($"{name}: {error}")

            ranks.Barrier()

            if ranks.IsFirst then
                System.Console.Out.Write $"holds: {name}\n"

    0

[<EntryPoint>]
let main argv =
    try
        let ranks = Ranks.Join()

        match argv with
        | [| "checks" |] -> run "" ranks
        | [| "checks"; word |] -> run word ranks
        | [| "throws" |] -> Faults.throws ranks
        | [| "leaves" |] -> Faults.leaves ranks
        | [| "survives"; folder |] -> Faults.survives folder ranks
        | _ ->
            // In one piece: what ranks write at once gets mixed.
            System.Console.Out.Write $"rank {ranks.Rank} of {ranks.Count}\n"
            0
    with :? EquivariantException as refusal when refusal.Message.Contains "started" ->
        eprintfn $"{refusal.Message}"
        2
