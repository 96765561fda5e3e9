/// An experiment by several ranks: its figures are those of one process.
module Equivariant.RankChecks.Experiments

open System
open System.IO
open TorchSharp
open Equivariant.Bench
open Equivariant.Core.Distributed
open Equivariant.RankChecks.Check
open Equivariant.Scan

/// A run of a few seconds, without dropout: ranks draw other masks.
let private plan =
    lazy
        (let settings = {
            Settings.tiny with
                Settings.Architecture.Dropout = 0.0
         }

         let experiment =
             Experiment.any {
                 Scan.experiment with
                     Settings = fun _ -> settings
             }

         match experiment.Plan Tiny [] with
         | Ok plan -> plan
         | Error problem -> failwith problem)

let private order number folder resume = {
    Folder = folder
    Resume = resume
    Seeds = [ 1 ]
    Only = Some number
    Device = "cpu"
    TensorBoard = None
}

/// Gives all ranks an empty folder, which goes afterwards.
let private inFolder (ranks: Ranks) (work: string -> unit) =
    let number = torch.tensor (int64 Environment.ProcessId)
    ranks.Broadcast number

    let folder =
        Path.Combine(Path.GetTempPath(), $"equivariant-ranks-{number.item<int64>()}")

    try
        work folder
    finally
        ranks.Barrier()

        if ranks.IsFirst then
            Directory.Delete(folder, true)

let private scan (ranks: Ranks) =
    inFolder ranks (fun folder ->
        // Equitune, and a design with kernels.
        for number in [ 3; 4 ] do
            let own = Path.Combine(folder, $"alone-{ranks.Rank}-{number}")
            let alone, _ = Sweep.run plan.Value (order number own false) ignore

            for name, way in Team.ways do
                let team = { Ranks = ranks; Across = Some way }
                let common = Path.Combine(folder, $"{name}-{number}")

                for resume in [ false; true ] do
                    let shared, _ = Sweep.runBy team plan.Value (order number common resume) ignore

                    for one, other in List.zip alone.Runs shared.Runs do
                        require (one.Curves.Length = other.Curves.Length) $"{name}: as many curves"

                        for curve, twin in List.zip one.Curves other.Curves do
                            let gap =
                                List.map2 (fun (a: float) b -> abs (a - b)) curve.Values twin.Values
                                |> List.max

                            require (gap < 1e-3) $"{name}, {one.Name}: {curve.Name} differs by {gap}"

                        for figure, twin in List.zip one.Figures other.Figures do
                            // Speed is a machine's.
                            if not (figure.Name.Contains "per second") then
                                require
                                    (abs (figure.Value - twin.Value) < 1e-6)
                                    $"{name}, {one.Name}: {figure.Name}"

        refused [ "settings"; "given to rank" ] (fun () ->
            let team = {
                Ranks = ranks
                Across = Some(if ranks.IsFirst then Orbits else Batches)
            }

            Sweep.runBy team plan.Value (order 1 (Path.Combine(folder, "other")) false) ignore
            |> ignore))

let checks: Check list = [ "an experiment by orbits and by batches", scan ]
