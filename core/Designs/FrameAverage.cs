using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
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
/// the model; finding the frame may need all <c>|G|</c> transforms of the input.
/// Source: Puny et al., "Frame Averaging for Invariant and Equivariant Network Design" (ICLR 2022).
/// </remarks>
public class FrameAverage : SavedModule<Tensor, Tensor>
{
    private readonly nn.IModule<Tensor, Tensor> _model;
    private readonly OrbitMap _transforms;
    private readonly OrbitMap _inverses;

    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output; linear.</param>
    /// <param name="frame">Which elements are in the frame.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or the group is too large to list.</exception>
    public FrameAverage(
        nn.IModule<Tensor, Tensor> model, TensorAction input, TensorAction output, Frame frame, Evaluation? evaluation = null)
        : base(nameof(FrameAverage))
    {
        DesignChecks.RequireOneGroup(input, output);

        IReadOnlyList<GroupElement> elements = OrbitLimit.List(input.Group);
        _model = model;
        _transforms = input.Over(elements);
        _inverses = output.Over([.. elements.Select(g => g.Inverse())]);
        Frame = frame;
        Evaluation = evaluation ?? Evaluation.Plain;
        Wrapping.Register(this, [model]);
        register_module("frame", frame);
    }

    /// <summary>Which elements are in the frame.</summary>
    public Frame Frame { get; }

    /// <summary>How rows are given to the model.</summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>Evaluations of the model in the last batch, over its number of inputs; 0 before the first.</summary>
    public double EvaluationsPerInput { get; private set; }

    /// <summary>Evaluates the equivariant model.</summary>
    /// <param name="input">The batch, <c>[B, …]</c>.</param>
    /// <returns>The outputs, <c>[B, …]</c>.</returns>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        long batch = input.shape[0];
        Tensor rows = _transforms.Expand(input);
        Tensor weights = Frame.Weights(rows, _transforms.Count);
        Tensor places = weights.detach().ne(0).nonzero();
        Tensor element = places.select(1, 0);
        Tensor which = places.select(1, 1);
        Tensor picked = rows.index_select(0, (element * batch) + which);
        Tensor values = Evaluation.Evaluate(inputs => _model.call(inputs[0]), picked);
        Tensor pulledBack = _inverses.Select(values, element);
        Tensor weight = weights.index([TensorIndex.Tensor(element), TensorIndex.Tensor(which)]).to(values.dtype);
        Tensor weighed = pulledBack * weight.view([-1, .. Enumerable.Repeat(1L, (int)values.dim() - 1)]);
        EvaluationsPerInput = batch == 0 ? 0 : places.shape[0] / (double)batch;
        return zeros([batch, .. values.shape[1..]], values.dtype, values.device)
            .index_add(0, which, weighed, 1).MoveToOuterDisposeScope();
    }
}
