namespace Equivariant.Graphs

open Equivariant.Bench

/// <summary>Graphs: which of them a network tells apart under each design, and what it can learn about them.</summary>
[<RequireQualifiedAccess>]
module Graphs =

    let private separation, classification = "separation", "classification"

    let private runs (settings: Settings) (seeds: int list) = [
        let designs =
            Design.all
            |> List.filter (fun design -> List.contains (Design.name design) settings.Designs)

        for seed in seeds do
            for design in designs do
                let labels task = [ "task", task; "design", Design.name design ]

                Experiment.run seed (labels separation) (fun context ->
                    let graphs =
                        context.Shared.Once(
                            "graphs",
                            fun () -> Enumeration.connected settings.Nodes |> List.ofArray
                        )

                    let outcome =
                        context.Once(
                            "pairs",
                            fun () -> Separation.measure settings context (Array.ofList graphs) design
                        )

                    [
                        Figure.named "pairs" outcome.Pairs
                        Figure.named "unseparated" outcome.Unseparated
                        Figure.named "networks" outcome.Networks
                        Figure.named "split by numbering" outcome.SplitByNumbering
                        Figure.named "evaluations" outcome.Evaluations
                    ])

                if settings.Examples <> "" then
                    Experiment.run seed (labels classification) (fun context ->
                        Classification.measure settings context design)
    ]

    let private tables (settings: Settings) (findings: Finding list) = [
        let notes = [
            for design in Design.all do
                if List.contains (Design.name design) settings.Designs then
                    $"{Design.name design}: {Design.describe design}."
        ]

        let whole = Findings.show 1.0 0

        {
            Table.byLabel
                $"Connected graphs with %d{settings.Nodes} nodes told apart by up to %d{settings.Networks} untrained perceptrons"
                "design"
                [
                    "pairs", whole
                    "unseparated", whole
                    "networks", whole
                    "split by numbering", Findings.percent
                    "evaluations", Findings.show 1.0 1
                ]
                (Findings.where "task" separation findings) with
                Notes =
                    $"A pair is unseparated where no network's embeddings of ten numbers differ by more than %g{settings.Threshold}; split by numbering, in %%, are graphs whose embedding changes by more than that with the numbers of their nodes. Once no pair is left, no more networks are asked."
                    :: notes
        }

        if settings.Examples <> "" then
            Table.byLabel
                "Graphs classified right, in %"
                "design"
                [ for name in [ "training"; "validation"; "test" ] -> name, Findings.percent ]
                (Findings.where "task" classification findings)
    ]

    let private plots (settings: Settings) (findings: Finding list) = [
        if settings.Examples <> "" then
            Plot.percentBars
                "accuracy"
                "Graphs that colour refinement does not tell apart"
                "graphs classified right"
                "design"
                [ "training"; "validation"; "test" ]
                (Findings.where "task" classification findings)
    ]

    /// <summary>The experiment.</summary>
    let experiment: Experiment<Settings> = {
        Name = "graphs"
        Title = "Graphs under a perceptron"
        Description =
            "tell graphs apart by a perceptron under frames and random orders of their nodes. Example: graphs --quick --exp exp.tsv.gz"
        Settings = Settings.ofPreset
        Seeds = fun _ -> [ 1 ]
        Arguments = Settings.arguments
        Runs = runs
        Tables = tables
        Plots = plots
        Differences =
            fun settings -> [
                "Nodes of classified graphs are renumbered at random first: the order of the file would give answers away."
                if settings.Networks < 100 then
                    $"Up to %d{settings.Networks} untrained networks, not 100."
            ]
        Afterwards = fun _ _ -> []
    }
