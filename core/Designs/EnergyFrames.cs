using Equivariant.Core.Actions;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>A frame of a listed group, by the energies of an input's transforms.</summary>
internal abstract class ByEnergy : Frame
{
    /// <summary>Takes what is learned of the energy along.</summary>
    protected ByEnergy(string name, TransformEnergy energy)
        : base(name)
    {
        Energy = energy;
        switch (energy.Learned)
        {
            case nn.Module module:
                register_module("energy", module);
                break;
            case Parameter parameter:
                register_parameter("energy", parameter);
                break;
        }
    }

    /// <summary>The energy.</summary>
    protected TransformEnergy Energy { get; }

    /// <inheritdoc/>
    public override void Require(TensorAction input) => _ = ListedGroup.Of(input.Group).Of(input);

    /// <inheritdoc/>
    internal override int TransformsPerInput(TensorAction input) => Energy.TransformsPerInput(input);
}

/// <summary>The transforms of least energy, and all of them where several tie.</summary>
internal sealed class LeastEnergyFrame(TransformEnergy energy, double tolerance) : ByEnergy(energy.Learned is null ? "frame" : "learned frame", energy)
{
    public override Picks Pick(TensorAction action, Tensor x)
    {
        ElementList list = ListedGroup.Of(action.Group);
        bool learns = training && is_grad_enabled() && Energy.Learned is not null;
        using IDisposable? noGradient = learns ? null : no_grad();
        Tensor energies = Energy.Over(action, x);
        Tensor least = Least(energies.detach(), Energy.Rounding(x));
        if (!learns)
        {
            return Picks.Chosen(list, least);
        }

        // As if the softmax of the negative energies weighed the transforms that are chosen.
        Tensor soft = energies.neg().softmax(1);
        Tensor hard = least.to(energies.dtype);
        return Picks.Weighed(list, ((soft - soft.detach()) * hard) + (hard / hard.sum([1L], keepdim: true)));
    }

    /// <summary>Which energies of each row are the least, or as good as that.</summary>
    private Tensor Least(Tensor energies, Tensor? rounding)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor bound = energies.amin([1L], keepdim: true);
        bound = tolerance == 0 ? bound : bound + tolerance;
        return energies.le(rounding is null ? bound : bound + rounding).MoveToOuterDisposeScope();
    }
}

/// <inheritdoc cref="Frame.Continuous(TransformEnergy, double)"/>
internal sealed class ContinuousFrame : ByEnergy
{
    private readonly double _width;

    public ContinuousFrame(TransformEnergy energy, double width)
        : base("continuous frame", energy)
    {
        // Written so that NaN fails.
        if (!(width > 0) || double.IsInfinity(width))
        {
            throw new EquivariantException($"A continuous frame needs a positive width, but {width} was given: at zero it would be a plain frame, which jumps.");
        }

        _width = width;
    }

    public override Picks Pick(TensorAction action, Tensor x)
    {
        Tensor energies = Energy.Over(action, x);
        Tensor near = (_width - (energies - energies.amin([1L], keepdim: true))).clamp_min(0);
        return Picks.Weighed(ListedGroup.Of(action.Group), near / near.sum([1L], keepdim: true));
    }
}
