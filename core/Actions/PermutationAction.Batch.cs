using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

public sealed partial class PermutationAction
{
    /// <summary>Whether elements move points as the lists of images that they are packed as.</summary>
    internal bool IsNatural => _batch is BatchMap.Copy;

    /// <summary>Computes the permutations by which many elements act, on the device where they are.</summary>
    /// <param name="elements">Elements of <see cref="Group"/>, <c>R</c> of them.</param>
    /// <returns><c>[R, n]</c>, <c>int64</c>: row <c>r</c> lists the images under element <c>r</c>.</returns>
    /// <remarks>By tensors where the action is built from those of permutation groups; otherwise element by element, each different one once.</remarks>
    /// <exception cref="EquivariantException">The elements are of another group.</exception>
    public Tensor Images(ElementBatch elements)
    {
        if (!Groups.Group.SameGroup(elements.Group.Ambient, Group.Ambient))
        {
            throw new EquivariantException($"{elements} cannot act on {Name}, where {Group.Name} acts.");
        }

        return ImagesOf(elements.Codes);
    }

    /// <summary>The images of all points under packed elements that are known to be in the group, <c>[R, width] → [R, n]</c>.</summary>
    internal Tensor ImagesOf(Tensor codes) => _batch is null ? OneByOne(codes) : _batch.Images(codes);

    /// <summary>Applies elements that are not quite decided to coordinates, <c>[R, P, n, Q]</c>.</summary>
    internal Tensor Mix(RelaxedElements elements, Tensor x) =>
        _batch is null ? BatchMap.Multiply(elements.Matrices(this), x) : _batch.Mix(this, elements, x);

    private Tensor OneByOne(Tensor codes)
    {
        using DisposeScope scope = NewDisposeScope();
        (ElementList list, Tensor positions) = ElementBatch.Trusted(Group, codes).Listed();
        return IndexTables.Images(list.Elements, this).On(codes.device).index_select(0, positions).MoveToOuterDisposeScope();
    }
}
