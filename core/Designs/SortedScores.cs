using Equivariant.Core.Actions;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <inheritdoc cref="ElementDistribution.Sorted"/>
/// <remarks>
/// Forward, the points are sorted hard. Backward in train mode, the gradient is that of a soft sort with the temperature, straight
/// through: Prillo and Eisenschlos, "SoftSort: A Continuous Relaxation for the argsort Operator" (ICML 2020). Where scores are equal the
/// order is decided by one more random number of each point.
/// </remarks>
public sealed class SortedScores : ElementDistribution
{
    private readonly nn.Module<Tensor, Tensor, Tensor> _scores;
    private readonly double _temperature;
    private readonly double _spread;

    internal SortedScores(nn.Module<Tensor, Tensor, Tensor> scores, int noise, double temperature, double spread)
        : base("sorted scores")
    {
        if (noise < 1)
        {
            throw new EquivariantException($"{noise} random numbers a point leave nothing to chance: give at least 1.");
        }

        if (!(spread >= 0) || double.IsInfinity(spread))
        {
            throw new EquivariantException($"A spread of noise has to be 0 or more, but {spread} was given.");
        }

        _scores = scores;
        _spread = spread;
        _temperature = Checked(temperature);
        NoisePerPoint = noise + 1;
        register_module("scores", scores);
    }

    /// <summary>Random numbers of each point: what the network gets, and one more that decides between equal scores.</summary>
    public int NoisePerPoint { get; }

    /// <inheritdoc/>
    public override void Require(TensorAction input) => _ = Points(input);

    /// <inheritdoc/>
    public override Picks Draw(TensorAction action, Tensor x, int samples, Random random)
    {
        long batch = x.shape[0];
        Tensor rows = PickedRows.Each(samples, batch).Spread(x);
        ScalarType dtype = x.is_floating_point() ? x.dtype : ScalarType.Float32;
        Tensor noise = Noise.Normal(random, [rows.shape[0], Points(action).Points, NoisePerPoint], dtype, x.device);
        return PicksOf(action, rows, noise, batch);
    }

    /// <summary>The elements that given noise picks, one a row: moved along with the points, it picks the elements that go with them.</summary>
    /// <param name="action">How the symmetric group acts.</param>
    /// <param name="x">The batch, <c>[R, …]</c>.</param>
    /// <param name="noise">Standard normal numbers, <c>[R, n, NoisePerPoint]</c>.</param>
    public ElementBatch Elements(TensorAction action, Tensor x, Tensor noise) => PicksOf(action, x, noise, x.shape[0]).Listed(x.device).Elements;

    private static PointSignal Points(TensorAction action) => PointSignal.Of(action, "A distribution of orders");

    private Picks PicksOf(TensorAction action, Tensor rows, Tensor noise, long inputs)
    {
        int n = Points(action).Points;
        Tensor seen = noise.narrow(2, 0, NoisePerPoint - 1) * _spread;
        Tensor numbers = TorchErrors.Explain(
            () => _scores.call(rows, seen),
            () => $"The scores can't be computed on {rows.dtype} rows of shape {DesignChecks.Shape(rows)} with noise of shape {DesignChecks.Shape(seen)}");
        Tensor scores = DesignChecks.PerPoint(numbers, rows.shape[0], n, "The scores of a distribution of orders");
        RankingFrame.RequireComparable(scores.detach(), "The scores of a distribution of orders");

        Tensor order = Order(scores.detach(), noise.select(2, NoisePerPoint - 1));
        ElementBatch elements = ElementBatch.Trusted(action.Group, IndexTables.Inverse(order));
        if (!training || !is_grad_enabled() || !scores.requires_grad)
        {
            return Picks.Each(elements, inputs);
        }

        Tensor distances = (scores.gather(1, order).unsqueeze(2) - scores.unsqueeze(1)).abs();
        return Picks.Each(elements, inputs, new RelaxedElements.Permutations((distances / -_temperature).softmax(2)));
    }

    /// <summary>The points of each row by their scores, and where those are equal by chance.</summary>
    private static Tensor Order(Tensor scores, Tensor chance)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor sorted, Tensor order) = scores.sort(1, false, false);
        long steps = Math.Max(0, scores.shape[1] - 1);
        Tensor tied = sorted.narrow(1, 0, steps).eq(sorted.narrow(1, scores.shape[1] - steps, steps)).any(1).nonzero().flatten();
        if (tied.numel() > 0)
        {
            // Sorted by chance first: a stable sort then leaves equal scores in random order.
            Tensor shuffled = chance.index_select(0, tied).argsort(1);
            order.index_copy_(0, tied, shuffled.gather(1, scores.index_select(0, tied).gather(1, shuffled).sort(1, false, true).Indices));
        }

        return order.MoveToOuterDisposeScope();
    }
}
