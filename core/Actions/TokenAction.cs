using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>A group that permutes a vocabulary acts on sentences of its tokens, word by word.</summary>
/// <remarks>
/// Tensors are <c>[B, …]</c>, <c>int64</c>, with values below the degree of <see cref="Vocabulary"/>. Tokens that
/// the group does not move (padding, start, end) are fixed points of the vocabulary's permutation action.
/// </remarks>
public sealed class TokenAction : TensorAction
{
    /// <summary>Lets a permutation action on token numbers act on sentences.</summary>
    /// <param name="vocabulary">The action on the numbers <c>0 … V−1</c>.</param>
    public TokenAction(PermutationAction vocabulary)
        : base(vocabulary.Group) => Vocabulary = vocabulary;

    /// <summary>The action on token numbers.</summary>
    public PermutationAction Vocabulary { get; }

    /// <inheritdoc/>
    public override bool IsLinear => false;

    /// <inheritdoc/>
    public override OrbitMap Over(IReadOnlyList<GroupElement> elements) => new TokenMap(elements, Vocabulary);

    /// <inheritdoc/>
    public override TensorAction Restrict(Subgroup subgroup) => new TokenAction(Vocabulary.Restrict(subgroup));

    /// <inheritdoc/>
    public override TensorAction Pullback(GroupHomomorphism homomorphism) => new TokenAction(Vocabulary.Pullback(homomorphism));

    /// <inheritdoc/>
    public override bool ActsAs(TensorAction other) => other is TokenAction tokens && tokens.Vocabulary.ActsAs(Vocabulary);

    /// <inheritdoc/>
    public override string ToString() => $"{Group.Name} on sentences over {Vocabulary.Degree} tokens";

    private sealed class TokenMap : OrbitMap
    {
        private readonly DeviceTensor _images;
        private readonly DeviceTensor _preimages;

        public TokenMap(IReadOnlyList<GroupElement> elements, PermutationAction vocabulary)
            : base(elements.Count)
        {
            _images = IndexTables.Images(elements, vocabulary);
            _preimages = IndexTables.Preimages(elements, vocabulary);
        }

        public override Tensor Expand(Tensor x)
        {
            using Tensor flat = x.reshape(-1);
            using Tensor images = _images.On(x.device).index_select(1, flat);
            return images.view([Count * x.shape[0], .. x.shape[1..]]);
        }

        public override Tensor PullBack(Tensor y) => Lookup(_preimages.On(y.device), y, Rows(y));

        public override Tensor Select(Tensor x, Tensor which) => Lookup(_images.On(x.device), x, which);

        private Tensor Rows(Tensor y) => arange(Count, device: y.device).repeat_interleave(y.shape[0] / Count);

        private static Tensor Lookup(Tensor table, Tensor x, Tensor which)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor row = which.view([x.shape[0], .. Enumerable.Repeat(1L, (int)x.dim() - 1)]);
            return table.index([TensorIndex.Tensor(row), TensorIndex.Tensor(x)]).MoveToOuterDisposeScope();
        }
    }
}
