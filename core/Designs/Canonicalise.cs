using Equivariant.Core.Actions;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// Makes any network equivariant by turning each input to a canonical pose and the output back:
/// <c>h(x)·M(h(x)⁻¹·x)</c>, one evaluation of the model for an input without symmetries.
/// </summary>
/// <remarks>
/// The pose is the transform of least energy. Where several tie, as they must for an input that has symmetries of
/// its own, the model is averaged over all of them: without that it would not be equivariant there. An energy of each transform looks at
/// <c>|G|</c> of them; <see cref="TransformEnergy.Linear"/> and <see cref="TransformEnergy.Equivariant"/> find all energies without.
/// Source: Kaba et al., "Equivariance with Learned Canonicalization Functions" (ICML 2023).
/// </remarks>
public sealed class Canonicalise : FrameAverage
{
    /// <summary>Wraps a model, with an energy of the user's.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output; linear.</param>
    /// <param name="energy">From transforms <c>[R, …]</c> to <c>[R]</c>.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    public Canonicalise(
        nn.IModule<Tensor, Tensor> model, TensorAction input, TensorAction output, Func<Tensor, Tensor> energy, Evaluation? evaluation = null)
        : base(model, input, output, Frame.LeastEnergy(energy), evaluation)
    {
    }

    /// <summary>Wraps a model, with an energy that is learned along with it.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output; linear.</param>
    /// <param name="energy">A network from transforms <c>[R, …]</c> to <c>[R]</c> or <c>[R, 1]</c>.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    public Canonicalise(
        nn.IModule<Tensor, Tensor> model, TensorAction input, TensorAction output, nn.Module<Tensor, Tensor> energy, Evaluation? evaluation = null)
        : base(model, input, output, Frame.LeastEnergy(energy), evaluation)
    {
    }

    /// <summary>Wraps a model, with an energy that need not look at every transform.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output; linear.</param>
    /// <param name="energy">The energy, such as <see cref="TransformEnergy.Linear"/>.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    public Canonicalise(
        nn.IModule<Tensor, Tensor> model, TensorAction input, TensorAction output, TransformEnergy energy, Evaluation? evaluation = null)
        : base(model, input, output, Frame.LeastEnergy(energy), evaluation)
    {
    }
}
