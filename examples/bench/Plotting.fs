namespace Equivariant.Bench

open System.Xml.Linq
open ScottPlot

/// <summary>Draws plots, as PNG for people and SVG for pages.</summary>
[<RequireQualifiedAccess>]
module Plotting =

    let private width, height = 1200, 640

    /// <summary>
    /// The bars of one of several series: at each place its height beside those of the other series. Heights that are
    /// not there (not a number) have no bar.
    /// </summary>
    let internal grouped count (palette: IPalette) index (heights: (float * float) list) =
        let size = 0.84 / float count

        [|
            for place, (value, error) in List.indexed heights do
                if System.Double.IsFinite value then
                    Bar(
                        Position = float place + size * (float index - float (count - 1) / 2.0),
                        Value = value,
                        Error = error,
                        Size = size * 0.92,
                        FillColor = palette.GetColor index,
                        LineWidth = 0f
                    )
        |]

    /// <summary>The bars of one of several series: at each place on top of those below it.</summary>
    let internal stacked (palette: IPalette) index (below: float list) (heights: (float * float) list) = [|
        for place, (bottom, (value, error)) in List.indexed (List.zip below heights) ->
            Bar(
                Position = float place,
                ValueBase = bottom,
                Value = bottom + value,
                Error = error,
                Size = 0.7,
                FillColor = palette.GetColor index,
                LineWidth = 0f
            )
    |]

    let private palette: IPalette = Palettes.Category10()

    let private addBars (shown: ScottPlot.Plot) (name: string) (bars: Bar[]) =
        if bars.Length > 0 then
            (shown.Add.Bars bars).LegendText <- name

    let private addPlaces (shown: ScottPlot.Plot) (plot: BarPlot) =
        let names = Array.ofList plot.Places
        shown.Axes.Bottom.SetTicks(Array.init names.Length float, names)
        shown.Axes.Bottom.MajorTickStyle.Length <- 0f

        let reach =
            plot.Series
            |> List.collect snd
            |> List.map (fun (value, error) -> value + error)
            |> List.filter System.Double.IsFinite
            |> List.fold max 0.0

        let top =
            plot.Top |> Option.defaultValue (if reach > 0.0 then 1.05 * reach else 1.0)

        shown.Axes.SetLimits(-0.5, float names.Length - 0.5, 0.0, top)
        shown.YLabel plot.Axis

    let private patterns = [| LinePattern.Solid; LinePattern.Dashed; LinePattern.Dotted |]

    let private lines (shown: ScottPlot.Plot) (plot: CurvePlot) =
        for index, (name, points) in List.indexed plot.Lines do
            let xs, ys =
                points
                |> List.filter (fun (x, y) -> System.Double.IsFinite x && System.Double.IsFinite y)
                |> List.unzip

            let line = shown.Add.Scatter(Array.ofList xs, Array.ofList ys)
            line.LegendText <- name
            line.Color <- palette.GetColor index
            // Beyond the palette, colours come again with another pattern.
            line.LinePattern <- patterns[index / palette.Colors.Length % patterns.Length]
            line.MarkerSize <- if xs.Length = 1 then 6f else 0f
            line.LineWidth <- 1.5f

        shown.Axes.Bottom.TickGenerator <- TickGenerators.NumericAutomatic(IntegerTicksOnly = true)
        shown.XLabel plot.Across
        shown.YLabel plot.Axis

    let private draw (plot: Equivariant.Bench.Plot) (render: ScottPlot.Plot -> 'T) : 'T =
        use shown = new ScottPlot.Plot()
        shown.HideGrid()

        match plot with
        | Bars plot ->
            for index, (name, heights) in List.indexed plot.Series do
                addBars shown name (grouped plot.Series.Length palette index heights)

            addPlaces shown plot
        | Stacks plot ->
            let mutable below = List.replicate plot.Places.Length 0.0

            for index, (name, heights) in List.indexed plot.Series do
                addBars shown name (stacked palette index below heights)
                below <- List.map2 (fun bottom (value, _) -> bottom + value) below heights

            let tallest = {
                plot with
                    Series = [ "", [ for height in below -> height, 0.0 ] ]
            }

            addPlaces shown tallest
        | Curves plot -> lines shown plot

        shown.Font.Set Fonts.Sans |> ignore
        shown.Title plot.Title
        shown.ShowLegend(Edge.Bottom).Legend.Orientation <- Orientation.Horizontal
        render shown

    /// <summary>Draws a plot and gives the PNG's bytes.</summary>
    let png (plot: Equivariant.Bench.Plot) =
        draw plot (fun shown -> shown.GetImage(width, height).GetImageBytes())

    let private firstOf (list: string) = (list.Split ',')[0]

    /// A drawing of any size, in the reader's own font: not in pixels, and letters not put one by one.
    let private scalable (svg: string) =
        let root = XDocument.Parse(svg).Root |> Unchecked.nonNull
        root.SetAttributeValue("width", null)
        root.SetAttributeValue("height", null)
        root.SetAttributeValue("viewBox", $"0 0 {width} {height}")

        for text in root.Descendants(root.Name.Namespace + "text") do
            text.Value <- text.Value.Trim()
            text.SetAttributeValue("font-family", "sans-serif")

            for name in [ "x"; "y" ] do
                match text.Attribute name with
                | null -> ()
                | places -> places.Value <- firstOf places.Value

        root.ToString SaveOptions.DisableFormatting

    /// <summary>Draws a plot and gives the SVG's text, which takes any size.</summary>
    let svg (plot: Equivariant.Bench.Plot) =
        draw plot (fun shown -> shown.GetSvgXml(width, height)) |> scalable
