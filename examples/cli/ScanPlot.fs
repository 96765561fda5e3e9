/// The comparison as grouped bars.
module internal Equivariant.Cli.ScanPlot

open ScottPlot
open Equivariant.Scan

let private width, height = 1200, 640

/// The bars of one of several lines: at each set of sentences its share in per cent, beside those of the other lines.
let bars count (palette: IPalette) index (line: Line) =
    let barWidth = 0.84 / float count

    [|
        for place, summary in List.indexed line.Accuracies ->
            Bar(
                Position = float place + barWidth * (float index - float (count - 1) / 2.0),
                Value = 100.0 * summary.Mean,
                Error = 100.0 * summary.Deviation,
                Size = barWidth * 0.92,
                FillColor = palette.GetColor index,
                LineWidth = 0f
            )
    |]

/// Draws the accuracies of all designs and gives the PNG's bytes.
let png (title: string) (lines: Line list) =
    use plot = new Plot()
    let palette = Palettes.Category10()

    for index, line in List.indexed lines do
        let shown = plot.Add.Bars(bars lines.Length palette index line)
        shown.LegendText <- line.Name

    let names = lines.Head.Accuracies |> List.map _.Name |> Array.ofList
    plot.Axes.Bottom.SetTicks(Array.init names.Length float, names)
    plot.Axes.Bottom.MajorTickStyle.Length <- 0f
    plot.Axes.SetLimits(-0.5, float names.Length - 0.5, 0.0, 105.0)
    plot.HideGrid()
    plot.Title title
    plot.YLabel "sentences without any mistake, %"
    plot.ShowLegend(Edge.Bottom).Legend.Orientation <- Orientation.Horizontal
    plot.GetImage(width, height).GetImageBytes()
