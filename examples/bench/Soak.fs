namespace Equivariant.Bench

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open TorchSharp
open Equivariant.Core

/// <summary>The resident memory of a stage that went round and round.</summary>
type Endured = {
    /// <summary>The stage, such as "finetuning equitune".</summary>
    Stage: string
    /// <summary>Bytes after so many steps.</summary>
    Resident: (int * int64) list
} with

    /// <summary>By how much memory grew from a step on, as a share of what it was there.</summary>
    member this.GrowthAfter(step: int) =
        let from = this.Resident |> List.find (fun (at, _) -> at >= step) |> snd
        float (snd (List.last this.Resident) - from) / float from

/// <summary>Measures whether memory stays flat: the steps of every run of an experiment, many times over.</summary>
[<RequireQualifiedAccess>]
module Soak =

    [<DllImport "libc">]
    extern int private malloc_trim(unativeint keep)

    /// glibc gives freed blocks back when it likes, so that what is resident goes up and down by what nobody uses.
    let private giveBack () =
        try
            if OperatingSystem.IsLinux() then
                malloc_trim 0un |> ignore
        with :? EntryPointNotFoundException ->
            ()

    /// Resident memory, once everything that is garbage has gone, and its room has been given back.
    let private resident () =
        for _ in 1..2 do
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking = true, compacting = true)
            GC.WaitForPendingFinalizers()

        giveBack ()
        use current = Process.GetCurrentProcess()
        current.WorkingSet64

    /// <summary>
    /// Lets the trainings of every run of a plan, with its first seed, go round and round; where a run trains nothing,
    /// what it measures. The first run's go round once before, and what is measured then goes nowhere. Nothing is written.
    /// </summary>
    /// <param name="plan">The plan, best a tiny one.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="steps">How many steps each stage takes.</param>
    /// <param name="interval">After how many steps memory is measured.</param>
    /// <param name="show">Writes down each measurement: the stage, the step, the bytes.</param>
    let run
        (plan: Plan)
        (device: string)
        steps
        interval
        (show: TextWriter -> string -> int -> int64 -> unit)
        : Endured list =
        let found = Dictionary<string, ResizeArray<int * int64>>()
        let order = ResizeArray<string>()

        let measure every writer record stage step =
            if step % every = 0 || step = steps then
                let bytes = resident ()
                record stage (step, bytes)
                show writer stage step bytes

        let remember stage measured =
            if not (found.ContainsKey stage) then
                found.Add(stage, ResizeArray())
                order.Add stage

            found[stage].Add measured

        let place afterStep maps stages = {
            Folder = Path.GetTempPath()
            Settings = plan.Settings
            Device = Devices.find device
            Team = Team.alone
            Show = ignore
            Stopped = fun () -> None
            Scalar = fun _ _ _ -> ()
            Endurance =
                Some {
                    Steps = steps
                    Maps = maps
                    AfterStep = afterStep
                    Stages = stages
                }
        }

        let goRound afterStep (stages: HashSet<string>) (run: Run) =
            let work maps =
                use scope = torch.NewDisposeScope()
                let collected = Collected()

                Context(place afterStep maps stages, run.Seed, run.Labels, collected)
                |> run.Work
                |> ignore

                collected.Trained

            if not (work false) then
                work true |> ignore

        let runs = plan.Runs [ plan.Seeds.Head ]
        // What the runtime needs for itself is there after one of them. It compiles a method again after thirty calls, and
        // keeps megabytes of what that takes: those that measure have to be called so often before they count.
        let unsaid = measure (max 1 (interval / 2)) TextWriter.Null (fun _ _ -> ())
        runs |> List.truncate 1 |> List.iter (goRound unsaid (HashSet()))
        let stages = HashSet<string>()
        List.iter (goRound (measure interval Console.Out remember) stages) runs

        if order.Count = 0 then
            raise (
                EquivariantException
                    $"The runs of %s{plan.Experiment} neither train nor map: there is nothing to repeat."
            )

        [
            for stage in order ->
                {
                    Stage = stage
                    Resident = List.ofSeq found[stage]
                }
        ]
