using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Energies of transforms, by which frames weigh them.</summary>
internal static class Energies
{
    /// <summary>The energies of the transforms, <c>[G, B]</c>.</summary>
    public static Tensor Of(Func<Tensor, Tensor> energy, Tensor rows, int elements)
    {
        Tensor numbers = TorchErrors.Explain(
            () => energy(rows), () => $"The energy can't be computed on {rows.dtype} rows of shape {DesignChecks.Shape(rows)}");
        return DesignChecks.ComparablePerRow(numbers, rows.shape[0], "The energy").view(elements, -1);
    }

    /// <summary>Weights that are equal for the least energies of each column.</summary>
    public static Tensor Least(Tensor energies, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor least = energies.le(energies.amin([0L], keepdim: true) + tolerance).to(energies.dtype);
        return (least / least.sum([0L], keepdim: true)).MoveToOuterDisposeScope();
    }
}

/// <inheritdoc cref="Frame.LeastEnergy(Func{Tensor, Tensor}, double)"/>
internal sealed class EnergyFrame(Func<Tensor, Tensor> energy, double tolerance) : ListedFrame("frame")
{
    public override Tensor Weights(Tensor rows, int elements)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return Energies.Least(Energies.Of(energy, rows, elements), tolerance).MoveToOuterDisposeScope();
    }
}

/// <inheritdoc cref="Frame.LeastEnergy(nn.Module{Tensor, Tensor}, double)"/>
internal sealed class LearnedFrame : ListedFrame
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
        Tensor energies = Energies.Of(_energy.call, rows, elements);
        Tensor weights = Energies.Least(energies.detach(), _tolerance);
        if (training)
        {
            Tensor soft = energies.neg().softmax(0);
            weights = (soft - soft.detach()) * weights.ne(0) + weights;
        }

        return weights.MoveToOuterDisposeScope();
    }
}

/// <inheritdoc cref="Frame.Continuous"/>
internal sealed class ContinuousFrame : ListedFrame
{
    private readonly Func<Tensor, Tensor> _energy;
    private readonly double _width;

    public ContinuousFrame(Func<Tensor, Tensor> energy, double width)
        : base("continuous frame")
    {
        // Written so that NaN fails.
        if (!(width > 0) || double.IsInfinity(width))
        {
            throw new EquivariantException($"A continuous frame needs a positive width, but {width} was given: at zero it would be a plain frame, which jumps.");
        }

        _energy = energy;
        _width = width;
    }

    public override Tensor Weights(Tensor rows, int elements)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor energies = Energies.Of(_energy, rows, elements);
        Tensor near = (_width - (energies - energies.amin([0L], keepdim: true))).clamp_min(0);
        return (near / near.sum([0L], keepdim: true)).MoveToOuterDisposeScope();
    }
}
