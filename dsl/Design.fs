namespace Equivariant

open TorchSharp
open Equivariant.Core.Designs
open Equivariant.Core.Groups

/// <summary>Over which normal subgroups a design does not evaluate.</summary>
type Kernels =
    /// <summary>The trivial one: the network is evaluated for every element of the group.</summary>
    | NoKernel
    /// <summary>Those that the group's structure gives: for a direct product, the products of all factors but one.</summary>
    | FromStructure
    /// <summary>The given ones.</summary>
    | Chosen of Group list
    /// <summary>Those that reach the most linear maps with at most so many evaluations.</summary>
    | Within of evaluations: int

/// <summary>A number for each transform of an input, by which a design picks or weighs it.</summary>
[<NoComparison>]
type Energy =
    /// <summary>A function from a batch of n inputs to n numbers.</summary>
    | Given of Named<torch.Tensor -> torch.Tensor>
    /// <summary>The inner product with weights of an input's shape, for which the input need not be transformed.</summary>
    | Along of Named<torch.Tensor>
    /// <summary>A network from an input to one number, which is learned with the rest.</summary>
    | Trained of Network

    override this.ToString() =
        match this with
        | Given energy -> energy.Name
        | Along weights -> weights.Name
        | Trained network -> string network

/// <summary>How unsure a network is of its answer, from its scores.</summary>
[<NoComparison>]
type Loss =
    /// <summary>The entropy of the softmax distribution.</summary>
    | Entropy
    /// <summary>One less the largest probability.</summary>
    | Confidence
    /// <summary>A function of the user's, from a batch of n outputs to n numbers.</summary>
    | Proxy of Named<torch.Tensor -> torch.Tensor>

/// <summary>How the values over the group become one.</summary>
[<NoComparison>]
type Weighing =
    /// <summary>All count equally.</summary>
    | Equal
    /// <summary>By weights that a network learns, from a transform to the logarithm of its weight: λ-equitune.</summary>
    | Learned of Network
    /// <summary>Only the one of least loss counts: equizero.</summary>
    | Least of Loss
    /// <summary>The largest of each score counts, whichever value it is of: equizero as published for classifiers.</summary>
    | Largest

/// <summary>By what a design replaces an input under a kernel: something that the kernel does not change.</summary>
[<NoComparison>]
type Representative =
    /// <summary>The mean over the kernel; for sentences, each word becomes the first of those it may be exchanged with.</summary>
    | Natural
    /// <summary>The member of the kernel's orbit with the least energy.</summary>
    | OfLeastEnergy of Named<torch.Tensor -> torch.Tensor>

/// <summary>Which few elements of the group an input picks.</summary>
[<NoComparison>]
type Framing =
    /// <summary>Those that sort the points of a set by their features.</summary>
    | Sorting
    /// <summary>Those that sort the nodes of a graph by the colours of colour refinement.</summary>
    | Colours
    /// <summary>Those that sort the nodes of an undirected graph by their heat kernel signatures.</summary>
    | Spectrum
    /// <summary>Those of a frame of the user's.</summary>
    | FrameOf of Named<unit -> Frame>

    override this.ToString() =
        match this with
        | Sorting -> "sorting"
        | Colours -> "colours"
        | Spectrum -> "spectrum"
        | FrameOf frame -> frame.Name

    /// Makes the frame of a group, which draws what it draws from a generator.
    member internal this.Frame (group: Group) (random: System.Random) : Frame =
        let ties = TieBreaks random

        let rec sorting (group: Group) =
            match group with
            | :? WreathProduct as wreath -> Frame.Wreath(sorting wreath.Inner, sorting wreath.Outer, ties)
            | _ -> Frame.Sorting ties

        match this with
        | Sorting -> sorting group
        | Colours -> Frame.ColourRefinement ties
        | Spectrum -> Frame.Spectral ties
        | FrameOf frame -> frame.Value()

/// <summary>How a block makes its network equivariant, or invariant.</summary>
[<NoComparison; StructuredFormatDisplay("{Text}")>]
type Design =
    /// <summary>A sum over kernels of averages over the cosets of each.</summary>
    | Averaged of Kernels * Weighing * Representative
    /// <summary>Turns the input to the pose of least energy, and the output back.</summary>
    | Canonical of Energy
    /// <summary>The average over a frame: the few elements that the input itself picks.</summary>
    | Framed of Framing
    /// <summary>The average over uniformly drawn elements, equivariant in expectation only.</summary>
    | Sampled of elements: int
    /// <summary>The average over elements drawn from a distribution that is learned with the network, equivariant in expectation.</summary>
    | Symmetrised of samples: int
    /// <summary>A design for each factor of a direct product, one within the other, the first innermost.</summary>
    | ByFactor of Design list

    /// <summary>Reads like <c>quotient, least entropy</c>.</summary>
    member this.Text =
        match this with
        | Canonical energy -> $"canonical by {energy}"
        | Framed frame -> $"framed by {frame}"
        | Sampled elements -> $"mean over {elements} random elements"
        | Symmetrised samples -> $"symmetrised by {samples} learned elements"
        | ByFactor designs -> designs |> List.map _.Text |> joined ", then "
        | Averaged(kernels, weighing, representative) ->
            let family =
                match kernels with
                | NoKernel -> "equitune"
                | FromStructure -> "quotient"
                | Chosen kernels -> $"""quotient by {kernels |> List.map _.Name |> joined ", "}"""
                | Within evaluations -> $"quotient within {evaluations} evaluations"

            let weighed =
                match weighing with
                | Equal -> family
                | Learned(Perceptron [ hidden ]) -> $"λ-{family} {hidden}"
                | Learned network -> $"λ-{family} by {network}"
                | Least Entropy -> $"{family}, least entropy"
                | Least Confidence -> $"{family}, most confident"
                | Least(Proxy loss) -> $"{family}, least {loss.Name}"
                | Largest -> $"{family}, largest of each"

            match representative with
            | Natural -> weighed
            | OfLeastEnergy energy -> $"{weighed}, represented by {energy.Name}"

    override this.ToString() = this.Text

/// <summary>Designs, as they are named in declarations.</summary>
[<AutoOpen>]
module Designs =

    /// <summary>The mean over the whole group: one evaluation for each element.</summary>
    /// <category index="1">Averages</category>
    let equitune = Averaged(NoKernel, Equal, Natural)

    /// <summary>
    /// The sum over some normal subgroups of means over their cosets, at the price of the group's structure: |G₁| + … + |G_N|
    /// evaluations for a direct product, not |G₁| · … · |G_N|. Where input and output permute places the subgroups are those that reach most
    /// at that price; a report says which they are and why.
    /// </summary>
    /// <category index="1">Averages</category>
    let quotient = Averaged(FromStructure, Equal, Natural)

    /// <summary>The same with a given family of normal subgroups; one that is not normal is refused when the model is checked.</summary>
    /// <category index="1">Averages</category>
    let quotientBy (kernels: Group<'e> list) =
        Averaged(Chosen [ for kernel in kernels -> kernel.Core ], Equal, Natural)

    /// <summary>
    /// The same with the family that reaches the most linear maps with at most so many evaluations; a report says whether that is proved.
    /// </summary>
    /// <category index="1">Averages</category>
    let quotientWithin evaluations =
        Averaged(Within evaluations, Equal, Natural)

    /// <summary>Turns inputs to the pose of least energy, and outputs back; the name stands for the energy in comparisons.</summary>
    /// <param name="name">The energy's name.</param>
    /// <param name="energy">From a batch of n inputs to n numbers.</param>
    /// <category index="2">Poses and frames</category>
    let canonical name (energy: torch.Tensor -> torch.Tensor) =
        Canonical(Given { Name = name; Value = energy })

    /// <summary>
    /// Turns inputs to the pose whose inner product with some weights is least, such as a ramp over an image; it is found without a
    /// transform of the input.
    /// </summary>
    /// <param name="name">The name of the weights, which stands for them in comparisons.</param>
    /// <param name="weights">Weights of the shape of one input, which no element of the group leaves as they are.</param>
    /// <category index="2">Poses and frames</category>
    let canonicalAlong name (weights: torch.Tensor) =
        Canonical(Along { Name = name; Value = weights })

    /// <summary>Turns inputs to the pose of least energy, which a network from an input to one number learns.</summary>
    /// <category index="2">Poses and frames</category>
    let canonicalBy network = Canonical(Trained network)

    /// <summary>
    /// The average over a frame, the elements that an input picks: <c>framed sorting</c>. Where points tie all their orders are taken, or
    /// some are drawn where they are many.
    /// </summary>
    /// <category index="2">Poses and frames</category>
    let framed framing = Framed framing

    /// <summary>The average over a frame of the user's, which is made anew for each block; the name stands for it in comparisons.</summary>
    /// <category index="2">Poses and frames</category>
    let framedBy name (frame: unit -> Frame) =
        Framed(FrameOf { Name = name; Value = frame })

    /// <summary>Sorts the points of a set by their features, the first first.</summary>
    /// <category index="2">Poses and frames</category>
    let sorting = Sorting

    /// <summary>Sorts the nodes of a graph by colour refinement, 1-WL.</summary>
    /// <category index="2">Poses and frames</category>
    let colours = Colours

    /// <summary>Sorts the nodes of an undirected graph by how heat spreads from them.</summary>
    /// <category index="2">Poses and frames</category>
    let spectrum = Spectrum

    /// <summary>
    /// Probabilistic symmetrisation: the average over so many elements for each input, drawn from a distribution that is learned with
    /// the network. On sets and graphs the points are sorted by noisy scores; a group that is small enough to list has a score for each
    /// transform. It is equivariant in expectation.
    /// </summary>
    /// <category index="2">Poses and frames</category>
    let symmetrised samples = Symmetrised samples

    /// <summary>
    /// The average over so many elements, drawn uniformly and anew for each batch: for groups too large for anything
    /// else. It is equivariant in expectation only.
    /// </summary>
    /// <category index="1">Averages</category>
    let sampled elements = Sampled elements

    /// <summary>
    /// A design for each factor of a direct product, one within the other, the first innermost: such as a canonical pose
    /// for one factor around equituning for another. An energy or a loss of the user's must not change under the factors
    /// within, which is for the laws to check; a network that learns one is averaged over them.
    /// </summary>
    /// <category index="3">Several factors</category>
    let byFactor designs = ByFactor designs

    let rec private weighed weighing design =
        match design with
        | Averaged(kernels, _, representative) -> Averaged(kernels, weighing, representative)
        | ByFactor designs -> ByFactor(designs |> List.map (weighed weighing))
        | Canonical _
        | Framed _
        | Symmetrised _
        | Sampled _ -> refuse $"{design} has no values to weigh; weigh equitune or a quotient."

    /// <summary>Weighs the values by a perceptron with a hidden layer, which learns how much each counts: λ-equitune.</summary>
    /// <category index="4">How values are weighed</category>
    let weighted hidden design =
        weighed (Learned(Perceptron [ hidden ])) design

    /// <summary>Weighs the values by a network from a transform to the logarithm of its weight: λ-equitune.</summary>
    /// <category index="4">How values are weighed</category>
    let weightedBy network design = weighed (Learned network) design

    /// <summary>Takes the value of least loss only: equizero.</summary>
    /// <category index="4">How values are weighed</category>
    let leastLoss loss design = weighed (Least loss) design

    /// <summary>
    /// Takes the largest of each score, whichever transform gives it: equizero as published for classifiers. For outputs
    /// that the group permutes or leaves alone.
    /// </summary>
    /// <category index="4">How values are weighed</category>
    let largest design = weighed Largest design

    /// <summary>A loss for equizero of the user's, from a batch of n outputs to n numbers; the name stands for it in comparisons.</summary>
    /// <category index="4">How values are weighed</category>
    let proxyLoss name (loss: torch.Tensor -> torch.Tensor) = Proxy { Name = name; Value = loss }

    /// <summary>
    /// Replaces an input under a kernel not by the mean, but by the member of its orbit with the least energy: an image
    /// instead of a mean of images. That this commutes with the rest of the group is for the laws to check.
    /// </summary>
    /// <param name="name">The energy's name, which stands for it in comparisons.</param>
    /// <param name="energy">From a batch of n inputs to n numbers.</param>
    /// <param name="design">A quotient design.</param>
    /// <category index="2">Poses and frames</category>
    let represented name (energy: torch.Tensor -> torch.Tensor) design =
        match design with
        | Averaged(kernels, weighing, _) ->
            Averaged(kernels, weighing, OfLeastEnergy { Name = name; Value = energy })
        | Canonical _
        | Framed _
        | Symmetrised _
        | Sampled _
        | ByFactor _ ->
            refuse $"{design} has no kernel under which an input could be represented; take a quotient."
