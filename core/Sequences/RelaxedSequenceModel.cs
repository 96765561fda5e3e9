using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>
/// Equituning of all scores but those of some words, which keep what the model says of the sentence as it is: for words
/// that should follow what the sentence names, such as pronouns. So it is no longer equivariant.
/// </summary>
/// <remarks>Source: the relaxed model, R-EquiLM, of Basu et al., "Equi-Tuning: Group Equivariant Fine-Tuning of Pretrained Models" (AAAI 2023).</remarks>
public sealed class RelaxedSequenceModel : QuotientSequenceModel
{
    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network; it becomes a child module.</param>
    /// <param name="source">How the group permutes the source vocabulary.</param>
    /// <param name="target">How it permutes the target vocabulary, and with it the logits.</param>
    /// <param name="own">The target tokens that keep their own scores.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or a token is none of the target vocabulary.</exception>
    public RelaxedSequenceModel(
        SequenceModel model, PermutationAction source, PermutationAction target, IEnumerable<int> own, Evaluation? evaluation = null)
        : base([model], source, target, [QuotientTerm.Equitune(source.Group)], SequenceInvariance.Collapse(), evaluation, new OwnScores(target.Degree, own))
    {
    }

    /// <summary>Null: the scores of some words do not move with the group.</summary>
    public override SequenceSymmetry? Symmetry => null;

    /// <summary>The mean, but for some tokens the value of the identity, which is the first element.</summary>
    private sealed class OwnScores : Reduction
    {
        private readonly DeviceTensor _own;

        public OwnScores(int degree, IEnumerable<int> own)
            : base("own scores of some tokens")
        {
            long[] tokens = [.. own.Select(token => (long)token).Distinct().Order()];
            if (tokens.Any(token => token < 0 || token >= degree))
            {
                throw new EquivariantException(
                    $"Token {tokens.First(token => token < 0 || token >= degree)} can't keep its scores: the vocabulary has the tokens 0 … {degree - 1}.");
            }

            var isOwn = new bool[degree];
            foreach (long token in tokens)
            {
                isOwn[token] = true;
            }

            _own = new DeviceTensor(tensor(isOwn));
        }

        public override Tensor Reduce(Tensor rows, Tensor values, Tensor pulledBack)
        {
            using DisposeScope scope = NewDisposeScope();
            return pulledBack[0].where(_own.On(pulledBack.device), pulledBack.mean([0L])).MoveToOuterDisposeScope();
        }
    }
}
