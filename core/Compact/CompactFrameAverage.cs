using Equivariant.Core.Designs;
using Equivariant.Core.Orbits;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Compact;

/// <summary>Makes any network equivariant under a compact group, by the mean <c>1/K Σ g⁻¹·M(g·x)</c> over a frame that each input picks.</summary>
/// <remarks>
/// For a cloud of points whose order does not matter either, <c>S_n × O(d)</c>, the network is a <see cref="FrameAverage"/> over a frame of
/// <c>S_n</c> itself: the axes of a cloud do not depend on the order of its points.
/// </remarks>
public sealed class CompactFrameAverage : SavedModule<Tensor, Tensor>
{
    private readonly nn.IModule<Tensor, Tensor> _model;

    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network, from <c>[R, …, D]</c> to <c>[R, …, D']</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output.</param>
    /// <param name="frame">Which members are in the frame.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or the frame is not for this action.</exception>
    public CompactFrameAverage(
        nn.IModule<Tensor, Tensor> model, CompactAction input, CompactAction output, CompactFrame frame, Evaluation? evaluation = null)
        : base(nameof(CompactFrameAverage))
    {
        if (!input.Group.Equals(output.Group))
        {
            throw new EquivariantException($"One group has to act on the input and on the output, but {input.Group} and {output.Group} do.");
        }

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
    public CompactAction Input { get; }

    /// <summary>How the group acts on the output.</summary>
    public CompactAction Output { get; }

    /// <summary>Which members are in the frame.</summary>
    public CompactFrame Frame { get; }

    /// <summary>How rows are given to the model.</summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>Evaluations of the model in the last batch, over its number of inputs; 0 before the first.</summary>
    public double EvaluationsPerInput { get; private set; }

    /// <summary>Evaluates the equivariant model.</summary>
    /// <param name="input">The batch, <c>[B, …, D]</c>.</param>
    /// <returns>The outputs, <c>[B, …, D']</c>.</returns>
    /// <exception cref="EquivariantException">The input or the model's values are not what they have to be.</exception>
    public override Tensor forward(Tensor input)
    {
        Input.RequireRows(input);
        using DisposeScope scope = NewDisposeScope();
        Tensor members = Frame.Pick(Input, input);
        long batch = input.shape[0];
        int picks = batch == 0 ? 1 : (int)(members.shape[0] / batch);
        PickedRows rows = PickedRows.Each(picks, batch);
        Tensor values = Evaluation.Evaluate(_model, Input.ApplyEach(members, rows.Spread(input)));
        EvaluationsPerInput = batch == 0 ? 0 : picks;
        return rows.Mean(Output.UndoEach(members, values)).MoveToOuterDisposeScope();
    }
}
