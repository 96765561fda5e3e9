/// Jobs that go wrong on one rank.
module Equivariant.RankChecks.Faults

open System
open System.Diagnostics
open System.IO
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Distributed
open Equivariant.RankChecks.Check

/// Rank 1 throws while the others wait for it.
let throws (ranks: Ranks) =
    if ranks.Rank = 1 then
        raise (EquivariantException "the soup is cold.")

    ranks.Barrier()
    0

/// Rank 1 leaves with an exit code while the others wait for it.
let leaves (ranks: Ranks) =
    if ranks.Rank = 1 then
        3
    else
        ranks.Barrier()
        0

let private steps = 6

/// Trains with a checkpoint after every step, which rank 0 writes; the first time, rank 1 is killed after three.
let survives (folder: string) (ranks: Ranks) =
    let file = Path.Combine(folder, "model.dat")
    let count = Path.Combine(folder, "steps.txt")
    torch.manual_seed 1L |> ignore
    let model = torch.nn.Linear(3L, 2L, dtype = torch.float64)
    let isResumed = File.Exists count
    let first = if isResumed then int (File.ReadAllText count) else 0

    if isResumed then
        model.load file |> ignore

    use gradients = new SharedGradients(ranks, model)
    let optimiser = torch.optim.SGD(model.parameters (), 0.1)

    for step in first .. steps - 1 do
        gradients.Zero()
        torch.manual_seed (int64 step) |> ignore
        let struct (from, length) = ranks.Share 8L
        let x = torch.randn([| 8L; 3L |], dtype = torch.float64).narrow(0L, from, length)
        (model.call x).square().mean().backward()
        gradients.Average(float length)
        optimiser.step () |> ignore

        if ranks.IsFirst then
            model.save file |> ignore
            File.WriteAllText(count, string (step + 1))

        ranks.Barrier()

        if ranks.Rank = 1 && step = 2 && not isResumed then
            Process.GetCurrentProcess().Kill()

    if ranks.IsFirst then
        System.Console.Out.Write $"from step {first}: {model.weight.sum().item<double>():R}\n"

    0
