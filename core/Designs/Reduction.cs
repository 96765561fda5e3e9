using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// How the pulled-back values over a transversal become one value: a weighted mean whose weights may depend on the
/// rows, but on nothing else, which keeps every design equivariant; or what treats each component alike, such as the
/// largest, which does so where the group only moves components.
/// </summary>
/// <remarks>
/// It is a module, for the parameters that its weights may have: registered, saved and trained with the design.
/// </remarks>
public abstract class Reduction : nn.Module
{
    /// <summary>Names the module.</summary>
    /// <param name="name">The module's name.</param>
    protected Reduction(string name)
        : base(name)
    {
    }

    /// <summary>Whether this is the plain mean, which needs no look at the rows.</summary>
    internal virtual bool IsMean => false;

    /// <summary>
    /// Whether it is a weighted mean, which commutes with every linear action. One that is not has to treat each
    /// component alike: designs symmetrise the values before it, and refuse outputs that a group does not just permute.
    /// </summary>
    public virtual bool IsLinear => true;

    /// <summary>The plain mean: equituning.</summary>
    public static Reduction Mean() => new MeanReduction();

    /// <summary>
    /// λ-equituning: weights <c>λ(t·x) / Σ_t λ(t·x)</c> with <c>λ = exp(network)</c>, so that they are never negative.
    /// </summary>
    /// <param name="logarithm">
    /// The network <c>log λ</c>, from rows <c>[R, …]</c> as the model gets them to <c>[R]</c> or <c>[R, 1]</c>.
    /// A constant network gives the mean. What it says of a row must not depend on others: rows may come in chunks.
    /// </param>
    /// <remarks>Source: Basu et al., "Efficient Equivariant Transfer Learning from Pretrained Models" (NeurIPS 2023).</remarks>
    public static Reduction Weighted(nn.Module<Tensor, Tensor> logarithm) => new RowWeights.ByNetwork(logarithm);

    /// <summary>λ-equituning with a small network of its own: one hidden layer on the flattened row.</summary>
    /// <param name="features">The number of components of a row.</param>
    /// <param name="hidden">The width of the hidden layer.</param>
    public static Reduction Learned(long features, long hidden = 16) =>
        Weighted(nn.Sequential(nn.Flatten(1), nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, 1)));

    /// <summary>λ-equituning with fixed weights.</summary>
    /// <param name="lambda">From rows <c>[R, …]</c> to weights <c>[R]</c>, none negative, not all zero on an orbit.</param>
    public static Reduction Fixed(Func<Tensor, Tensor> lambda) => new RowWeights.ByFunction(lambda);

    /// <summary>
    /// Equizero: only the row counts whose value has the least loss. Rows that tie count equally, so that symmetric
    /// inputs keep the design equivariant.
    /// </summary>
    /// <param name="loss">The proxy loss, such as <see cref="ProxyLoss.Entropy"/>, of values <c>[R, …]</c>; gives <c>[R]</c>.</param>
    /// <param name="straightThrough">Whether gradients flow as if the reduction were the mean, in train mode.</param>
    /// <remarks>Source: Basu et al., "Efficient Equivariant Transfer Learning from Pretrained Models" (NeurIPS 2023).</remarks>
    public static Reduction LeastLoss(Func<Tensor, Tensor> loss, bool straightThrough = true) =>
        new LeastLossReduction(loss, straightThrough);

    /// <summary>
    /// The largest of each component, whichever row gives it: equizero as published for classifiers, where each class
    /// gets its greatest probability. For outputs that the group permutes or leaves alone.
    /// </summary>
    /// <param name="straightThrough">Whether gradients flow as if the reduction were the mean, in train mode.</param>
    /// <remarks>Source: Basu et al., "Efficient Equivariant Transfer Learning from Pretrained Models" (NeurIPS 2023), its published code.</remarks>
    public static Reduction Largest(bool straightThrough = true) => new LargestReduction(straightThrough);

    /// <summary>Reduces over the transversal.</summary>
    /// <param name="rows">The model's inputs, <c>[T·B, …]</c>.</param>
    /// <param name="values">The model's values there, <c>[T·B, …]</c>.</param>
    /// <param name="pulledBack">The same values pulled back, <c>[T, B, …]</c>.</param>
    /// <returns>The reduced values, <c>[B, …]</c>.</returns>
    public abstract Tensor Reduce(Tensor rows, Tensor values, Tensor pulledBack);

    /// <inheritdoc cref="Reduce"/>
    /// <remarks>What does not count need not be pulled back.</remarks>
    internal virtual Tensor ReduceWhatCounts(Tensor rows, Tensor values, PulledBack pulledBack) => Reduce(rows, values, pulledBack.All());

    /// <summary>The weighted sum over the first axis, with weights <c>[T, B]</c> that add up to one.</summary>
    internal static Tensor Weigh(Tensor pulledBack, Tensor weights) =>
        (pulledBack * weights.to(pulledBack.dtype).view([.. weights.shape, .. Enumerable.Repeat(1L, (int)pulledBack.dim() - 2)])).sum([0L]);

    /// <summary>Whether a chosen value has the gradient of the mean.</summary>
    private bool IsThrough(bool straightThrough) => straightThrough && training && is_grad_enabled();

    /// <summary>A chosen value; where it trains straight through, with the gradient of the mean.</summary>
    private Tensor Through(Func<Tensor> choose, Tensor pulledBack, bool straightThrough)
    {
        if (!IsThrough(straightThrough))
        {
            return choose();
        }

        Tensor mean = pulledBack.mean([0L]);
        using IDisposable noGrad = no_grad();
        Tensor difference = choose() - mean;
        using IDisposable grad = enable_grad();
        return mean + difference;
    }

    /// <summary>Asks somebody for one number a row, <c>[R]</c>.</summary>
    private protected static Tensor NumbersOf(Func<Tensor, Tensor> somebody, Tensor rows, string what)
    {
        Tensor numbers = TorchErrors.Explain(
            () => somebody(rows), () => $"{what} can't be evaluated on {rows.dtype} rows of shape {DesignChecks.Shape(rows)}");
        return DesignChecks.PerRow(numbers, rows.shape[0], what);
    }

    private sealed class MeanReduction() : Reduction("mean")
    {
        internal override bool IsMean => true;

        public override Tensor Reduce(Tensor rows, Tensor values, Tensor pulledBack) => pulledBack.mean([0L]);
    }

    private sealed class LeastLossReduction(Func<Tensor, Tensor> loss, bool straightThrough) : Reduction("least loss")
    {
        public override Tensor Reduce(Tensor rows, Tensor values, Tensor pulledBack)
        {
            using DisposeScope scope = NewDisposeScope();
            return MeanOf(Least(values, pulledBack.shape[..2]), pulledBack).MoveToOuterDisposeScope();
        }

        internal override Tensor ReduceWhatCounts(Tensor rows, Tensor values, PulledBack pulledBack)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor least = Least(values, pulledBack.Shape);
            // Elsewhere than on a CPU, looking whether rows tie would wait for the device.
            bool isOne = values.device_type == DeviceType.CPU && !IsThrough(straightThrough) && least.sum().item<long>() == pulledBack.Shape[1];
            return (isOne ? pulledBack.Only(least.to(ScalarType.Byte).argmax(0)) : MeanOf(least, pulledBack.All())).MoveToOuterDisposeScope();
        }

        /// <summary>Which rows have the least loss of their orbit, <c>[T, B]</c>.</summary>
        private Tensor Least(Tensor values, long[] shape)
        {
            Tensor losses = NumbersOf(loss, values.detach(), "The proxy loss").view(shape);
            DesignChecks.RefuseWrong(losses, it => it.isnan(), () => DesignChecks.NoneIsLeast("The proxy loss", values.shape[0]));
            return losses.eq(losses.amin([0L], keepdim: true));
        }

        private Tensor MeanOf(Tensor least, Tensor pulledBack)
        {
            Tensor equal = least.to(pulledBack.dtype);
            return Through(() => Weigh(pulledBack, equal / equal.sum([0L], keepdim: true)), pulledBack, straightThrough);
        }
    }

    private sealed class LargestReduction(bool straightThrough) : Reduction("largest")
    {
        public override bool IsLinear => false;

        public override Tensor Reduce(Tensor rows, Tensor values, Tensor pulledBack)
        {
            using DisposeScope scope = NewDisposeScope();
            return Through(() => pulledBack.amax([0L]), pulledBack, straightThrough).MoveToOuterDisposeScope();
        }
    }
}
