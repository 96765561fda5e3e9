namespace Equivariant.Bench

open System.Globalization

/// <summary>What tells the runs of a sweep apart, such as <c>["design", "equitune"]</c>.</summary>
type Labels = (string * string) list

/// <summary>A number that a run measured.</summary>
type Figure = {
    /// <summary>What it belongs to.</summary>
    Labels: Labels
    /// <summary>What it is, such as "jump".</summary>
    Name: string
    Value: float
}

/// <summary>A figure over all seeds that measured it.</summary>
type Finding = {
    Labels: Labels
    Name: string
    /// <summary>The value of each seed, in the order of the runs.</summary>
    Values: float list
} with

    /// <summary>The mean over the seeds.</summary>
    member this.Mean = List.average this.Values

    /// <summary>The standard deviation over the seeds, 0 for a single one.</summary>
    member this.Deviation =
        match this.Values with
        | []
        | [ _ ] -> 0.0
        | values ->
            let squares = values |> List.sumBy (fun value -> (value - this.Mean) ** 2.0)
            sqrt (squares / float (values.Length - 1))

/// <summary>Makes figures.</summary>
[<RequireQualifiedAccess>]
module Figure =

    /// <summary>A figure of the run that measures it: it gets the labels of the run.</summary>
    let named name (value: float) : Figure = {
        Labels = []
        Name = name
        Value = value
    }

    /// <summary>A figure with labels beside those of the run.</summary>
    let labelled labels name (value: float) : Figure = {
        Labels = labels
        Name = name
        Value = value
    }

/// <summary>Collects figures over seeds, and finds them for tables and plots.</summary>
[<RequireQualifiedAccess>]
module Findings =

    /// <summary>Collects figures: those with the same labels and name are one finding.</summary>
    let collect (figures: Figure list) : Finding list =
        figures
        |> List.groupBy (fun figure -> figure.Labels, figure.Name)
        |> List.map (fun ((labels, name), figures) -> {
            Labels = labels
            Name = name
            Values = figures |> List.map _.Value
        })

    /// <summary>Gives the value of a label, if it is there.</summary>
    let label name (finding: Finding) =
        finding.Labels
        |> List.tryPick (fun (known, value) -> if known = name then Some value else None)

    /// <summary>Keeps the findings whose label has a value.</summary>
    let where name value (findings: Finding list) =
        findings |> List.filter (fun finding -> label name finding = Some value)

    /// <summary>Lists the values of a label, in the order of the runs.</summary>
    let values name (findings: Finding list) =
        findings |> List.choose (label name) |> List.distinct

    /// <summary>Lists the names of figures, in the order of the runs.</summary>
    let names (findings: Finding list) =
        findings |> List.map _.Name |> List.distinct

    /// <summary>Finds a finding by its labels, in any order and among others, and its name.</summary>
    let tryFind (labels: Labels) name (findings: Finding list) =
        findings
        |> List.tryFind (fun finding ->
            finding.Name = name
            && labels |> List.forall (fun label -> List.contains label finding.Labels))

    let private number (decimals: int) (value: float) =
        value.ToString($"F{decimals}", CultureInfo.InvariantCulture)

    /// <summary>Writes mean and deviation with some decimals, times a factor: <c>percent = show 100.0 1</c>.</summary>
    let show factor decimals (finding: Finding) =
        let mean = number decimals (factor * finding.Mean)

        if finding.Values.Length > 1 then
            $"{mean} ± {number decimals (factor * finding.Deviation)}"
        else
            mean

    /// <summary>Writes the mean alone: for what does not depend on chance, such as evaluations.</summary>
    let mean decimals (finding: Finding) = number decimals finding.Mean

    /// <summary>Writes a share in per cent.</summary>
    let percent finding = show 100.0 1 finding
