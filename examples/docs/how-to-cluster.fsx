(**
---
title: On a cluster
category: How to
categoryindex: 2
index: 9
description: Several ranks by MPI, sweeps without code, and what happens when one dies.
---

# On a cluster

Two things can be spread: one run over ranks, and many runs over machines.

## One run, several ranks

Started by `mpirun -n 8 …` or `srun …`, the same program is eight ranks; without a launcher it runs alone, as this page did.
*)

#load "../equivariant.fsx"

open Equivariant
open Equivariant.Core.Distributed

let ranks = Ranks.Join()

let model =
    network {
        input "x" (image 1 8 8 |> under (dihedral 4) symmetries)
        eq "x" (convNet 4)
    }
    |> Model.compile (Target.cpu |> Target.across ranks)

printfn $"rank {ranks.Rank} of {ranks.Count}"

(*** include-output ***)

(**
- **Orbits shared**: each rank evaluates its part of the |G|·B rows of any design, sequence designs and decoding included; outputs and
  all gradients, to any order, are those of one process up to the order of additions, and an ordinary optimiser works. Where the
  reduction is a mean, B outputs travel, not |G|·B.
- **Batches shared**: `SharedGradients` makes the gradients of all ranks one mean; each rank takes `ranks.Share(B)` of a batch of
  one permutation. `ranks.Split(colour)` makes grids of both.
- Not as in one process: dropout draws other masks, and batch normalisation sees a rank's rows (running means become the mean over
  ranks where orbits are shared; where batches are, each rank's own, or common by an option).
- The library is Open MPI's or MPICH's, whichever launched the program, or the one that `EQUIVARIANT_MPI` names. Rank 0 prints and writes
  files. A rank that fails or dies ends the job; start it again to go on from its last checkpoint. Ranks that were given other
  settings, rows or weights are refused at the start (`ranks.RequireSame`, which the designs and `SharedGradients` call).
- A GPU's tensors travel straight where the MPI knows CUDA, and through pinned memory of the host elsewhere.

Experiments: `mpirun -n 2 equivariant scan --quick --across orbit` (or `data`), in a folder that all ranks see; the figures are those of
one process but for speeds, and where networks have dropout or batch normalisation, which the report then says; ranks that share
batches also divide what is only measured. What it costs is [measured](costs.html#Ranks).

## Many runs, many machines

A run of an experiment is chosen by its number, so a sweep needs no code: `--list` numbers the runs, `--only 3` does one, `--resume` goes
on where it stopped, and `equivariant report DIR…` merges the parts. Under Slurm, as one job array:

```text
examples/sweep/slurm.sh out/views views --seeds 1 2 3
```

`examples/sweep/parallel.sh` does the same side by side on one machine.
*)
