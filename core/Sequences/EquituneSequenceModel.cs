using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Orbits;

namespace Equivariant.Core.Sequences;

/// <summary>
/// Makes any sequence model equivariant by averaging over the whole group: the logits are
/// <c>1/|G| Σ_g g⁻¹·M(g·x, g·y)</c>, at <c>|G|</c> evaluations a sentence.
/// </summary>
/// <remarks>
/// With another reduction than the mean, this is λ-equituning (<see cref="Reduction.Weighted"/>, of source tokens <c>[R, S]</c>) or
/// equizero (<see cref="Reduction.LeastLoss"/>, of the scores <c>[R, V]</c> of the first target token), decided for each sentence.
/// Sources: Basu et al., "Equi-Tuning: Group Equivariant Fine-Tuning of Pretrained Models" (AAAI 2023);
/// Basu et al., "Efficient Equivariant Transfer Learning from Pretrained Models" (NeurIPS 2023).
/// </remarks>
public sealed class EquituneSequenceModel : QuotientSequenceModel
{
    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network; it becomes a child module.</param>
    /// <param name="source">How the group permutes the source vocabulary.</param>
    /// <param name="target">How it permutes the target vocabulary, and with it the logits.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <param name="reduction">How the logits of all elements become one; the mean, if left out.</param>
    public EquituneSequenceModel(
        SequenceModel model, PermutationAction source, PermutationAction target, Evaluation? evaluation = null, Reduction? reduction = null)
        : base(model, source, target, [QuotientTerm.Equitune(source.Group)], SequenceInvariance.Collapse(), evaluation, reduction)
    {
    }
}
