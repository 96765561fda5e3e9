using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Orbits;

namespace Equivariant.Core.Sequences;

/// <summary>
/// Makes any sequence model equivariant by averaging over the whole group: the logits are
/// <c>1/|G| Σ_g g⁻¹·M(g·x, g·y)</c>, at <c>|G|</c> evaluations a sentence.
/// </summary>
/// <remarks>Source: Basu et al., "Equi-Tuning: Group Equivariant Fine-Tuning of Pretrained Models" (AAAI 2023).</remarks>
public sealed class EquituneSequenceModel : QuotientSequenceModel
{
    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network; it becomes a child module.</param>
    /// <param name="source">How the group permutes the source vocabulary.</param>
    /// <param name="target">How it permutes the target vocabulary, and with it the logits.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    public EquituneSequenceModel(SequenceModel model, PermutationAction source, PermutationAction target, Evaluation? evaluation = null)
        : base(model, source, target, [QuotientTerm.Equitune(source.Group)], SequenceInvariance.Collapse(), evaluation)
    {
    }
}
