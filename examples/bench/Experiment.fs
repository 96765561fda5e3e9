namespace Equivariant.Bench

open System.Text.Json

/// <summary>How much work a run may be.</summary>
type Preset =
    /// <summary>The numbers to publish.</summary>
    | Full
    /// <summary>A few minutes on two cores, to see the effect.</summary>
    | Quick
    /// <summary>A few seconds: goes through everything and shows nothing. For tests, and for measuring memory.</summary>
    | Tiny

/// <summary>One of the runs that a sweep consists of.</summary>
[<NoEquality; NoComparison>]
type Run = {
    /// <summary>All chance of the run comes from it.</summary>
    Seed: int
    /// <summary>What tells it apart from the other runs with its seed.</summary>
    Labels: Labels
    /// <summary>Does it, and gives what it measured.</summary>
    Work: Context -> Figure list
} with

    /// <summary>Names the run, such as "seed 1, plain".</summary>
    member this.Name =
        $"seed %d{this.Seed}" :: List.map snd this.Labels |> String.concat ", "

/// <summary>An experiment, declared: the bench does everything else.</summary>
[<NoEquality; NoComparison>]
type Experiment<'Settings> = {
    /// <summary>The command, such as "scan".</summary>
    Name: string
    /// <summary>What stands above its report.</summary>
    Title: string
    /// <summary>What it does, in a sentence with an example, for the help.</summary>
    Description: string
    /// <summary>Everything that decides its numbers, beside seed and device: a record that becomes JSON.</summary>
    Settings: Preset -> 'Settings
    /// <summary>The seeds of a run, if none are named.</summary>
    Seeds: Preset -> int list
    /// <summary>Its own options.</summary>
    Arguments: Argument<'Settings> list
    /// <summary>Its runs for some seeds, in the order in which they are done.</summary>
    Runs: 'Settings -> int list -> Run list
    /// <summary>How findings become tables.</summary>
    Tables: 'Settings -> Finding list -> Table list
    /// <summary>How findings become plots; learning curves come by themselves.</summary>
    Plots: 'Settings -> Finding list -> Plot list
    /// <summary>How it differs from what is published, a sentence each.</summary>
    Differences: 'Settings -> string list
    /// <summary>Lines to print once all is done, from the contexts of its runs: what is asked of the trained models.</summary>
    Afterwards: 'Settings -> (Run * Context) list -> string list
}

/// <summary>An experiment with settings: what is done, whatever its settings are made of.</summary>
[<NoEquality; NoComparison>]
type Plan = {
    /// <summary>The experiment's command.</summary>
    Experiment: string
    Title: string
    /// <summary>The settings as JSON.</summary>
    Settings: JsonElement
    /// <summary>The seeds, if none are named.</summary>
    Seeds: int list
    Runs: int list -> Run list
    Tables: Finding list -> Table list
    Plots: Finding list -> Plot list
    Differences: string list
    Afterwards: (Run * Context) list -> string list
}

/// <summary>An experiment, whatever its settings are made of: what a command line needs.</summary>
[<NoEquality; NoComparison>]
type AnyExperiment = {
    Name: string
    Title: string
    Description: string
    /// <summary>Its own options: how they are written, and what they do.</summary>
    Usage: (string * string) list
    /// <summary>Plans it by a preset and its own options; an error is what is wrong with these.</summary>
    Plan: Preset -> string list -> Result<Plan, string>
    /// <summary>Plans it by settings that were written as JSON.</summary>
    OfSettings: JsonElement -> Plan
}

/// <summary>Plans experiments.</summary>
[<RequireQualifiedAccess>]
module Experiment =

    let private plan (experiment: Experiment<'Settings>) seeds (settings: 'Settings) : Plan = {
        Experiment = experiment.Name
        Title = experiment.Title
        Settings = Json.element settings
        Seeds = seeds
        Runs = experiment.Runs settings
        Tables = experiment.Tables settings
        Plots = experiment.Plots settings
        Differences = experiment.Differences settings
        Afterwards = experiment.Afterwards settings
    }

    /// <summary>Three seeds for numbers to publish, else one.</summary>
    let usualSeeds preset =
        match preset with
        | Full -> [ 1; 2; 3 ]
        | Quick
        | Tiny -> [ 1 ]

    /// <summary>A run with a seed and labels.</summary>
    let run seed labels work : Run = {
        Seed = seed
        Labels = labels
        Work = work
    }

    /// <summary>Forgets what an experiment's settings are made of.</summary>
    let any (experiment: Experiment<'Settings>) : AnyExperiment = {
        Name = experiment.Name
        Title = experiment.Title
        Description = experiment.Description
        Usage = [
            for argument in experiment.Arguments ->
                (match argument.Value with
                 | Some value -> $"--{argument.Name} <{value}>"
                 | None -> $"--{argument.Name}"),
                argument.Usage
        ]
        Plan =
            fun preset words ->
                Argument.read experiment.Arguments words (experiment.Settings preset)
                |> Result.map (plan experiment (experiment.Seeds preset))
        OfSettings = fun settings -> plan experiment (experiment.Seeds Full) (Json.value<'Settings> settings)
    }
