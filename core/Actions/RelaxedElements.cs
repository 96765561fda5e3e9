using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>
/// Group elements that are not quite decided: what the gradient sees of a hard choice. Each row has a mean of permutation matrices
/// in place of a permutation.
/// </summary>
internal abstract class RelaxedElements
{
    /// <summary>The relaxed matrices of an action, <c>[R, n, n]</c>: entry <c>(g·i, i)</c> is 1 for an element <c>g</c> that is decided.</summary>
    /// <exception cref="EquivariantException">The action is built in a way that has no relaxation.</exception>
    public abstract Tensor Matrices(PermutationAction action);

    /// <summary>The relaxed entries of a direct product.</summary>
    public virtual RelaxedElements Part(DirectProduct product, int factor) => throw new EquivariantException(
        $"Relaxed elements of one group can't act through factor {factor} of {product.Name}: choose for each factor.");

    /// <summary>Applies the relaxed elements by whatever action; null where it passes no gradient on.</summary>
    public virtual Tensor? Apply(TensorAction action, Tensor x) => action.Mix(this, x);

    /// <summary>The transposed matrices, which are the inverses of decided ones.</summary>
    public abstract RelaxedElements Inverse();

    /// <summary>Permutations of points, from matrices <c>[R, n, n]</c>.</summary>
    public sealed class Permutations(Tensor matrices) : RelaxedElements
    {
        public override Tensor Matrices(PermutationAction action) => action.IsNatural
            ? matrices
            : throw new EquivariantException(
                $"Permutations of {matrices.shape[^1]} points can't be relaxed on {action.Name}, which they move in another way: build the action from that on the points, by Plus, Times or OfFactor.");

        public override RelaxedElements Inverse() => new Permutations(matrices.transpose(1, 2));
    }

    /// <summary>Elements of a list, from weights <c>[R, T]</c>.</summary>
    public sealed class Choices(ElementList list, Tensor weights, bool inverse = false) : RelaxedElements
    {
        public override Tensor Matrices(PermutationAction action)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor images = action.ImagesOf(list.Codes.On(weights.device));
            Tensor matrices = nn.functional.one_hot(images, action.Degree).to(weights.dtype);
            Tensor mixed = weights.matmul(matrices.flatten(1)).view(-1, action.Degree, action.Degree);
            return (inverse ? mixed : mixed.transpose(1, 2)).MoveToOuterDisposeScope();
        }

        public override Tensor? Apply(TensorAction action, Tensor x)
        {
            if (!action.IsLinear || action is TrivialAction)
            {
                return null;
            }

            using DisposeScope scope = NewDisposeScope();
            OrbitMap map = inverse ? list.InversesOf(action) : list.Of(action);
            Tensor transforms = map.Expand(x).unflatten(0, list.Count, x.shape[0]);
            Tensor each = weights.t().view([list.Count, x.shape[0], .. Enumerable.Repeat(1L, (int)x.dim() - 1)]);
            return (transforms * each.to(x.dtype)).sum([0L]).MoveToOuterDisposeScope();
        }

        public override RelaxedElements Inverse() => new Choices(list, weights, !inverse);
    }

    /// <summary>Elements that are decided, beside others that are not.</summary>
    public sealed class Decided(ElementBatch elements, bool inverse = false) : RelaxedElements
    {
        public override Tensor Matrices(PermutationAction action)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor matrices = nn.functional.one_hot(action.ImagesOf(elements.Codes), action.Degree);
            return (inverse ? matrices : matrices.transpose(1, 2)).MoveToOuterDisposeScope();
        }

        public override RelaxedElements Inverse() => new Decided(elements, !inverse);
    }

    /// <summary>Entries of a direct product.</summary>
    public sealed class Tuple(IReadOnlyList<RelaxedElements> parts) : RelaxedElements
    {
        public override Tensor Matrices(PermutationAction action) => throw new EquivariantException(
            $"A direct product of {parts.Count} groups that moves {action.Name} in a way of its own can't be relaxed: build the action from those of the factors, by OfFactor, Plus and Times.");

        public override RelaxedElements Part(DirectProduct product, int factor) => parts[factor];

        public override RelaxedElements Inverse() => new Tuple([.. parts.Select(part => part.Inverse())]);
    }
}
