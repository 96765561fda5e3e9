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
