namespace Equivariant.Bench

open System
open System.IO
open System.Reflection
open System.Runtime.InteropServices
open System.Text
open System.Text.Json
open TorchSharp
open Equivariant.Core
open Equivariant.Core.Serialization

/// <summary>What a finished run found.</summary>
type Outcome = {
    /// <summary>Its number in the sweep, from 1.</summary>
    Number: int
    Name: string
    Seed: int
    Labels: Labels
    Figures: Figure list
    Curves: Curve list
    Notes: string list
}

/// <summary>A finding as it stands in results.json.</summary>
type Summary = {
    Labels: Labels
    Name: string
    Mean: float
    Deviation: float
    PerSeed: float list
}

/// <summary>What a sweep, or a part of it, found: the content of results.json.</summary>
type Results = {
    /// <summary>The command.</summary>
    Experiment: string
    Title: string
    Settings: JsonElement
    Device: string
    /// <summary>The versions of what computed.</summary>
    Versions: Labels
    Seeds: int list
    Figures: Summary list
    Runs: Outcome list
    DifferencesFromPaper: string list
}

/// <summary>Reads, writes and merges results.</summary>
[<RequireQualifiedAccess>]
module Results =

    let private refuse (message: string) = raise (EquivariantException message)

    let private informational (assembly: Assembly) =
        match assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>() with
        | null -> "unknown"
        | version -> version.InformationalVersion.Split('+')[0]

    /// <summary>Lists the versions of what computes here.</summary>
    let versions () : Labels = [
        "Equivariant", informational typeof<EquivariantException>.Assembly
        "TorchSharp", informational typeof<torch.Tensor>.Assembly
        "libtorch", torch.__version__
        ".NET", Environment.Version.ToString()
        "system", RuntimeInformation.RuntimeIdentifier
    ]

    /// <summary>Collects the figures of all runs over their seeds.</summary>
    let findings (results: Results) : Finding list =
        results.Runs |> List.collect _.Figures |> Findings.collect

    /// The same results with other runs, in the order of the sweep, and what follows from them.
    let internal withRuns (runs: Outcome list) (results: Results) =
        let runs = runs |> List.sortBy _.Number

        let rounded (value: float) =
            if Double.IsFinite value then
                Math.Round(value, 6)
            else
                value

        {
            results with
                Runs = runs
                Seeds = runs |> List.map _.Seed |> List.distinct
                Figures = [
                    for finding in runs |> List.collect _.Figures |> Findings.collect ->
                        {
                            Labels = finding.Labels
                            Name = finding.Name
                            Mean = rounded finding.Mean
                            Deviation = rounded finding.Deviation
                            PerSeed = List.map rounded finding.Values
                        }
                ]
        }

    /// The results of a plan of which nothing has been done yet.
    let internal none (plan: Plan) device : Results = {
        Experiment = plan.Experiment
        Title = plan.Title
        Settings = plan.Settings
        Device = device
        Versions = versions ()
        Seeds = []
        Figures = []
        Runs = []
        DifferencesFromPaper = plan.Differences
    }

    /// <summary>Reads the results in a folder, if there are any.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">The file is damaged, or of another program.</exception>
    let tryRead (folder: string) : Results option =
        let path = Path.Combine(folder, Folder.results)

        if File.Exists path then
            try
                Some(Json.parse<Results>(File.ReadAllText path))
            with :? JsonException as error ->
                refuse
                    $"'%s{path}' is not what an experiment of this version writes (%s{Readable.firstLine error.Message}): move it away."
        else
            None

    /// <summary>Writes a file in one piece.</summary>
    let internal writeFile (folder: string) (name: string) (content: byte[]) =
        AtomicFile.Write(Path.Combine(folder, name), fun file -> file.Write(content, 0, content.Length))

    /// <summary>Writes results into a folder, in one piece.</summary>
    let write (folder: string) (results: Results) =
        writeFile folder Folder.results (Encoding.UTF8.GetBytes(Json.text results + "\n"))

    let private isOfOne (one: Results) (other: Results) =
        one.Experiment = other.Experiment
        && one.Device = other.Device
        && (Json.difference one.Settings other.Settings).IsNone
        && one.Runs
           |> List.forall (fun run -> other.Runs |> List.forall (fun known -> known.Name <> run.Name))

    /// <summary>
    /// Merges results of the same experiment with the same settings whose runs are others: the parts of a sweep. What
    /// does not belong together stays side by side.
    /// </summary>
    let merge (all: Results list) : Results list =
        let add (merged: Results list) (results: Results) =
            match merged |> List.tryFindIndex (isOfOne results) with
            | Some index ->
                merged
                |> List.mapi (fun at one ->
                    if at = index then
                        withRuns (one.Runs @ results.Runs) one
                    else
                        one)
            | None -> merged @ [ results ]

        List.fold add [] all
