namespace Equivariant.Graphs

open Equivariant.Bench

/// <summary>Everything that decides the numbers of a run.</summary>
type Settings = {
    Designs: string list
    Design: DesignSettings
    /// <summary>Nodes of the graphs that untrained networks have to tell apart.</summary>
    Nodes: int
    /// <summary>Random networks: pairs that none of them tells apart stay unseparated.</summary>
    Networks: int
    /// <summary>Two graphs are apart where their embeddings of ten numbers are, in the sum of absolute differences.</summary>
    Threshold: float
    /// <summary>Labelled graphs to classify; empty for none.</summary>
    Examples: string
    Hidden: int
    /// <summary>The share of hidden features that is dropped in training.</summary>
    Dropout: float
    Epochs: int
    BatchSize: int
    /// <summary>The size of the first step; it falls to nothing along half a cosine.</summary>
    LearningRate: float
    /// <summary>AdamW's decay of weights.</summary>
    WeightDecay: float
}

/// <summary>The settings of the usual runs.</summary>
[<RequireQualifiedAccess>]
module Settings =

    let private full: Settings = {
        Designs = List.map Design.name Design.all
        Design = {
            Samples = 10
            Listed = 40320
            ScoreWidth = 64
            ScoreLayers = 3
            ScoreWalks = 12
            Temperature = 0.01
            Spread = 0.3
        }
        Nodes = Enumeration.mostNodes
        Networks = 100
        Threshold = 0.001
        Examples = ""
        Hidden = 256
        Dropout = 0.2
        Epochs = 200
        BatchSize = 50
        LearningRate = 1e-3
        WeightDecay = 0.1
    }

    /// <summary>The settings of a preset.</summary>
    let ofPreset preset : Settings =
        match preset with
        | Full -> full
        | Quick -> { full with Epochs = 20 }
        | Tiny -> {
            full with
                Nodes = 5
                Networks = 2
                Epochs = 1
                Hidden = 16
          }

    /// <summary>The command's options.</summary>
    let arguments: Argument<Settings> list = [
        Argument.number
            "nodes"
            (2, Enumeration.mostNodes)
            "nodes of the graphs to tell apart."
            (fun nodes settings -> { settings with Nodes = nodes })
        Argument.number "networks" (1, 10000) "untrained networks that are asked." (fun count settings -> {
            settings with
                Networks = count
        })
        Argument.choices
            "designs"
            "design"
            [ for design in Design.all -> Design.name design, Design.name design ]
            "which designs, divided by commas; all, if left out."
            (fun designs settings -> { settings with Designs = designs })
        Argument.path
            "exp"
            "file"
            "labelled graphs to classify, such as EXP: label, kinds of nodes, graph6."
            (fun path settings ->
                Graph.readExamples path |> ignore
                { settings with Examples = path })
        Argument.number
            "epochs"
            (0, 100000)
            "how often the labelled graphs are seen in training."
            (fun epochs settings -> { settings with Epochs = epochs })
        Argument.number "samples" (1, 10000) "numberings of a graph that are drawn." (fun samples settings -> {
            settings with
                Design = {
                    settings.Design with
                        Samples = samples
                }
        })
    ]
