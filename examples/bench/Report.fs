namespace Equivariant.Bench

open System
open System.Text
open System.Text.Json
open Giraffe.ViewEngine
open Equivariant.Core

/// <summary>Results with the plan that they are of: what a page shows.</summary>
type Section = { Plan: Plan; Results: Results }

/// <summary>Pages of results: one HTML file with everything in it, to be read anywhere.</summary>
[<RequireQualifiedAccess>]
module Report =

    /// <summary>The file of the page that every run writes.</summary>
    let page = "report.html"

    /// <summary>Says over which seeds figures are.</summary>
    let seeds (results: Results) =
        match results.Seeds with
        | [] -> "nothing measured yet"
        | [ seed ] -> $"seed {seed}"
        | seeds ->
            let numbers = seeds |> List.map string |> String.concat ", "
            $"mean ± standard deviation over the seeds {numbers}"

    /// Runs that are named one by one.
    let private mostRuns = 3

    /// <summary>Lists what runs noted, a line for each sentence, with the names of the runs; of many, the first and the last.</summary>
    let notes (results: Results) : string list =
        let said = [
            for run in results.Runs do
                for note in run.Notes -> note, run.Name
        ]

        [
            for note, runs in List.groupBy fst said do
                let names = runs |> List.map snd |> List.distinct

                let whose =
                    if names.Length <= mostRuns then
                        String.concat "; " names
                    else
                        $"{names.Head} … {List.last names} (%d{names.Length} runs)"

                $"{whose}: {note}"
        ]

    /// What a title can hold.
    let private mostNamed = 3

    /// <summary>
    /// Titles sections: those of one experiment by what differs in their settings, such as "SCAN-II
    /// (architecture.cell: lstm)", or by their place, where much does.
    /// </summary>
    let titles (sections: Section list) : string list =
        let leaves (section: Section) =
            ("device", section.Results.Device) :: Json.leaves section.Results.Settings

        [
            for section in sections do
                let alike =
                    sections
                    |> List.filter (fun other -> other.Plan.Experiment = section.Plan.Experiment)

                let own =
                    leaves section
                    |> List.filter (fun leaf -> not (List.forall (leaves >> List.contains leaf) alike))

                if alike.Length = 1 then
                    section.Results.Title
                elif own.IsEmpty || own.Length > mostNamed then
                    let place =
                        alike |> List.findIndex (fun other -> Object.ReferenceEquals(other, section))

                    $"{section.Results.Title} ({place + 1} of {alike.Length})"
                else
                    let differing =
                        own
                        |> List.map (fun (path, value) -> $"{path}: {value.Trim '"'}")
                        |> String.concat ", "

                    $"{section.Results.Title} ({differing})"
        ]

    let private style =
        """
:root { color-scheme: light; --line: #d0d5dd; --faint: #667085; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #101828; max-width: 76rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.3rem; border-top: 1px solid var(--line); padding-top: 1rem; margin-top: 2rem; }
h3 { font-size: 1.05rem; margin-bottom: .3rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid var(--faint); }
svg { display: block; width: 100%; height: auto; min-width: 44rem; }
figure { margin: 1rem 0; break-inside: avoid; overflow-x: auto; }
.faint { color: var(--faint); }
details { margin: .7rem 0; } summary { cursor: pointer; }
.settings td { white-space: normal; text-align: left; overflow-wrap: anywhere; }
@media (max-width: 40rem) { body { padding: .6rem; } th, td { padding: .2rem .45rem; } }
@media print { body { max-width: none; font-size: 11px; } .scroll, figure { overflow: visible; } svg { min-width: 0; } table { break-inside: avoid; } }
"""

    let private tableView (shown: Table) =
        let cell make text = make [] [ str (Readable.visible text) ]

        div [] [
            h3 [] [ str shown.Title ]
            div [ _class "scroll" ] [
                table [] [
                    thead [] [ tr [] (List.map (cell th) shown.Columns) ]
                    tbody [] [ for row in shown.Rows -> tr [] (List.map (cell td) row) ]
                ]
            ]
            if not shown.Notes.IsEmpty then
                ul [ _class "faint" ] [ for note in shown.Notes -> li [] [ str note ] ]
        ]

    let private plotView (plot: Plot) =
        figure [] [ rawText (Plotting.svg plot) ]

    /// The mean of several lists, place by place, over those that are long enough.
    let private meanOf (lists: float list list) = [
        for place in 0 .. (lists |> List.map List.length |> List.max) - 1 ->
            lists |> List.choose (List.tryItem place) |> List.average
    ]

    /// What a curve is of, and what it shows: "finetuning plain" and "loss".
    let private parts (curve: Curve) =
        match curve.Name.LastIndexOf ", " with
        | -1 -> curve.Name, ""
        | comma -> curve.Name[.. comma - 1], curve.Name[comma + 2 ..]

    /// The learning curves of the runs: a plot for each thing measured, a line for each stage, the mean over the seeds.
    let private curves (results: Results) : Plot list =
        results.Runs
        |> List.collect (fun run -> run.Curves |> List.map (fun curve -> run.Seed, curve))
        // What runs share is there once for each of them.
        |> List.distinctBy (fun (seed, curve) -> seed, curve.Name)
        |> List.map snd
        |> List.filter (fun curve -> not curve.Values.IsEmpty)
        |> List.groupBy (parts >> snd)
        |> List.map (fun (kind, curves) ->
            Curves {
                Name = "learning"
                Title = $"Learning: {kind}, mean over the seeds"
                Across = "epoch"
                Axis = kind
                Lines = [
                    for stage, curves in curves |> List.groupBy (parts >> fst) ->
                        stage,
                        [
                            for epoch, value in curves |> List.map _.Values |> meanOf |> List.indexed ->
                                float (epoch + 1), value
                        ]
                ]
            })

    /// <summary>Gives the plots of a section, its learning curves last.</summary>
    let plots (section: Section) =
        section.Plan.Plots(Results.findings section.Results) @ curves section.Results

    let private pairs (rows: (string * string) list) =
        table [ _class "settings" ] [
            tbody [] [ for name, value in rows -> tr [] [ td [] [ str name ]; td [] [ str value ] ] ]
        ]

    let private sectionView (name: string, section: Section) =
        let results = section.Results

        Giraffe.ViewEngine.HtmlElements.section [] [
            h2 [] [ str name ]
            p [ _class "faint" ] [ str $"{results.Runs.Length} runs, {seeds results}" ]

            for shown in section.Plan.Tables(Results.findings results) do
                tableView shown

            for plot in plots section do
                plotView plot

            let notes = notes results

            if not notes.IsEmpty then
                h3 [] [ str "Noted by the runs" ]
                ul [] [ for note in notes -> li [] [ str note ] ]

            if not results.DifferencesFromPaper.IsEmpty then
                h3 [] [ str "What differs from the paper" ]
                ul [] [ for difference in results.DifferencesFromPaper -> li [] [ str difference ] ]

            details [ flag "open" ] [
                summary [] [ str "Settings and versions" ]
                pairs (("device", results.Device) :: Json.leaves results.Settings @ results.Versions)
            ]
        ]

    /// <summary>Makes the page of some sections: no script, no network, nothing beside it.</summary>
    let html (sections: Section list) =
        let name =
            sections |> List.map _.Results.Title |> List.distinct |> String.concat ", "

        html [ _lang "en" ] [
            head [] [
                meta [ _charset "utf-8" ]
                meta [ _name "viewport"; _content "width=device-width, initial-scale=1" ]
                title [] [ str name ]
                Giraffe.ViewEngine.HtmlElements.style [] [ rawText style ]
            ]
            body [] [
                h1 [] [ str name ]
                yield! List.zip (titles sections) sections |> List.map sectionView
            ]
        ]
        |> RenderView.AsString.htmlDocument

    let private text (content: string) = Encoding.UTF8.GetBytes content

    /// <summary>Writes the page of a run, and its plots as PNG and SVG, into its folder.</summary>
    let write (folder: string) (section: Section) =
        for plot in section.Plan.Plots(Results.findings section.Results) do
            Results.writeFile folder $"{plot.Name}.png" (Plotting.png plot)
            Results.writeFile folder $"{plot.Name}.svg" (text (Plotting.svg plot))

        Results.writeFile folder page (text (html [ section ]))

    /// <summary>Plans what results are of.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">No experiment has their name, or their settings are not its.</exception>
    let sectionOf (experiments: AnyExperiment list) (results: Results) : Section =
        match experiments |> List.tryFind (fun known -> known.Name = results.Experiment) with
        | None ->
            raise (
                EquivariantException
                    $"The results are of an experiment '%s{results.Experiment}', which this version does not have."
            )
        | Some experiment ->
            try
                {
                    Plan = experiment.OfSettings results.Settings
                    Results = results
                }
            with :? JsonException as error ->
                raise (
                    EquivariantException
                        $"The results of %s{results.Experiment} have settings that this version does not have (%s{Readable.firstLine error.Message}): run it again."
                )

    /// <summary>Reads the results of some folders, and merges those that are parts of one sweep.</summary>
    /// <exception cref="T:Equivariant.Core.EquivariantException">A folder has none, or they are not this version's.</exception>
    let read (experiments: AnyExperiment list) (folders: string list) : Section list =
        [
            for folder in folders ->
                match Results.tryRead folder with
                | Some results -> results
                | None ->
                    raise (
                        EquivariantException
                            $"There are no results in '%s{folder}': name a folder with a %s{Folder.results}, which a run writes."
                    )
        ]
        |> Results.merge
        |> List.map (sectionOf experiments)

    let private markdownOf (name: string, section: Section) : string list =
        let results = section.Results

        let versions =
            results.Versions
            |> List.map (fun (name, version) -> $"{name} {version}")
            |> String.concat ", "

        let listed heading (sentences: string list) =
            match sentences with
            | [] -> []
            | sentences -> heading :: "" :: List.map (fun sentence -> $"- {sentence}") sentences @ [ "" ]

        [
            $"### {name}"
            ""
            $"Measured: {seeds results}; {versions}."
            ""
            for table in section.Plan.Tables(Results.findings results) do
                yield! Markdown.table table
                ""
            yield! listed "Noted by the runs:" (notes results)
            yield! listed "What differs from the paper:" results.DifferencesFromPaper
        ]

    /// <summary>Writes sections as Markdown lines, for a README.</summary>
    let markdown (sections: Section list) : string list =
        let lines = List.zip (titles sections) sections |> List.collect markdownOf
        // No blank line at the end.
        lines |> List.rev |> List.skipWhile ((=) "") |> List.rev
