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

/// <summary>How an Eq block makes its network equivariant.</summary>
[<NoComparison; StructuredFormatDisplay("{Text}")>]
type Design =
    /// <summary>A sum over kernels of averages over the cosets of each.</summary>
    | Averaged of Kernels * Weighing
    /// <summary>Turns the input to the pose of least energy, and the output back.</summary>
    | Canonical of energy: Named<torch.Tensor -> torch.Tensor>

    /// <summary>Reads like <c>quotient, least entropy</c>.</summary>
    member this.Text =
        match this with
        | Canonical energy -> $"canonical by {energy.Name}"
        | Averaged(kernels, weighing) ->
            let family =
                match kernels with
                | NoKernel -> "equitune"
                | FromStructure -> "quotient"
                | Given kernels -> $"""quotient by {kernels |> List.map _.Name |> joined ", "}"""
                | Within evaluations -> $"quotient within {evaluations} evaluations"

            match weighing with
            | Equal -> family
            | Learned hidden -> $"λ-{family} {hidden}"
            | Least Entropy -> $"{family}, least entropy"
            | Least Confidence -> $"{family}, most confident"

    override this.ToString() = this.Text

/// <summary>Designs, as they are named in declarations.</summary>
[<AutoOpen>]
module Designs =

    /// <summary>The mean over the whole group: one evaluation for each element.</summary>
    let equitune = Averaged(NoKernel, Equal)

    /// <summary>
    /// The sum over the normal subgroups that the group's structure gives, of means over their cosets: |G₁| + … + |G_N|
    /// evaluations for a direct product, not |G₁| · … · |G_N|.
    /// </summary>
    let quotient = Averaged(FromStructure, Equal)

    /// <summary>The same with a given family of normal subgroups; one that is not normal is refused when the model is checked.</summary>
    let quotientBy (kernels: Group<'e> list) =
        Averaged(Given [ for kernel in kernels -> kernel.Core ], Equal)

    /// <summary>The same with the family that reaches the most linear maps with at most so many evaluations.</summary>
    let quotientWithin evaluations = Averaged(Within evaluations, Equal)

    /// <summary>Turns inputs to the pose of least energy, and outputs back; the name stands for the energy in comparisons.</summary>
    /// <param name="name">The energy's name.</param>
    /// <param name="energy">From a batch of n inputs to n numbers.</param>
    let canonical name (energy: torch.Tensor -> torch.Tensor) =
        Canonical { Name = name; Value = energy }

    let private weighed weighing design =
        match design with
        | Averaged(kernels, _) -> Averaged(kernels, weighing)
        | Canonical _ ->
            refuse $"{design} takes one value, so there is nothing to weigh; weigh equitune or a quotient."

    /// <summary>Weighs the values by a network that learns how much each counts: λ-equitune.</summary>
    let weighted hidden design = weighed (Learned hidden) design

    /// <summary>Takes the value of least loss only: equizero.</summary>
    let leastLoss loss design = weighed (Least loss) design
