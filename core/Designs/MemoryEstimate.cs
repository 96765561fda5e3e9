using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>An estimate of the memory that a batch takes in a design.</summary>
/// <remarks>
/// It runs the wrapped models on one row and adds up what their innermost layers from one tensor to one tensor hand
/// on, times the number of rows; other layers, such as recurrent ones, count with their last output only, and
/// kernels' work space not at all. In training all of it is kept, and every parameter has a gradient and Adam's two
/// moments; otherwise only the largest value and its successor are alive at once.
/// </remarks>
public static class MemoryEstimate
{
    /// <summary>Estimates the memory of one batch.</summary>
    /// <param name="design">The design.</param>
    /// <param name="batch">The batch, <c>[B, …]</c>.</param>
    /// <param name="training">Whether it is for training.</param>
    /// <returns>Bytes.</returns>
    public static long Of(QuotientDesign design, Tensor batch, bool training = true)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        long inputs = batch.shape[0], all = inputs * design.EvaluationsPerInput;
        long rows = design.Evaluation.Ranks is { } ranks ? Math.Max(Math.Min(1, all), ranks.Share(all).Length) : all;
        bool forgets = design.Evaluation.Checkpoint || !training;
        long kept = design.Evaluation.ChunkRows is int chunk && forgets ? Math.Min(rows, chunk) : rows;
        long parameters = design.parameters().Sum(Bytes);
        Tensor row = batch.narrow(0, 0, Math.Min(1, inputs));
        long perRow = design.Models.Max(model => ActivationBytes(model, row, training));
        // In parts, there are the rows of one, and what comes in and goes out.
        long part = design.IsInParts ? kept : design.InputsTogether(inputs) * design.EvaluationsPerInput;
        long ends = Bytes(row) * ((design.ForgetsRows || !training) && part < all ? part + (2 * inputs) : all);
        return (parameters * (training ? 4 : 1)) + (perRow * kept) + ends;
    }

    private static long ActivationBytes(nn.IModule<Tensor, Tensor> model, Tensor row, bool training)
    {
        var sizes = new List<long>();
        var hooks = new List<Action>();
        var modes = new List<(nn.Module Layer, bool Training)>();
        if (model is nn.Module whole)
        {
            // Parents come before their parts, and setting a mode sets it for all parts: restored in this order, each
            // has its own again.
            modes.AddRange(whole.modules().Prepend(whole).Select(layer => (layer, layer.training)));
            // Normalisation layers refuse a single row in train mode, or would learn from it.
            whole.eval();
            foreach (nn.Module<Tensor, Tensor> layer in whole.modules().OfType<nn.Module<Tensor, Tensor>>().Where(m => !m.children().Any()))
            {
                hooks.Add(layer.register_forward_hook((_, _, output) =>
                {
                    sizes.Add(Bytes(output));
                    return output;
                }).remove);
            }
        }

        try
        {
            long last = Bytes(model.call(row));
            sizes.Add(last);
        }
        finally
        {
            hooks.ForEach(remove => remove());
            modes.ForEach(mode => mode.Layer.train(mode.Training));
        }

        return training ? sizes.Sum() : sizes.Zip(sizes.Prepend(0), (size, before) => size + before).Max();
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * tensor.element_size();
}
