using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Groups;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>
/// <c>Inv_K</c> for sentences: how a source sentence and what has been decoded of its target are replaced by
/// representatives that do not change when the kernel <c>K</c> acts on both.
/// </summary>
/// <remarks>
/// A representative is not fixed by <c>K</c>, so designs that use one need <c>Sym_K</c> on their logits and a
/// complement of <c>K</c> as transversal. And it has to commute with that complement: this is checked when the
/// design is made.
/// </remarks>
public abstract class SequenceInvariance
{
    private protected SequenceInvariance(IReadOnlyList<int> preferredSource, IReadOnlyList<int> preferredTarget)
    {
        PreferredSource = preferredSource;
        PreferredTarget = preferredTarget;
    }

    private protected IReadOnlyList<int> PreferredSource { get; }

    private protected IReadOnlyList<int> PreferredTarget { get; }

    /// <summary>Every token is replaced by the first of its <c>K</c>-orbit: the paper's choice.</summary>
    /// <param name="preferredSource">Source tokens that should represent their orbits; elsewhere the lowest number does.</param>
    /// <param name="preferredTarget">Likewise for target tokens.</param>
    public static SequenceInvariance Collapse(IEnumerable<int>? preferredSource = null, IEnumerable<int>? preferredTarget = null) =>
        new TokenCollapse([.. preferredSource ?? []], [.. preferredTarget ?? []]);

    /// <summary>
    /// The pair of sentences is replaced by the first of its <c>K</c>-orbit, in the lexicographic order: the first
    /// word that <c>K</c> moves decides, and different words of one class stay different.
    /// </summary>
    /// <param name="preferredSource">Source tokens that come first in the order; the others follow by number.</param>
    /// <param name="preferredTarget">Likewise for target tokens.</param>
    public static SequenceInvariance Canonicalise(IEnumerable<int>? preferredSource = null, IEnumerable<int>? preferredTarget = null) =>
        new SentenceCanonicalisation([.. preferredSource ?? []], [.. preferredTarget ?? []]);

    /// <summary>Prepares the map for one term, after checking that it commutes with the term's transversal.</summary>
    internal ISequenceRepresentative Over(QuotientTerm term, PermutationAction source, PermutationAction target)
    {
        if (term.Kernel.Order.IsOne)
        {
            return Verbatim.Instance;
        }

        RequireCommuting(term, source, TokenTable.Ranks(PreferredSource, source.Degree), "source");
        RequireCommuting(term, target, TokenTable.Ranks(PreferredTarget, target.Degree), "target");
        return Prepare(term.Kernel, source, target);
    }

    private protected abstract ISequenceRepresentative Prepare(Subgroup kernel, PermutationAction source, PermutationAction target);

    /// <summary>
    /// The first of an orbit commutes with the transversal when each of its elements keeps the order of preference
    /// within every orbit of the kernel.
    /// </summary>
    private static void RequireCommuting(QuotientTerm term, PermutationAction action, int[] ranks, string side)
    {
        if (term.Complement is null)
        {
            throw new EquivariantException(
                $"A representative under {term.Kernel} is not fixed by it, so the transversal has to be a subgroup: make the term with {nameof(QuotientTerm)}.{nameof(QuotientTerm.Split)}.");
        }

        int[][] orbits = [.. action.Restrict(term.Kernel).Orbits.Select(orbit => orbit.OrderBy(token => ranks[token]).ToArray())];
        foreach (GroupElement generator in term.Complement.Generators)
        {
            int[] image = action.Permutation(generator);
            foreach (int[] orbit in orbits)
            {
                for (int i = 1; i < orbit.Length; i++)
                {
                    if (ranks[image[orbit[i - 1]]] > ranks[image[orbit[i]]])
                    {
                        throw new EquivariantException(
                            $"Representatives under {term.Kernel} do not commute with {generator}: of the {side} tokens {orbit[i - 1]} and {orbit[i]}, one orbit, the first is preferred, but of their images {image[orbit[i - 1]]} and {image[orbit[i]]} the second. Prefer other tokens, or use another kernel.");
                    }
                }
            }
        }
    }

    /// <summary>For the trivial kernel: sentences represent themselves.</summary>
    private sealed class Verbatim : ISequenceRepresentative, ISequenceReader
    {
        public static readonly Verbatim Instance = new();

        public ISequenceReader Read(Tensor source) => this;

        public Tensor Source(Tensor source) => source.alias();

        public Tensor Target(Tensor tokens) => tokens.alias();

        public void Select(Tensor rows)
        {
        }

        public void Dispose()
        {
        }
    }
}

/// <summary>A prepared <c>Inv_K</c>.</summary>
internal interface ISequenceRepresentative
{
    /// <summary>Looks at source sentences <c>[B, S]</c>.</summary>
    ISequenceReader Read(Tensor source);
}

/// <summary>What <c>Inv_K</c> knows of a batch of sentences while their targets are read from left to right.</summary>
internal interface ISequenceReader : IDisposable
{
    /// <summary>Represents the source sentences that were read, <c>[B, S]</c>.</summary>
    Tensor Source(Tensor source);

    /// <summary>Reads the next target tokens and represents them, <c>[B, T] → [B, T]</c>.</summary>
    Tensor Target(Tensor tokens);

    /// <summary>Keeps some of the sentences.</summary>
    void Select(Tensor rows);
}
