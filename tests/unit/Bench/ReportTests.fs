/// What people look at: plots, pages, README tables.
module Equivariant.Tests.Bench.ReportTests

open System
open System.IO
open System.Text.RegularExpressions
open Xunit
open Equivariant.Core
open Equivariant.Bench
open Equivariant.Tests
open Equivariant.Tests.Browser
open Equivariant.Tests.Bench.ExperimentTests

let private finding labels name values : Finding = {
    Labels = labels
    Name = name
    Values = values
}

let private found = [
    for design, values in [ "plain", [ 0.2; 0.4 ]; "equitune", [ 0.9; 1.0 ] ] do
        for name in [ "upright"; "turned" ] do
            finding [ "design", design ] name values
]

[<Fact>]
let ``equal labels and names are one finding, in the order of the runs`` () =
    let figure seed name =
        Figure.labelled [ "seed of data", "1" ] name (float seed)

    let findings =
        Findings.collect [
            for seed in [ 1; 3 ] do
                for name in [ "b"; "a" ] -> figure seed name
        ]

    Assert.Equal<string list>([ "b"; "a" ], findings |> List.map _.Name)
    Assert.Equal((2.0, sqrt 2.0), (findings.Head.Mean, findings.Head.Deviation))
    Assert.Equal("200.00 ± 141.42", Findings.show 100.0 2 findings.Head)
    Assert.Equal("2", Findings.mean 0 findings.Head)
    Assert.Equal("30.0", Findings.percent (finding [] "a" [ 0.3 ]))

[<Fact>]
let ``a table has a row for each value of a label, and empty cells for what was not measured`` () =
    let table =
        Table.byLabel "Found" "design" [ "upright", Findings.percent; "speed", Findings.show 1.0 1 ] found

    Assert.Equal<string list>([ "design"; "upright"; "speed" ], table.Columns)

    Assert.Equal<string list list>(
        [ [ "plain"; "30.0 ± 14.1"; "" ]; [ "equitune"; "95.0 ± 7.1"; "" ] ],
        table.Rows
    )

let private bars =
    Plot.percentBars "accuracy" "Found" "right" "design" [ "upright"; "turned"; "lost" ] found

[<Fact>]
let ``bars stand side by side over their places, and what was not measured has none`` () =
    let palette = ScottPlot.Palettes.Category10()

    match bars with
    | Bars plot ->
        let drawn = [
            for index, (_, heights) in List.indexed plot.Series ->
                Plotting.grouped plot.Series.Length palette index heights
        ]

        for (_, heights), bars in List.zip plot.Series drawn do
            Assert.Equal(2, bars.Length)

            for place, (bar: ScottPlot.Bar) in Seq.indexed bars do
                Assert.Equal(heights[place], (bar.Value, bar.Error))
                Assert.InRange(bar.Position, float place - 0.5, float place + 0.5)

        let positions = drawn |> List.map (Array.head >> _.Position)
        Assert.Equal<float list>(List.sort positions, positions)
        Assert.Equal(0.0, List.average positions, 1e-9)
        Assert.True(positions[1] - positions[0] > (drawn |> List.map (Array.head >> _.Size) |> List.max))
    | _ -> Assert.Fail "bars are bars"

[<Fact>]
let ``stacks stand on each other`` () =
    let palette = ScottPlot.Palettes.Category10()
    let bars = Plotting.stacked palette 1 [ 0.2; 0.5 ] [ 0.3, 0.0; 0.5, 0.1 ]

    Assert.Equal<(float * float) list>(
        [ 0.2, 0.5; 0.5, 1.0 ],
        [ for bar in bars -> bar.ValueBase, bar.Value ]
    )

let private plots = [
    bars
    Stacks {
        Name = "shares"
        Title = "Shares"
        Axis = "share"
        Places = [ "woman"; "man" ]
        Series = [ "good", [ 0.3, 0.0; 0.4, 0.0 ]; "bad", [ 0.7, 0.0; 0.6, 0.0 ] ]
        Top = None
    }
    Curves {
        Name = "learning"
        Title = "Learning"
        Across = "epoch"
        Axis = "loss"
        Lines = [ "one", [ 1.0, 3.0; 2.0, nan; 3.0, 1.0 ]; "short", [ 1.0, 2.0 ] ]
    }
]

[<Fact>]
let ``plots are drawn as PNG and as SVG with their words`` () =
    for plot in plots do
        Assert.Equal<byte[]>([| 0x89uy; byte 'P'; byte 'N'; byte 'G' |], (Plotting.png plot)[..3])
        let svg = Plotting.svg plot
        Assert.Contains("viewBox=\"0 0 1200 640\"", svg)
        Assert.Contains(plot.Title, svg)

let private results seeds : Results =
    Program.inFolder (fun folder ->
        carryOut (planned [ "--epochs"; "2" ]) { ordered folder with Seeds = seeds })

let private sections =
    lazy
        [
            for seeds in [ [ 1; 2 ]; [ 3 ] ] do
                // Something to be escaped, everywhere.
                let results = {
                    results seeds with
                        DifferencesFromPaper = [ "One < two & \"three\" <script>alert(1)</script>" ]
                }

                Report.sectionOf [ corners ] results
        ]

[<Fact>]
let ``a page has everything in it, and nothing from elsewhere`` () =
    let page = Report.html sections.Value
    Assert.StartsWith("<!DOCTYPE html>", page)
    Assert.DoesNotContain("<script", page)
    Assert.DoesNotMatch(Regex "(src|href)=\"(?!#)", page)
    Assert.DoesNotContain("url(http", page)
    Assert.Contains("One &lt; two &amp;", page)
    // For each section the bars, the losses and the accuracies.
    Assert.Equal(6, Regex.Count(page, "<svg"))
    let ids = Regex.Matches(page, " id=\"([^\"]*)\"") |> Seq.map _.Value |> List.ofSeq
    Assert.Equal<string list>(List.distinct ids, ids)
    Assert.Equal(2, Regex.Count(page, "<table><thead>|<table>\\s*<thead>"))
    Assert.Contains("over the seeds 1, 2", page)
    Assert.Contains("What differs from the paper", page)
    Assert.Contains("TorchSharp", page)
    Assert.Contains("seed 1, none … seed 2, C4 (4 runs): 2 epochs", page)

/// Asks a page which of its plots are seen as a whole: nothing that is drawn lies outside.
let private measuring =
    """(() => {
    const within = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1 && inner.bottom <= outer.bottom + 1;
    const seen = [...document.querySelectorAll('svg')].filter(svg => {
        const frame = svg.getBoundingClientRect();
        return frame.width > 100 && frame.height > 50 &&
            [...svg.querySelectorAll('text')].every(text => within(text.getBoundingClientRect(), frame));
    });
    return `plots ${seen.length} tables ${document.querySelectorAll('table').length}`;
})()"""

[<BrowserFact>]
let ``a page fits a phone, shows its plots and prints`` () =
    Program.inFolder (fun folder ->
        let file = Path.Combine(folder, "report.html")
        File.WriteAllText(file, Report.html sections.Value)
        use browser = new Browser()
        let look = browser.Open($"file://{file}", 390, measuring)
        Assert.Empty look.Errors
        Assert.InRange(look.ContentWidth, 300, 390)
        Assert.Equal("plots 6 tables 4", look.Answer)
        Assert.True(browser.Print().Length > 10_000))

[<Fact>]
let ``a README gets tables between its marks, and keeps the rest`` () =
    let lines = Report.markdown sections.Value
    Assert.Contains("| group | upright | turned |", lines)
    Assert.Contains("| --- | ---: | ---: |", lines)
    let first = Markdown.insert "corners" [ "older figures" ] "# Corners\n\nBefore.\n"
    let text = first + "\nAfter.\n"
    let second = Markdown.insert "corners" lines text
    Assert.StartsWith("# Corners\n\nBefore.\n", second)
    Assert.EndsWith("\n\nAfter.\n", second)
    Assert.DoesNotContain("older figures", second)
    Assert.Contains("| group | upright | turned |", second)
    // Twice comes to the same, and other experiments have other marks.
    Assert.Equal(second, Markdown.insert "corners" lines second)
    Assert.Contains("older figures", Markdown.insert "scan" lines text)

    let broken = text.Replace("<!-- corners: end -->", "")
    Assert.Throws<EquivariantException>(fun () -> Markdown.insert "corners" lines broken |> ignore)

[<Fact>]
let ``folders without results, and results of other experiments, are named`` () =
    let message work =
        Assert.Throws<EquivariantException>(fun () -> work () |> ignore).Message

    Program.inFolder (fun folder ->
        Assert.Contains(
            $"There are no results in '{folder}'",
            message (fun () -> Report.read [ corners ] [ folder ])
        )

        Results.write folder (results [ 1 ])

        Assert.Contains(
            "experiment 'corners', which this version does not have",
            message (fun () -> Report.read [] [ folder ])
        )

        Results.write folder {
            results [ 1 ] with
                Settings = Json.element {| Images = "many" |}
        }

        Assert.Contains(
            "have settings that this version does not have",
            message (fun () -> Report.read [ corners ] [ folder ])
        ))

[<Fact>]
let ``what many runs note is said once`` () =
    let results = results [ 1..5 ]

    let noting notes = {
        results with
            Runs = [ for run in results.Runs -> { run with Notes = notes run.Seed } ]
    }

    Assert.Equal<string list>(
        [ "all hold."; "one is odd." ],
        [
            for note in
                Report.notes (
                    noting (fun seed -> [
                        "all hold."
                        if seed = 2 then
                            "one is odd."
                    ])
                ) -> (note.Split ": ")[1]
        ]
    )

    let names = [ for run in results.Runs -> run.Name ]
    let line = Report.notes (noting (fun _ -> [ "all hold." ])) |> List.exactlyOne
    Assert.Equal($"{names.Head} … {List.last names} ({names.Length} runs): all hold.", line)

    let few =
        Report.notes (
            noting (fun seed -> [
                if seed = 1 then
                    "odd."
            ])
        )

    let first =
        [
            for run in results.Runs do
                if run.Seed = 1 then
                    run.Name
        ]
        |> String.concat "; "

    Assert.Equal<string list>([ $"{first}: odd." ], few)
