namespace Equivariant

open TorchSharp
open Equivariant.Core.Groups

/// <summary>Over which normal subgroups a design does not evaluate.</summary>
type Kernels =
    /// <summary>The trivial one: the network is evaluated for every element of the group.</summary>
    | NoKernel
    /// <summary>Those that the group's structure gives: for a direct product, the products of all factors but one.</summary>
    | FromStructure
    /// <summary>The given ones.</summary>
    | Given of Group list
    /// <summary>Those that reach the most linear maps with at most so many evaluations.</summary>
    | Within of evaluations: int

/// <summary>How unsure a network is of its answer, from its scores.</summary>
type Loss =
    /// <summary>The entropy of the softmax distribution.</summary>
    | Entropy
    /// <summary>One less the largest probability.</summary>
    | Confidence

/// <summary>How the values over the group become one.</summary>
type Weighing =
    /// <summary>All count equally.</summary>
    | Equal
    /// <summary>By weights that a network with a hidden layer of some width learns: λ-equitune.</summary>
    | Learned of hidden: int
    /// <summary>Only the one of least loss counts: equizero.</summary>
    | Least of Loss

/// <summary>By what a design replaces an input under a kernel: something that the kernel does not change.</summary>
[<NoComparison>]
type Representative =
    /// <summary>The mean over the kernel; for sentences, each word becomes the first of those it may be exchanged with.</summary>
    | Natural
    /// <summary>The member of the kernel's orbit with the least energy.</summary>
    | OfLeastEnergy of Named<torch.Tensor -> torch.Tensor>

/// <summary>How an Eq block makes its network equivariant.</summary>
[<NoComparison; StructuredFormatDisplay("{Text}")>]
type Design =
    /// <summary>A sum over kernels of averages over the cosets of each.</summary>
    | Averaged of Kernels * Weighing * Representative
    /// <summary>Turns the input to the pose of least energy, and the output back.</summary>
    | Canonical of energy: Named<torch.Tensor -> torch.Tensor>

    /// <summary>Reads like <c>quotient, least entropy</c>.</summary>
    member this.Text =
        match this with
        | Canonical energy -> $"canonical by {energy.Name}"
        | Averaged(kernels, weighing, representative) ->
            let family =
                match kernels with
                | NoKernel -> "equitune"
                | FromStructure -> "quotient"
                | Given kernels -> $"""quotient by {kernels |> List.map _.Name |> joined ", "}"""
                | Within evaluations -> $"quotient within {evaluations} evaluations"

            let weighed =
                match weighing with
                | Equal -> family
                | Learned hidden -> $"λ-{family} {hidden}"
                | Least Entropy -> $"{family}, least entropy"
                | Least Confidence -> $"{family}, most confident"

            match representative with
            | Natural -> weighed
            | OfLeastEnergy energy -> $"{weighed}, represented by {energy.Name}"

    override this.ToString() = this.Text

/// <summary>Designs, as they are named in declarations.</summary>
[<AutoOpen>]
module Designs =

    /// <summary>The mean over the whole group: one evaluation for each element.</summary>
    let equitune = Averaged(NoKernel, Equal, Natural)

    /// <summary>
    /// The sum over some normal subgroups of means over their cosets, at the price of the group's structure: |G₁| + … + |G_N|
    /// evaluations for a direct product, not |G₁| · … · |G_N|. Where input and output permute places the subgroups are those that reach most
    /// at that price; a report says which they are and why.
    /// </summary>
    let quotient = Averaged(FromStructure, Equal, Natural)

    /// <summary>The same with a given family of normal subgroups; one that is not normal is refused when the model is checked.</summary>
    let quotientBy (kernels: Group<'e> list) =
        Averaged(Given [ for kernel in kernels -> kernel.Core ], Equal, Natural)

    /// <summary>
    /// The same with the family that reaches the most linear maps with at most so many evaluations; a report says whether that is proved.
    /// </summary>
    let quotientWithin evaluations =
        Averaged(Within evaluations, Equal, Natural)

    /// <summary>Turns inputs to the pose of least energy, and outputs back; the name stands for the energy in comparisons.</summary>
    /// <param name="name">The energy's name.</param>
    /// <param name="energy">From a batch of n inputs to n numbers.</param>
    let canonical name (energy: torch.Tensor -> torch.Tensor) =
        Canonical { Name = name; Value = energy }

    let private weighed weighing design =
        match design with
        | Averaged(kernels, _, representative) -> Averaged(kernels, weighing, representative)
        | Canonical _ ->
            refuse $"{design} takes one value, so there is nothing to weigh; weigh equitune or a quotient."

    /// <summary>Weighs the values by a network that learns how much each counts: λ-equitune.</summary>
    let weighted hidden design = weighed (Learned hidden) design

    /// <summary>Takes the value of least loss only: equizero.</summary>
    let leastLoss loss design = weighed (Least loss) design

    /// <summary>
    /// Replaces an input under a kernel not by the mean, but by the member of its orbit with the least energy: an image
    /// instead of a mean of images. That this commutes with the rest of the group is for the laws to check.
    /// </summary>
    /// <param name="name">The energy's name, which stands for it in comparisons.</param>
    /// <param name="energy">From a batch of n inputs to n numbers.</param>
    /// <param name="design">A quotient design.</param>
    let represented name (energy: torch.Tensor -> torch.Tensor) design =
        match design with
        | Averaged(kernels, weighing, _) ->
            Averaged(kernels, weighing, OfLeastEnergy { Name = name; Value = energy })
        | Canonical _ ->
            refuse $"{design} has no kernel under which an input could be represented; take a quotient."
