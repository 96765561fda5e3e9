using Equivariant.Core.Actions;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <namespacedoc><summary>Designs that make any module equivariant: equitune, quotients, canonical poses, frames, learned distributions; what each costs and captures.</summary></namespacedoc>
/// <summary>
/// Makes any network equivariant under a group by averaging over it: <c>M_G(x) = 1/|G| Σ_g g⁻¹·M(g·x)</c>; with other
/// reductions than the mean, λ-equituning and equizero.
/// </summary>
/// <remarks>
/// It costs <c>|G|</c> evaluations of the model for one input. Source: Basu et al., "Equi-Tuning: Group Equivariant
/// Fine-Tuning of Pretrained Models" (AAAI 2023).
/// </remarks>
public sealed class Equitune : QuotientDesign
{
    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="input">How the group acts on the model's input; need not be linear.</param>
    /// <param name="output">How it acts on the output; linear.</param>
    /// <param name="reduction">How the values over the group become one; the mean, if left out.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    public Equitune(
        nn.IModule<Tensor, Tensor> model,
        TensorAction input,
        TensorAction output,
        Reduction? reduction = null,
        Evaluation? evaluation = null)
        : base(model, input, output, [QuotientTerm.Equitune(input.Group)], reduction, evaluation: evaluation)
    {
    }
}
