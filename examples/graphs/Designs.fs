namespace Equivariant.Graphs

open System
open TorchSharp
open Equivariant.Core.Actions
open Equivariant.Core.Designs
open Equivariant.Core.Groups

type private Net = torch.nn.Module<torch.Tensor, torch.Tensor>

/// <summary>How a network that reads a graph's matrix is made not to mind how the nodes are numbered.</summary>
type Design =
    /// <summary>It is not.</summary>
    | Alone
    /// <summary>By a mean over random numberings.</summary>
    | Uniform
    /// <summary>By sorting nodes by their numbers of edges.</summary>
    | Degrees
    /// <summary>By sorting nodes by the colours of colour refinement.</summary>
    | Canonical
    /// <summary>By sorting nodes by their heat kernel signatures.</summary>
    | Spectral
    /// <summary>By sorting nodes by noisy scores that a network learns to give: probabilistic symmetrisation.</summary>
    | Probabilistic

/// <summary>How designs are made.</summary>
type DesignSettings = {
    /// <summary>Random numberings of a graph, where they are drawn.</summary>
    Samples: int
    /// <summary>Up to how many numberings of one graph that tie are all taken.</summary>
    Listed: int
    /// <summary>The width of the network of scores, and how often its nodes exchange what they know.</summary>
    ScoreWidth: int
    ScoreLayers: int
    /// <summary>Up to which length it knows how likely random walks return to a node.</summary>
    ScoreWalks: int
    /// <summary>How soft the sort is that the network of scores learns from.</summary>
    Temperature: float
    /// <summary>The standard deviation of the noise that nodes get.</summary>
    Spread: float
}

/// <summary>Names designs, and makes them.</summary>
[<RequireQualifiedAccess>]
module Design =

    /// <summary>All of them.</summary>
    let all = [ Alone; Uniform; Degrees; Canonical; Spectral; Probabilistic ]

    /// <summary>A design's name.</summary>
    let name design =
        match design with
        | Alone -> "MLP alone"
        | Uniform -> "uniform"
        | Degrees -> "degrees"
        | Canonical -> "canonical"
        | Spectral -> "spectral"
        | Probabilistic -> "probabilistic"

    /// <summary>What it does, in a few words.</summary>
    let describe design =
        match design with
        | Alone -> "nodes in the order in which they come"
        | Uniform -> "the mean over random orders"
        | Degrees -> "a frame that sorts nodes by their numbers of edges"
        | Canonical -> "a frame that sorts nodes by colour refinement, 1-WL"
        | Spectral -> "a frame that sorts nodes by heat kernel signatures"
        | Probabilistic -> "the mean over orders by noisy scores, which a network gives to the nodes"

    /// <summary>How the nodes of graphs are renumbered.</summary>
    let action nodes kinds : TensorAction =
        AxisAction(PermutationAction.OnGraphs(Group.Symmetric nodes, kinds), -2, -1)

    /// <summary>
    /// Wraps a network twice: for training, where one numbering a graph is drawn, and for use, where the mean is over several. Both
    /// share the network and what its design learns.
    /// </summary>
    /// <param name="settings">How the design is made.</param>
    /// <param name="action">How nodes are renumbered.</param>
    /// <param name="kinds">The number of kinds of nodes.</param>
    /// <param name="random">Draws numberings.</param>
    /// <param name="net">The network, from graphs to numbers.</param>
    /// <param name="design">The design.</param>
    let wrap
        (settings: DesignSettings)
        (action: TensorAction)
        kinds
        (random: Random)
        (net: Net)
        design
        : Net * Net =
        let still = TrivialAction action.Group

        let framed (frame: TieBreaks -> Frame) =
            let over ties =
                new FrameAverage(net, action, still, frame ties) :> Net

            over (TieBreaks(random, 1, 1)), over (TieBreaks(random, settings.Listed, settings.Samples))

        match design with
        | Alone -> net, net
        | Degrees ->
            let degrees (x: torch.Tensor) = x.narrow(2L, 0L, x.shape[1]).sum 2L

            framed (fun ties -> Frame.SortingBy(degrees, ties))
        | Canonical -> framed (fun ties -> Frame.ColourRefinement ties)
        | Spectral -> framed (fun ties -> Frame.Spectral ties)
        | Uniform
        | Probabilistic ->
            let distribution =
                if design = Uniform then
                    ElementDistribution.Uniform()
                else
                    let scores =
                        new PointScores(
                            action,
                            kinds,
                            1,
                            settings.ScoreWidth,
                            settings.ScoreLayers,
                            settings.ScoreWalks
                        )

                    ElementDistribution.Sorted(scores, 1, settings.Temperature, settings.Spread)

            let over samples =
                new ProbabilisticSymmetrise(net, action, still, distribution, samples, random) :> Net

            over 1, over settings.Samples

    /// <summary>A perceptron that reads all entries of a graph's matrix.</summary>
    let perceptron nodes kinds hidden (dropout: float) outputs : Net =
        let layer (inputs: int) (outputs: int) =
            torch.nn.Linear(int64 inputs, int64 outputs) :> Net

        torch.nn.Sequential(
            [|
                torch.nn.Flatten 1L :> Net

                for inputs in [ nodes * (nodes + kinds); hidden ] do
                    layer inputs hidden
                    torch.nn.ReLU()
                    torch.nn.Dropout dropout

                layer hidden outputs
            |]
        )

    /// <summary>
    /// Draws the weights of all linear layers anew from torch's generator, in the order and from the distributions of their constructor
    /// (uniform, up to one over the root of the number of inputs): what is there afterwards is a network that was never asked before.
    /// </summary>
    /// <remarks>TorchSharp keeps some memory of every layer that is made, so many random networks are one that is drawn many times.</remarks>
    /// <param name="net">The network, whose learnable parts are linear layers.</param>
    let redraw (net: torch.nn.Module) =
        use scope = torch.NewDisposeScope()
        use _ = torch.no_grad ()

        // Drawn on the CPU, as a constructor does, so that one seed is one network on every device.
        let draw (parameter: torch.Tensor) (initialise: torch.Tensor -> torch.Tensor) =
            parameter.copy_ (initialise (torch.empty (parameter.shape, dtype = parameter.dtype)))
            |> ignore

        for layer in
            Seq.append [ net ] (net.modules ())
            |> Seq.distinct
            |> Seq.choose tryUnbox<TorchSharp.Modules.Linear> do
            draw layer.weight (fun weight -> torch.nn.init.kaiming_uniform_ (weight, a = sqrt 5.0))

            match layer.bias with
            | null -> ()
            | bias ->
                let most = 1.0 / sqrt (float layer.in_features)
                draw bias (fun bias -> torch.nn.init.uniform_ (bias, -most, most))

    /// <summary>Evaluations of the network for one graph in its last batch.</summary>
    let evaluations (net: Net) =
        match net with
        | :? FrameAverage as average -> average.EvaluationsPerInput
        | _ -> 1.0
