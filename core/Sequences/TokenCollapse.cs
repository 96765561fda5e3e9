using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Groups;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>Replaces every token by the preferred one of its orbit.</summary>
internal sealed class TokenCollapse(IReadOnlyList<int> preferredSource, IReadOnlyList<int> preferredTarget)
    : SequenceInvariance(preferredSource, preferredTarget)
{
    private protected override ISequenceRepresentative Prepare(Subgroup kernel, PermutationAction source, PermutationAction target) =>
        new Tables(new TokenTable(source.Restrict(kernel), PreferredSource), new TokenTable(target.Restrict(kernel), PreferredTarget));

    /// <summary>Nothing is remembered from one token to the next, so one object reads every batch.</summary>
    private sealed class Tables(TokenTable source, TokenTable target) : ISequenceRepresentative, ISequenceReader
    {
        public ISequenceReader Read(Tensor tokens) => this;

        public Tensor Source(Tensor tokens) => source.Lookup(tokens);

        public Tensor Target(Tensor tokens) => target.Lookup(tokens);

        public void Select(Tensor rows)
        {
        }

        public void Dispose()
        {
        }
    }
}
