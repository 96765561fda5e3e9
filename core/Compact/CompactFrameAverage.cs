using Equivariant.Core.Designs;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Compact;

/// <summary>Makes any network equivariant under a compact group, by the mean <c>1/K Σ g⁻¹·M(g·x)</c> over a frame that each input picks.</summary>
/// <remarks>
/// For a cloud of points whose order does not matter either, <c>S_n × O(d)</c>, the network is a <see cref="FrameAverage"/> over a frame of
/// <c>S_n</c> itself: the axes of a cloud do not depend on the order of its points.
/// </remarks>
public sealed class CompactFrameAverage : PickedAverage
{
    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network, from <c>[R, …, D]</c> to <c>[R, …, D']</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output.</param>
    /// <param name="frame">Which members are in the frame.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or the frame is not for this action.</exception>
    public CompactFrameAverage(
        nn.IModule<Tensor, Tensor> model, CompactAction input, CompactAction output, CompactFrame frame, Evaluation? evaluation = null)
        : base(nameof(CompactFrameAverage), model, frame, frame.Samples, evaluation)
    {
        if (!input.Group.Equals(output.Group))
        {
            throw new EquivariantException($"One group has to act on the input and on the output, but {input.Group} and {output.Group} do.");
        }

        frame.Require(input);
        Input = input;
        Output = output;
        Frame = frame;
    }

    /// <summary>How the group acts on the input.</summary>
    public CompactAction Input { get; }

    /// <summary>How the group acts on the output.</summary>
    public CompactAction Output { get; }

    /// <summary>Which members are in the frame.</summary>
    public CompactFrame Frame { get; }

    /// <inheritdoc/>
    private protected override Picked Pick(Tensor input)
    {
        Input.RequireRows(input);
        Tensor members = Frame.Pick(Input, input);
        long batch = input.shape[0];
        PickedRows rows = PickedRows.Each(batch == 0 ? 1 : (int)(members.shape[0] / batch), batch);
        return new Picked(rows, Input.ApplyEach(members, rows.Spread(input)), values => Output.UndoEach(members, values));
    }
}
