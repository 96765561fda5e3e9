using Equivariant.Core.Actions;
using Equivariant.Core.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>A number for each transform of an input, by which frames and canonical poses choose among them: the less, the better.</summary>
public abstract class TransformEnergy
{
    private protected TransformEnergy()
    {
    }

    /// <summary>What is learned along with the model: a module, a parameter, or nothing.</summary>
    internal virtual object? Learned => null;

    /// <summary>Any function, evaluated on all transforms.</summary>
    /// <param name="energy">From transforms <c>[R, …]</c> to <c>[R]</c> or <c>[R, 1]</c>.</param>
    public static TransformEnergy Of(Func<Tensor, Tensor> energy) => new EachTransform(energy, null);

    /// <summary>Any network, evaluated on all transforms, and learned.</summary>
    /// <param name="energy">From transforms <c>[R, …]</c> to <c>[R]</c> or <c>[R, 1]</c>.</param>
    public static TransformEnergy Of(nn.Module<Tensor, Tensor> energy) => new EachTransform(energy.call, energy);

    /// <summary>
    /// The inner product of a transform with some weights, such as a ramp over an image, without a transform of the input: all energies
    /// are one product of the inputs with the <c>|G|</c> transformed weights.
    /// </summary>
    /// <param name="weights">Weights of the shape of one input; learned, if they are a parameter.</param>
    /// <remarks>
    /// In double precision, and energies that differ by no more than its rounding tie. Weights that some element fixes tell nothing from
    /// its transform: all inputs would tie. For linear actions; where one does not just permute, the transforms are made.
    /// </remarks>
    public static TransformEnergy Linear(Tensor weights) => new InnerProduct(weights);

    /// <summary>An equivariant network that gives the energies of all transforms in one pass, and is learned.</summary>
    /// <param name="network">
    /// From inputs <c>[B, …]</c> to <c>[B, |G|]</c>, where the group permutes the outputs as it does its elements, by
    /// <see cref="PermutationAction.Regular"/>: number <c>k</c> is the energy of the transform <c>h⁻¹·x</c>, with <c>h</c> the k-th element.
    /// </param>
    /// <remarks>A network is equivariant up to rounding: give the frame a tolerance above it, where inputs have symmetries of their own.</remarks>
    public static TransformEnergy Equivariant(nn.Module<Tensor, Tensor> network) => new OnePass(network);

    /// <summary>How many transforms of an input are made at once.</summary>
    internal virtual int TransformsPerInput(TensorAction action) => 1;

    /// <summary>The energies of the transforms of all inputs by the elements of a group, <c>[B, |G|]</c>; no NaN.</summary>
    /// <param name="action">How the group acts.</param>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    internal abstract Tensor Over(TensorAction action, Tensor x);

    /// <summary>How far apart energies may be that tie but for rounding, <c>[B, 1]</c>; null where those that tie are equal.</summary>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    internal virtual Tensor? Rounding(Tensor x) => null;

    private static Tensor OfTransforms(Func<Tensor, Tensor> energy, TensorAction action, Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        ElementList list = ListedGroup.Of(action.Group);
        Tensor rows = DesignChecks.Transforms(action, x, () => list.Of(action).Expand(x));
        Tensor numbers = TorchErrors.Explain(
            () => energy(rows), () => $"The energy can't be computed on {rows.dtype} rows of shape {DesignChecks.Shape(rows)}");
        return DesignChecks.ComparablePerRow(numbers, rows.shape[0], "The energy").view(list.Count, x.shape[0]).t().MoveToOuterDisposeScope();
    }

    private sealed class EachTransform(Func<Tensor, Tensor> energy, nn.Module? learned) : TransformEnergy
    {
        internal override object? Learned => learned;

        internal override int TransformsPerInput(TensorAction action) => ListedGroup.Of(action.Group).Count;

        internal override Tensor Over(TensorAction action, Tensor x) => OfTransforms(energy, action, x);
    }

    private sealed class InnerProduct : TransformEnergy
    {
        private readonly Tensor _weights;

        public InnerProduct(Tensor weights)
        {
            TensorChecks.RequireNumbers("A linear energy", weights);
            _weights = weights is Parameter ? weights : weights.detach().clone().DetachFromDisposeScope();
        }

        internal override object? Learned => _weights as Parameter;

        internal override int TransformsPerInput(TensorAction action) => action.IsPermutation ? 1 : ListedGroup.Of(action.Group).Count;

        internal override Tensor Over(TensorAction action, Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            Require(action, x);
            Tensor weights = _weights.to(ScalarType.Float64, x.device);
            Tensor inputs = x.to(ScalarType.Float64);
            if (!action.IsPermutation)
            {
                return OfTransforms(rows => rows.flatten(1).mv(weights.flatten()), action, inputs).MoveToOuterDisposeScope();
            }

            // Permutations keep inner products: ⟨w, g·x⟩ = ⟨g⁻¹·w, x⟩.
            ElementList list = ListedGroup.Of(action.Group);
            Tensor images = list.InversesOf(action).Expand(weights.unsqueeze(0));
            Tensor energies = images.flatten(1).matmul(inputs.flatten(1).t()).t();
            return DesignChecks.ComparablePerRow(energies.flatten(), energies.numel(), "A linear energy").view(energies.shape).MoveToOuterDisposeScope();
        }

        internal override Tensor? Rounding(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            const double Epsilon = 1.0 / (1L << 52);
            Tensor numbers = x.dtype is ScalarType.Float32 or ScalarType.Float64 ? x : x.to(ScalarType.Float32);
            Tensor sizes = numbers.flatten(1).norm(1, keepdim: true) * _weights.to(ScalarType.Float64, x.device).norm();
            return (sizes * (4 * Epsilon * Math.Sqrt(_weights.numel()))).MoveToOuterDisposeScope();
        }

        private void Require(TensorAction action, Tensor x)
        {
            if (!action.IsLinear)
            {
                throw new EquivariantException($"A linear energy is a sum of an input's numbers, but {action}, and not by linear maps: give an energy of the transforms.");
            }

            if (!x.shape.AsSpan(1).SequenceEqual(_weights.shape) || x.is_complex())
            {
                throw new EquivariantException(
                    $"A linear energy with weights {DesignChecks.Shape(_weights)} takes inputs of real numbers, [B, {string.Join(", ", _weights.shape)}], but a {x.dtype} tensor of shape {DesignChecks.Shape(x)} was given.");
            }
        }
    }

    private sealed class OnePass(nn.Module<Tensor, Tensor> network) : TransformEnergy
    {
        internal override object? Learned => network;

        internal override Tensor Over(TensorAction action, Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            ElementList list = ListedGroup.Of(action.Group);
            Tensor numbers = TorchErrors.Explain(
                () => network.call(x), () => $"The network of energies can't be evaluated on {x.dtype} inputs of shape {DesignChecks.Shape(x)}");
            if (!numbers.shape.AsSpan().SequenceEqual([x.shape[0], list.Count]))
            {
                throw new EquivariantException(
                    $"The network of energies has to give one number for each of the {list.Count} elements of {action.Group.Name}, [{x.shape[0]}, {list.Count}], but gave a tensor of shape {DesignChecks.Shape(numbers)}.");
            }

            return DesignChecks.ComparablePerRow(numbers.flatten(), numbers.numel(), "The network of energies").view(numbers.shape)
                .index_select(1, list.InversePositions.On(x.device)).MoveToOuterDisposeScope();
        }
    }
}
