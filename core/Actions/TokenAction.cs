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

    /// <remarks>Tokens have no gradient.</remarks>
    internal override Tensor? Mix(RelaxedElements elements, Tensor x) => null;

    private protected override Tensor ApplyRows(ElementBatch elements, Tensor x)
    {
        if (elements.IsListed)
        {
            return base.ApplyRows(elements, x);
        }

        using DisposeScope scope = NewDisposeScope();
        return Rename(x, Vocabulary.Images(elements)).MoveToOuterDisposeScope();
    }

    private protected override Tensor UndoRows(ElementBatch elements, Tensor y)
    {
        if (elements.IsListed)
        {
            return base.UndoRows(elements, y);
        }

        using DisposeScope scope = NewDisposeScope();
        return Rename(y, IndexTables.Inverse(Vocabulary.Images(elements))).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Group.Name} on sentences over {Vocabulary.Degree} tokens";

    private sealed class TokenMap : OrbitMap
    {
        private readonly DeviceTensor _images;
        private readonly DeviceTensor _preimages;
        private readonly PermutationAction _vocabulary;

        public TokenMap(IReadOnlyList<GroupElement> elements, PermutationAction vocabulary)
            : base(elements.Count)
        {
            _images = IndexTables.Images(elements, vocabulary);
            _preimages = IndexTables.Preimages(elements, vocabulary);
            _vocabulary = vocabulary;
        }

        protected override Tensor ExpandRows(Tensor x)
        {
            TensorChecks.RequireTokens(_vocabulary, x);
            using Tensor flat = x.reshape(-1);
            using Tensor images = _images.On(x.device).index_select(1, flat);
            return images.view([Count * x.shape[0], .. x.shape[1..]]);
        }

        protected override Tensor PullBackRows(Tensor y) => Lookup(_preimages, y, Rows(y));

        protected override Tensor SelectRows(Tensor x, Tensor which) => Lookup(_images, x, which);

        private Tensor Rows(Tensor y) => arange(Count, device: y.device).repeat_interleave(y.shape[0] / Count);

        private Tensor Lookup(DeviceTensor table, Tensor x, Tensor which)
        {
            TensorChecks.RequireTokens(_vocabulary, x);
            using DisposeScope scope = NewDisposeScope();
            Tensor row = which.view([x.shape[0], .. Enumerable.Repeat(1L, (int)x.dim() - 1)]);
            return table.On(x.device).index([TensorIndex.Tensor(row), TensorIndex.Tensor(x)]).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Row by row, each token's entry in a table of that row, <c>[B, V]</c>.</summary>
    private Tensor Rename(Tensor x, Tensor table)
    {
        TensorChecks.RequireTokens(Vocabulary, x);
        return table.gather(1, x.reshape(x.shape[0], -1)).reshape(x.shape);
    }
}
