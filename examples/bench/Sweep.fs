namespace Equivariant.Bench

open System
open System.IO
open System.Runtime.InteropServices
open System.Text
open TorchSharp
open Equivariant.Core

/// <summary>How the runs of a plan are done.</summary>
type Order = {
    Folder: string
    /// <summary>Whether to go on with what is in the folder.</summary>
    Resume: bool
    Seeds: int list
    /// <summary>The number of the one run to do; all of them, if nothing.</summary>
    Only: int option
    /// <summary>Where to compute, in TorchSharp's words.</summary>
    Device: string
    /// <summary>Where TensorBoard's event files go, if anywhere.</summary>
    TensorBoard: string option
}

/// <summary>Does the runs of an experiment.</summary>
[<RequireQualifiedAccess>]
module Sweep =

    let private refuse (message: string) = raise (EquivariantException message)

    /// <summary>Lists the runs for some seeds with their numbers, from 1.</summary>
    let runs (plan: Plan) seeds : (int * Run) list =
        let runs = plan.Runs seeds

        match runs |> List.countBy _.Name |> List.tryFind (fun (_, count) -> count > 1) with
        | Some(name, _) -> refuse $"There are two runs '%s{name}': labels have to tell runs apart."
        | None -> runs |> List.mapi (fun index run -> index + 1, run)

    let private only number (runs: (int * Run) list) =
        match number with
        | None -> runs
        | Some number ->
            match runs |> List.filter (fun (known, _) -> known = number) with
            | [] -> refuse $"There is no run %d{number}: they are 1 to %d{runs.Length}; --list shows them."
            | one -> one

    let private before (plan: Plan) (order: Order) =
        let start = Results.none plan order.Device

        match Results.tryRead order.Folder with
        | None -> start
        | Some old when old.Experiment <> plan.Experiment ->
            refuse
                $"'%s{order.Folder}' holds a run of %s{old.Experiment}, not of %s{plan.Experiment}: choose another folder."
        | Some old ->
            let settings (results: Results) =
                Json.element {|
                    Device = results.Device
                    Settings = results.Settings
                |}

            match Json.difference (settings old) (settings start) with
            | Some difference ->
                refuse
                    $"'%s{order.Folder}' holds a run with other settings (%s{difference}): resume with the same settings, or choose another folder."
            | None -> start |> Results.withRuns old.Runs

    /// The figures of a run, with its labels before their own.
    let private figures (run: Run) (figures: Figure list) : Figure list = [
        for figure in figures ->
            {
                figure with
                    Labels = run.Labels @ figure.Labels
            }
    ]

    let private carryOut place (number, run: Run) =
        use scope = torch.NewDisposeScope()
        let context = Context(place, run.Seed, run.Labels, Collected())
        let measured = run.Work context

        {
            Number = number
            Name = run.Name
            Seed = run.Seed
            Labels = run.Labels
            Figures = figures run measured
            Curves = List.ofSeq context.Collected.Curves
            Notes =
                List.ofSeq context.Collected.Notes
                @ (if context.Collected.Trained then
                       Team.reservations place.Team
                   else
                       [])
        }

    /// TensorBoard's writer, as a function.
    let private scalars (folder: string option) =
        match folder with
        | None -> fun _ _ _ -> ()
        | Some folder ->
            let writer = torch.utils.tensorboard.SummaryWriter(folder, createRunName = false)
            fun name step (value: float) -> writer.add_scalar (name, float32 value, step)

    /// Nothing to let go of: what ranks hold that do not write.
    let private nothing = {
        new IDisposable with
            member _.Dispose() = ()
    }

    /// <summary>
    /// Does the runs of a plan, or what is left of them, and writes results.json after each and the page in the end. A signal ends it after the
    /// step under way, with a checkpoint.
    /// </summary>
    /// <param name="team">The ranks that do it; the first writes, into a folder that all of them see.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="order">How its runs are done.</param>
    /// <param name="show">Is told about the progress.</param>
    /// <returns>What was found, and the lines to print afterwards.</returns>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The folder holds something else, or a run can't be done.</exception>
    /// <exception cref="T:Equivariant.Bench.Signals.Stopped">A signal came.</exception>
    let runBy (team: Team) (plan: Plan) (order: Order) (show: Live.Update -> unit) : Results * string list =
        let device = Devices.find order.Device
        let chosen = runs plan order.Seeds |> only order.Only
        let isFirst = team.Ranks.IsFirst

        let given =
            Json.text {|
                Order = order
                Settings = plan.Settings
                Across = $"%A{team.Across}"
            |}

        team.Ranks.RequireSame("settings", Encoding.UTF8.GetBytes given)

        use _lock =
            if isFirst then
                Folder.enter order.Folder order.Resume
            else
                nothing

        let start = Team.reading team (fun () -> before plan order)
        let signal: PosixSignal option ref = ref None

        let place = {
            Folder = order.Folder
            Settings =
                Json.element {|
                    Device = order.Device
                    Settings = plan.Settings
                |}
            Device = device
            Team = team
            Show = if isFirst then show else ignore
            // The first saves, and its end is that of all.
            Stopped = fun () -> if isFirst then signal.Value else None
            Scalar = scalars (if isFirst then order.TensorBoard else None)
            Endurance = None
        }

        let step (results: Results) (number, run: Run) =
            if results.Runs |> List.exists (fun known -> known.Name = run.Name) then
                results
            else
                // Which of them it is, where there are several.
                let showing (update: Live.Update) =
                    if chosen.Length = 1 then
                        place.Show update
                    else
                        place.Show {
                            update with
                                Work = $"%d{number} of %d{chosen.Length}: %s{update.Work}"
                        }

                let outcome = carryOut { place with Show = showing } (number, run)
                let results = Results.withRuns (results.Runs @ [ outcome ]) results

                if isFirst then
                    Results.write order.Folder results

                results

        Signals.heard (fun received -> signal.Value <- Some received) (fun () ->
            let results = List.fold step start chosen

            if isFirst then
                Report.write order.Folder { Plan = plan; Results = results }

            let contexts = [
                for _, run in chosen -> run, Context(place, run.Seed, run.Labels, Collected())
            ]

            results, plan.Afterwards contexts)

    /// <summary>Does the runs of a plan in this process.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="order">How its runs are done.</param>
    /// <param name="show">Is told about the progress.</param>
    /// <returns>What was found, and the lines to print afterwards.</returns>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The folder holds something else, or a run can't be done.</exception>
    /// <exception cref="T:Equivariant.Bench.Signals.Stopped">A signal came.</exception>
    let run (plan: Plan) (order: Order) (show: Live.Update -> unit) : Results * string list =
        runBy Team.alone plan order show
