using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>How the rows of an orbit are given to the wrapped model.</summary>
/// <param name="Distinct">
/// Evaluate equal rows once. It pays for tokens and for inputs with symmetries of their own; it costs a sort of the
/// rows. With dropout in train mode, equal rows then share one mask.
/// </param>
/// <param name="ChunkRows">The most rows of one call, to bound memory; null for one call whatever the size.</param>
/// <param name="Checkpoint">
/// Forget each call's intermediate values and compute them again for the gradient, so that training needs the memory
/// of one chunk; a third more time, as a rule.
/// </param>
public sealed record Evaluation(bool Distinct = false, int? ChunkRows = null, bool Checkpoint = false)
{
    /// <summary>Every row evaluated, in one call.</summary>
    public static Evaluation Plain { get; } = new();

    /// <summary>Evaluates a model on rows.</summary>
    /// <param name="model">Takes as many tensors as there are inputs and returns one value a row.</param>
    /// <param name="inputs">The inputs, each <c>[R, …]</c>.</param>
    /// <returns>The values, <c>[R, …]</c>. Gradients flow.</returns>
    internal Tensor Evaluate(Func<Tensor[], Tensor> model, params Tensor[] inputs)
    {
        LibTorch.Load();
        using DisposeScope scope = NewDisposeScope();
        if (Distinct && inputs[0].shape[0] > 1)
        {
            (Tensor[] distinct, Tensor inverse) = DistinctRows(inputs);
            return InChunks(model, distinct).index_select(0, inverse).MoveToOuterDisposeScope();
        }

        return InChunks(model, inputs).MoveToOuterDisposeScope();
    }

    private Tensor InChunks(Func<Tensor[], Tensor> model, Tensor[] inputs)
    {
        long rows = inputs[0].shape[0];
        if (ChunkRows is not int size || rows <= size)
        {
            return Call(model, inputs);
        }

        var values = new List<Tensor>();
        for (long from = 0; from < rows; from += size)
        {
            long length = Math.Min(size, rows - from);
            values.Add(Call(model, [.. inputs.Select(x => x.narrow(0, from, length))]));
        }

        return cat(values, 0);
    }

    private Tensor Call(Func<Tensor[], Tensor> model, Tensor[] inputs) =>
        Checkpoint ? Orbits.Checkpoint.Run(model, inputs) : model(inputs);

    /// <summary>The distinct rows, and for every row the number of the distinct row that it equals.</summary>
    private static (Tensor[] Distinct, Tensor Inverse) DistinctRows(Tensor[] inputs)
    {
        long rows = inputs[0].shape[0];
        Tensor[] flat = [.. inputs.Select(x => x.reshape(rows, -1))];
        // Tokens and pixels are compared as numbers of one type; double holds every token number and float exactly.
        bool whole = flat.All(x => !x.is_floating_point());
        Tensor joined = cat([.. flat.Select(x => x.to(whole ? ScalarType.Int64 : ScalarType.Float64))], 1);
        (Tensor distinct, Tensor? inverse, _) = joined.unique(return_inverse: true, dim: 0);
        // Any row of a class stands for it: which of the equal writes wins does not matter.
        Tensor row = empty([distinct.shape[0]], ScalarType.Int64, joined.device)
            .scatter(0, inverse!, arange(rows, device: joined.device));
        return ([.. inputs.Select(x => x.index_select(0, row))], inverse!);
    }
}
