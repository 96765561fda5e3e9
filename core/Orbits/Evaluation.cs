using Equivariant.Core.Distributed;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Orbits;

/// <summary>How the rows of an orbit are given to the wrapped model.</summary>
/// <param name="Distinct">
/// Evaluate equal rows once. It pays for tokens and for inputs with symmetries of their own; it costs a sort of the
/// rows. With dropout in train mode, equal rows then share one mask. Where a gradient goes back to the rows, all are
/// evaluated: equal rows have different gradients.
/// </param>
/// <param name="ChunkRows">
/// The most rows of one call, at least 1, to bound memory; null for one call whatever the size. Quotient designs, equituning among
/// them, look at as many inputs together as have so many rows, so functions of rows, such as weights and losses, get those of some
/// inputs; an orbit of more rows is made part by part where it becomes one mean, and else as a whole, of one input at a time. Other designs,
/// and all with <paramref name="Distinct"/> or <paramref name="Ranks"/>, make the rows of all inputs at once.
/// </param>
/// <param name="Checkpoint">
/// Forget each call's intermediate values and compute them again for the gradient, so that training needs the memory
/// of one chunk; a third more time, as a rule. Parameters that a model uses but does not register get their gradient
/// from <c>backward()</c> only.
/// </param>
/// <param name="Ranks">
/// The ranks that share the rows, each of which has the whole input and gets the whole output, every gradient included: an
/// ordinary optimiser works. Null for this process alone. Every rank evaluates the same designs in one order. Dropout draws other
/// masks than one process does, and normalisation over a batch sees a rank's rows, as it sees a chunk's; running means are
/// the mean over ranks.
/// </param>
public sealed record Evaluation(bool Distinct = false, int? ChunkRows = null, bool Checkpoint = false, Ranks? Ranks = null)
{
    /// <summary>The most rows of one call, to bound memory; null for one call whatever the size.</summary>
    /// <exception cref="EquivariantException">The number is below 1.</exception>
    public int? ChunkRows { get; init => field = Checked(value); } = Checked(ChunkRows);

    /// <summary>Every row evaluated, in one call.</summary>
    public static Evaluation Plain { get; } = new();

    /// <summary>Evaluates a model on rows.</summary>
    /// <param name="model">The model, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="rows">The rows, <c>[R, …]</c>.</param>
    /// <param name="collect">
    /// A linear map without parameters, such as the mean over an orbit, to be applied to the values: what ranks exchange is its
    /// result. It is kept for the gradient. The identity, if left out.
    /// </param>
    /// <returns>What <paramref name="collect"/> makes of the values, <c>[R, …]</c>. Gradients flow.</returns>
    /// <exception cref="EquivariantException">The model does not take the rows, or does not give one value a row.</exception>
    internal Tensor Evaluate(nn.IModule<Tensor, Tensor> model, Tensor rows, Func<Tensor, Tensor>? collect = null) =>
        Evaluate(new WrappedModel(model, inputs => model.call(inputs[0])), collect, rows);

    /// <summary>Evaluates a model of two inputs on pairs of rows.</summary>
    /// <inheritdoc cref="Evaluate(nn.IModule{Tensor, Tensor}, Tensor, Func{Tensor, Tensor})"/>
    /// <param name="model">The model, from twice <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="first">The first of each pair, <c>[R, …]</c>.</param>
    /// <param name="second">The second of each pair, <c>[R, …]</c>.</param>
    /// <param name="collect">A linear map of the values.</param>
    internal Tensor Evaluate(nn.IModule<Tensor, Tensor, Tensor> model, Tensor first, Tensor second, Func<Tensor, Tensor>? collect = null) =>
        Evaluate(new WrappedModel(model, inputs => model.call(inputs[0], inputs[1])), collect, first, second);

    /// <summary>Whether rows are evaluated without a look at others: none are compared, and no ranks share them.</summary>
    internal bool IsSeparate => !Distinct && Ranks is not { Count: > 1, IsApart: false };

    /// <summary>Evaluates a model in one call on rows that are made of inputs; with checkpoints only these are kept.</summary>
    /// <param name="model">The model, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="inputs">What is given.</param>
    /// <param name="expand">Makes the rows of it, <c>[R, …]</c>.</param>
    /// <param name="collect">Makes what is wanted of the rows' values, <c>[R, …]</c>, and of what is given.</param>
    internal Tensor Evaluate(WrappedModel model, Tensor[] inputs, Func<Tensor[], Tensor> expand, Func<Tensor, Tensor[], Tensor> collect)
    {
        LibTorch.Load();
        return Call(new WrappedModel(model.Network, Through), inputs);

        Tensor Through(Tensor[] given)
        {
            using DisposeScope scope = NewDisposeScope();
            return collect(model.Call([expand(given)]), given).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Evaluates a model in one call.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">Its inputs, each <c>[R, …]</c>; with checkpoints only these are kept.</param>
    internal Tensor Call(WrappedModel model, Tensor[] inputs) =>
        Checkpoint ? Orbits.Checkpoint.Run(model, inputs) : model.Call(inputs);

    private static int? Checked(int? chunkRows) =>
        chunkRows is null or > 0
            ? chunkRows
            : throw new EquivariantException($"A call of {chunkRows} rows evaluates nothing: {nameof(ChunkRows)} has to be at least 1, or null for one call whatever the size.");

    private Tensor Evaluate(WrappedModel model, Func<Tensor, Tensor>? collect, params Tensor[] inputs)
    {
        LibTorch.Load();
        using DisposeScope scope = NewDisposeScope();
        // Equal rows have one value, but each has a gradient of its own, which one evaluation can't tell apart.
        bool separate = is_grad_enabled() && inputs.Any(x => x.requires_grad);
        (Tensor[] rows, Tensor? inverse) = Distinct && inputs[0].shape[0] > 1 && !separate ? DistinctRows(inputs) : (inputs, null);
        return (Ranks is { Count: > 1, IsApart: false } ranks
            ? RowRegion.Evaluate(ranks, model, rows, inverse, share => InChunks(model, share), collect, ChunkRows)
            : Collect(InChunks(model, rows), inverse, collect)).MoveToOuterDisposeScope();
    }

    /// <summary>From the values of the rows that were evaluated to what is made of the values of all.</summary>
    internal static Tensor Collect(Tensor values, Tensor? inverse, Func<Tensor, Tensor>? collect)
    {
        Tensor all = inverse is null ? values : values.index_select(0, inverse);
        return collect is null ? all : collect(all);
    }

    private Tensor InChunks(WrappedModel model, Tensor[] inputs)
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

    /// <summary>The distinct rows, and for every row the number of the distinct row that it equals.</summary>
    private static (Tensor[] Distinct, Tensor Inverse) DistinctRows(Tensor[] inputs)
    {
        long rows = inputs[0].shape[0];
        Tensor[] keys = [.. inputs.Select(x => Keys(x.detach().reshape(rows, -1)))];
        // Tokens and pixels are compared as numbers of one type; double holds every token number too.
        bool whole = keys.All(key => !key.is_floating_point());
        Tensor joined = cat([.. keys.Select(key => whole ? key : key.to(ScalarType.Float64))], 1);
        (Tensor distinct, Tensor? inverse, _) = joined.unique(return_inverse: true, dim: 0);
        // Any row of a class stands for it: which of the equal writes wins does not matter.
        Tensor row = empty([distinct.shape[0]], ScalarType.Int64, joined.device)
            .scatter(0, inverse!, arange(rows, device: joined.device));
        return ([.. inputs.Select(x => x.index_select(0, row))], inverse!);
    }

    /// <summary>Numbers that are equal only where a model could not tell the entries apart, <c>[R, n] → [R, m]</c>.</summary>
    private static Tensor Keys(Tensor x)
    {
        if (x.is_complex())
        {
            return Keys(x.view_as_real().flatten(1));
        }

        if (!x.is_floating_point())
        {
            return x.to(ScalarType.Int64);
        }

        // Double holds every float; but NaN differs from itself, and -0 equals 0, though their reciprocals differ.
        Tensor wide = x.to(ScalarType.Float64);
        Tensor odd = wide.isnan().to(ScalarType.Float64) + (wide.eq(0) & wide.signbit()).to(ScalarType.Float64).mul(2);
        return odd.any().item<bool>() ? cat([wide.nan_to_num(0, double.PositiveInfinity, double.NegativeInfinity), odd], 1) : wide;
    }
}
