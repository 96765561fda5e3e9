using Equivariant.Core.Actions;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// Makes any network equivariant by averaging over a frame, a few elements that the input itself picks:
/// <c>1/|F(x)| Σ_{g∈F(x)} g⁻¹·M(g·x)</c>.
/// </summary>
/// <remarks>
/// The frame has to be equivariant, <c>F(hx) = F(x)h⁻¹</c>; then the model is. It costs <c>|F(x)|</c> evaluations of
/// the model. Where the frame lists the group, finding it needs all <c>|G|</c> transforms of the input, but for some energies
/// (<see cref="TransformEnergy"/>); where it sorts, none.
/// Source: Puny et al., "Frame Averaging for Invariant and Equivariant Network Design" (ICLR 2022).
/// </remarks>
public class FrameAverage : PickedAverage
{
    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output; linear.</param>
    /// <param name="frame">Which elements are in the frame.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or the frame is not for this group and this action.</exception>
    public FrameAverage(
        nn.IModule<Tensor, Tensor> model, TensorAction input, TensorAction output, Frame frame, Evaluation? evaluation = null)
        : this(nameof(FrameAverage), model, input, output, frame, evaluation)
    {
    }

    /// <summary>Wraps a model in a design that has a name of its own.</summary>
    private protected FrameAverage(
        string name, nn.IModule<Tensor, Tensor> model, TensorAction input, TensorAction output, Frame frame, Evaluation? evaluation)
        : base(name, model, frame, frame.Samples, evaluation)
    {
        DesignChecks.RequireOneGroup(input, output);
        frame.Require(input);
        Input = input;
        Output = output;
        Frame = frame;
    }

    /// <summary>How the group acts on the input.</summary>
    public TensorAction Input { get; }

    /// <summary>How the group acts on the output.</summary>
    public TensorAction Output { get; }

    /// <summary>Which elements are in the frame.</summary>
    public Frame Frame { get; }

    /// <inheritdoc/>
    private protected override Picked Pick(Tensor input)
    {
        DesignChecks.RequireInput(Input, input, Frame.TransformsPerInput(Input));
        Picks picks = Frame.Pick(Input, input);
        Tensor transforms = DesignChecks.Transforms(Input, input, () => picks.Transform(Input, input));
        return new Picked(picks.Rows, transforms, values => picks.PullBack(Output, values));
    }
}
