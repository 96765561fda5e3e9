namespace Equivariant.Bench

/// <summary>A table of an experiment.</summary>
type Table = {
    Title: string
    Columns: string list
    /// <summary>As many cells in each as there are columns; the first is the row's name.</summary>
    Rows: string list list
    /// <summary>Sentences below it.</summary>
    Notes: string list
}

/// <summary>Bars in groups.</summary>
type BarPlot = {
    /// <summary>Its file is named by it: "accuracy" becomes accuracy.png and accuracy.svg.</summary>
    Name: string
    Title: string
    /// <summary>What the height is, with its unit.</summary>
    Axis: string
    /// <summary>The groups, from left to right.</summary>
    Places: string list
    /// <summary>For each colour its name, and at each place the height and the half length of its error bar.</summary>
    Series: (string * (float * float) list) list
    /// <summary>The upper end of the axis; what the bars need, if nothing.</summary>
    Top: float option
}

/// <summary>Lines over an axis of numbers.</summary>
type CurvePlot = {
    /// <summary>Its file is named by it.</summary>
    Name: string
    Title: string
    /// <summary>What is along the lines.</summary>
    Across: string
    /// <summary>What the height is, with its unit.</summary>
    Axis: string
    /// <summary>For each line its name and its points.</summary>
    Lines: (string * (float * float) list) list
}

/// <summary>A plot of an experiment.</summary>
type Plot =
    /// <summary>At each place a bar of each series, side by side, with error bars.</summary>
    | Bars of BarPlot
    /// <summary>At each place one bar, divided among the series: shares of a whole.</summary>
    | Stacks of BarPlot
    /// <summary>Lines, such as learning curves.</summary>
    | Curves of CurvePlot

    /// <summary>What its files are named by.</summary>
    member this.Name =
        match this with
        | Bars plot
        | Stacks plot -> plot.Name
        | Curves plot -> plot.Name

    /// <summary>What stands above it.</summary>
    member this.Title =
        match this with
        | Bars plot
        | Stacks plot -> plot.Title
        | Curves plot -> plot.Title

/// <summary>Makes tables from findings.</summary>
[<RequireQualifiedAccess>]
module Table =

    /// <summary>A row for each value of a label, a column for each figure; cells of what was not measured are empty.</summary>
    /// <param name="title">What the numbers are, with their unit.</param>
    /// <param name="label">The label.</param>
    /// <param name="columns">The names of figures, and how each is written.</param>
    /// <param name="findings">What was found.</param>
    let byLabel title label (columns: (string * (Finding -> string)) list) (findings: Finding list) : Table = {
        Title = title
        Columns = label :: List.map fst columns
        Rows = [
            for value in Findings.values label findings ->
                [
                    value
                    for name, show in columns do
                        Findings.tryFind [ label, value ] name findings
                        |> Option.map show
                        |> Option.defaultValue ""
                ]
        ]
        Notes = []
    }

/// <summary>Makes plots from findings.</summary>
[<RequireQualifiedAccess>]
module Plot =

    /// <summary>Heights of bars, or stacks, whose places are figures and whose colours are the values of a label.</summary>
    /// <param name="label">The label.</param>
    /// <param name="names">The names of figures.</param>
    /// <param name="factor">What values are multiplied by, such as 100 for shares in per cent.</param>
    /// <param name="findings">What was found; what was not measured has no bar.</param>
    let series label (names: string list) factor (findings: Finding list) =
        let height value name =
            match Findings.tryFind [ label, value ] name findings with
            | Some finding -> factor * finding.Mean, factor * finding.Deviation
            | None -> nan, nan

        [
            for value in Findings.values label findings -> value, List.map (height value) names
        ]

    /// <summary>Shares in per cent as bars: a place for each figure, a colour for each value of a label.</summary>
    /// <param name="name">What its files are named by.</param>
    /// <param name="title">What stands above it.</param>
    /// <param name="axis">What the shares are of.</param>
    /// <param name="label">The label.</param>
    /// <param name="names">The names of figures.</param>
    /// <param name="findings">What was found.</param>
    let percentBars name title axis label (names: string list) findings : Plot =
        Bars {
            Name = name
            Title = title
            Axis = $"%s{axis}, %%"
            Places = names
            Series = series label names 100.0 findings
            Top = Some 105.0
        }
