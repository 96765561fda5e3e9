using Equivariant.Core.Actions;
using Equivariant.Core.Orbits;
using Equivariant.Core.Serialization;
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
public class FrameAverage : SavedModule<Tensor, Tensor>
{
    private readonly nn.IModule<Tensor, Tensor> _model;

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
        : base(name)
    {
        DesignChecks.RequireOneGroup(input, output);
        frame.Require(input);
        _model = model;
        Input = input;
        Output = output;
        Frame = frame;
        Evaluation = evaluation ?? Evaluation.Plain;
        Wrapping.Register(this, [model]);
        register_module("frame", frame);
    }

    /// <summary>How the group acts on the input.</summary>
    public TensorAction Input { get; }

    /// <summary>How the group acts on the output.</summary>
    public TensorAction Output { get; }

    /// <summary>Which elements are in the frame.</summary>
    public Frame Frame { get; }

    /// <summary>How rows are given to the model.</summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>Evaluations of the model in the last batch, over its number of inputs; 0 before the first.</summary>
    public double EvaluationsPerInput { get; private set; }

    /// <summary>Evaluates the equivariant model.</summary>
    /// <param name="input">The batch, <c>[B, …]</c>.</param>
    /// <returns>The outputs, <c>[B, …]</c>.</returns>
    /// <exception cref="EquivariantException">The input, the frame's weights or the model's values are not what they have to be.</exception>
    public override Tensor forward(Tensor input)
    {
        DesignChecks.RequireInput(Input, input, Frame.TransformsPerInput(Input));
        using DisposeScope scope = NewDisposeScope();
        Picks picks = Frame.Pick(Input, input);
        Tensor rows = DesignChecks.Transforms(Input, input, () => picks.Transform(Input, input));
        Tensor values = Evaluation.Evaluate(_model, rows);
        Tensor pulledBack = picks.PullBack(Output, values);
        EvaluationsPerInput = input.shape[0] == 0 ? 0 : picks.Count / (double)input.shape[0];
        Tensor mean = picks.Mean(pulledBack);
        Observe(pulledBack, mean);
        return mean.MoveToOuterDisposeScope();
    }

    /// <summary>Looks at the values that are averaged, <c>[R, …]</c>, and at their means, <c>[B, …]</c>.</summary>
    private protected virtual void Observe(Tensor pulledBack, Tensor mean)
    {
    }
}
