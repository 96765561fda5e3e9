using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Groups;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>Replaces a source sentence and its target together by the lexicographically first pair of their orbit.</summary>
/// <remarks>
/// Reading from left to right, the elements of the kernel that still lead to the first pair are kept; on everything
/// read so far they agree, so tokens already given out stay right when later ones narrow the choice.
/// </remarks>
internal sealed class SentenceCanonicalisation(IReadOnlyList<int> preferredSource, IReadOnlyList<int> preferredTarget)
    : SequenceInvariance(preferredSource, preferredTarget)
{
    private protected override ISequenceRepresentative Prepare(Subgroup kernel, PermutationAction source, PermutationAction target)
    {
        IReadOnlyList<GroupElement> elements = OrbitLimit.ListKernel(kernel);
        return new Representative(
            Ordered.Of(elements, source, TokenTable.Ranks(PreferredSource, source.Degree)),
            Ordered.Of(elements, target, TokenTable.Ranks(PreferredTarget, target.Degree)));
    }

    /// <summary>The kernel's action on tokens, written in places of the order of preference.</summary>
    /// <param name="RankOfImage"><c>[K, V]</c>: the rank of <c>k·token</c>.</param>
    /// <param name="TokenOfRank"><c>[V]</c>.</param>
    private sealed record Ordered(DeviceTensor RankOfImage, DeviceTensor TokenOfRank)
    {
        public static Ordered Of(IReadOnlyList<GroupElement> elements, PermutationAction action, int[] ranks)
        {
            TableLimit.Require(elements.Count, action.Degree, sizeof(long), $"{action.Group} on {action.Name}");
            var images = new long[elements.Count, action.Degree];
            for (int k = 0; k < elements.Count; k++)
            {
                int[] permutation = action.Permutation(elements[k]);
                for (int token = 0; token < permutation.Length; token++)
                {
                    images[k, token] = ranks[permutation[token]];
                }
            }

            var tokens = new long[ranks.Length];
            for (int token = 0; token < ranks.Length; token++)
            {
                tokens[ranks[token]] = token;
            }

            return new Ordered(new DeviceTensor(tensor(images)), new DeviceTensor(tensor(tokens)));
        }
    }

    private sealed class Representative(Ordered source, Ordered target) : ISequenceRepresentative
    {
        public ISequenceReader Read(Tensor tokens) => new Reader(source, target, tokens);
    }

    private sealed class Reader : ISequenceReader
    {
        private readonly Ordered _target;
        private readonly Tensor _source;

        /// <summary><c>[K, B]</c>: which elements lead to the first pair, as far as it has been read.</summary>
        private Tensor _leading;

        public Reader(Ordered source, Ordered target, Tensor tokens)
        {
            _target = target;
            _leading = ones(source.RankOfImage.On(tokens.device).shape[0], tokens.shape[0], dtype: ScalarType.Bool, device: tokens.device)
                .DetachFromDisposeScope();
            _source = Advance(source, tokens).DetachFromDisposeScope();
        }

        public Tensor Source(Tensor source) => _source.alias();

        public Tensor Target(Tensor tokens) => Advance(_target, tokens);

        public void Select(Tensor rows) => Replace(_leading.index_select(1, rows));

        public void Dispose()
        {
            _source.Dispose();
            _leading.Dispose();
        }

        private Tensor Advance(Ordered order, Tensor tokens)
        {
            // No token leaves no choice.
            if (tokens.numel() == 0)
            {
                return tokens.alias();
            }

            using DisposeScope scope = NewDisposeScope();
            Tensor ranks = order.RankOfImage.On(tokens.device).index_select(1, tokens.reshape(-1)).view([-1, .. tokens.shape]);
            Tensor first = ranks[0];
            Tensor found = _leading[0];
            for (int k = 1; k < ranks.shape[0]; k++)
            {
                Tensor better = _leading[k] & (found.logical_not() | Precedes(ranks[k], first));
                first = ranks[k].where(better.unsqueeze(-1), first);
                found = found | better;
            }

            Replace(_leading & ranks.eq(first).all(-1));
            return order.TokenOfRank.On(tokens.device).index_select(0, first.reshape(-1)).view(tokens.shape).MoveToOuterDisposeScope();
        }

        /// <summary>Whether each row of <paramref name="left"/> comes before that of <paramref name="right"/>, <c>[B]</c>.</summary>
        private static Tensor Precedes(Tensor left, Tensor right)
        {
            Tensor difference = (left - right).sign();
            Tensor place = difference.ne(0).to(ScalarType.Int32).argmax(-1, true);
            return difference.gather(-1, place).squeeze(-1) < 0;
        }

        private void Replace(Tensor leading)
        {
            _leading.Dispose();
            _leading = leading.DetachFromDisposeScope();
        }
    }
}
