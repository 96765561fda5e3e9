using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Which elements of a group an input picks: an equivariant frame <c>F(hx) = F(x)h⁻¹</c>.</summary>
/// <remarks>A frame that looks only at the transforms <c>g·x</c>, each for itself, is equivariant whatever it does with them.</remarks>
public abstract class Frame : nn.Module
{
    /// <summary>Names the module.</summary>
    /// <param name="name">The module's name.</param>
    protected Frame(string name)
        : base(name)
    {
    }

    /// <summary>The transforms of least energy: one as a rule, and all of them where several tie.</summary>
    /// <param name="energy">
    /// From transforms <c>[R, …]</c> to <c>[R]</c> or <c>[R, 1]</c>. As a module it is learned: in train mode
    /// gradients flow to it as if the softmax of the negative energies weighed the transforms.
    /// </param>
    /// <param name="tolerance">Energies this close to the least count as ties.</param>
    public static Frame LeastEnergy(nn.Module<Tensor, Tensor> energy, double tolerance = 0) => new LearnedFrame(energy, tolerance);

    /// <summary>The transforms of least energy, for an energy without parameters.</summary>
    /// <param name="energy">From transforms <c>[R, …]</c> to <c>[R]</c>.</param>
    /// <param name="tolerance">Energies this close to the least count as ties.</param>
    public static Frame LeastEnergy(Func<Tensor, Tensor> energy, double tolerance = 0) => new EnergyFrame(energy, tolerance);

    /// <summary>Weighs the transforms of every input.</summary>
    /// <param name="rows">The transforms, <c>[G·B, …]</c>, one element after the other.</param>
    /// <param name="elements">The number of elements, <c>G</c>.</param>
    /// <returns>Weights <c>[G, B]</c> that add up to one over the elements; zero where an element is not in the frame.</returns>
    public abstract Tensor Weights(Tensor rows, int elements);

    /// <summary>The energies of the transforms, <c>[G, B]</c>.</summary>
    private static Tensor Energies(Func<Tensor, Tensor> energy, Tensor rows, int elements)
    {
        Tensor numbers = TorchErrors.Explain(
            () => energy(rows), () => $"The energy can't be computed on {rows.dtype} rows of shape {DesignChecks.Shape(rows)}");
        return DesignChecks.ComparablePerRow(numbers, rows.shape[0], "The energy").view(elements, -1);
    }

    private static Tensor Least(Tensor energies, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor least = energies.le(energies.amin([0L], keepdim: true) + tolerance).to(energies.dtype);
        return (least / least.sum([0L], keepdim: true)).MoveToOuterDisposeScope();
    }

    private sealed class EnergyFrame(Func<Tensor, Tensor> energy, double tolerance) : Frame("frame")
    {
        public override Tensor Weights(Tensor rows, int elements)
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            return Least(Energies(energy, rows, elements), tolerance).MoveToOuterDisposeScope();
        }
    }

    private sealed class LearnedFrame : Frame
    {
        private readonly nn.Module<Tensor, Tensor> _energy;
        private readonly double _tolerance;

        public LearnedFrame(nn.Module<Tensor, Tensor> energy, double tolerance)
            : base("learned frame")
        {
            _energy = energy;
            _tolerance = tolerance;
            register_module("energy", energy);
        }

        public override Tensor Weights(Tensor rows, int elements)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor energies = Energies(_energy.call, rows, elements);
            Tensor weights = Least(energies.detach(), _tolerance);
            if (training)
            {
                Tensor soft = energies.neg().softmax(0);
                weights = (soft - soft.detach()) * weights.ne(0) + weights;
            }

            return weights.MoveToOuterDisposeScope();
        }
    }
}
