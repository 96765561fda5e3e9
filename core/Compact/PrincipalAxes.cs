using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Compact;

/// <inheritdoc cref="CompactFrame.PrincipalAxes"/>
public sealed class PrincipalAxes : CompactFrame
{
    /// <summary>Moments below this part of the points' squared distances from the origin are none.</summary>
    private const double Rounding = 1e-6;

    private readonly Random _random;
    private readonly double _tolerance;

    internal PrincipalAxes(Random random, double tolerance)
        : base("principal axes")
    {
        _random = random;
        _tolerance = tolerance;
    }

    /// <summary>How many inputs of the last batch had degenerate axes, so that their outputs are right in expectation only.</summary>
    public long LastDegenerate { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="EquivariantException">There are no vectors among what the group acts on.</exception>
    public override void Require(CompactAction input) => _ = PlaceOfPositions(input);

    /// <inheritdoc/>
    public override Tensor Pick(CompactAction action, Tensor x)
    {
        int place = PlaceOfPositions(action);
        if (x.dim() != 3)
        {
            throw new EquivariantException($"Principal axes are those of clouds of points, [B, n, {action.Width}], but a tensor of shape [{string.Join(", ", x.shape)}] was given.");
        }

        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor positions = action.Part(x, place).to(ScalarType.Float64);
        if (!positions.isfinite().all().item<bool>())
        {
            throw new EquivariantException("Some positions are NaN or infinite, so that the cloud has no principal axes: look at what they are computed from.");
        }

        Tensor centred = positions - positions.mean([1L], keepdim: true);
        (Tensor moments, Tensor axes) = linalg.eigh(centred.transpose(1, 2).matmul(centred));
        // Of points in one place the moments are rounding errors, in no proportion to each other.
        Tensor rounding = positions.square().sum([1L, 2L]) * Rounding;
        Tensor turned = TurnDegenerate(moments, (moments.select(1, action.Group.Dimension - 1) + rounding) * _tolerance, axes);
        return Senses(action.Group, turned.transpose(1, 2)).MoveToOuterDisposeScope();
    }

    private static int PlaceOfPositions(CompactAction action)
    {
        int place = action.Kinds.ToList().IndexOf(VectorKind.Vector);
        return place >= 0 ? place : throw new EquivariantException($"Principal axes are those of positions, the first vectors of an input, but {action} has none.");
    }

    /// <summary>Both senses of every axis: rows of the matrices with either sign, without those that reflect where reflections do not belong.</summary>
    private static Tensor Senses(CompactGroup group, Tensor matrices)
    {
        int d = group.Dimension;
        int free = group.HasReflections ? d : d - 1;
        var senses = new List<Tensor>();
        for (int choice = 0; choice < 1 << free; choice++)
        {
            double[] signs = [.. Enumerable.Range(0, d).Select(axis => (choice >> axis & 1) == 0 ? 1.0 : -1.0)];
            Tensor signed = matrices * tensor(signs, device: matrices.device).view(1, d, 1);
            if (!group.HasReflections)
            {
                Tensor last = signed.narrow(1, d - 1, 1) * signed.det().sign().view(-1, 1, 1);
                signed = cat([signed.narrow(1, 0, d - 1), last], 1);
            }

            senses.Add(signed);
        }

        return cat(senses, 0);
    }

    /// <summary>Turns the axes of equal moments among each other, at random: an eigensolver's choice would not turn with the cloud.</summary>
    /// <param name="moments">The moments, <c>[B, d]</c>, in increasing order.</param>
    /// <param name="gaps">Up to which difference they count as equal, <c>[B]</c>.</param>
    /// <param name="axes">The axes, <c>[B, d, d]</c>.</param>
    private Tensor TurnDegenerate(Tensor moments, Tensor gaps, Tensor axes)
    {
        (long batch, int d) = (moments.shape[0], (int)moments.shape[1]);
        double[] values = moments.cpu().contiguous().data<double>().ToArray();
        double[] most = gaps.cpu().contiguous().data<double>().ToArray();
        List<(long Row, int From, int Length)> blocks = [];
        for (long row = 0; row < batch; row++)
        {
            ReadOnlySpan<double> own = values.AsSpan((int)row * d, d);
            double gap = most[row];
            for (int from = 0, to; from < d; from = to)
            {
                for (to = from + 1; to < d && own[to] - own[to - 1] <= gap; to++)
                {
                }

                if (to - from > 1)
                {
                    blocks.Add((row, from, to - from));
                }
            }
        }

        LastDegenerate = blocks.Select(block => block.Row).Distinct().LongCount();
        if (blocks.Count == 0)
        {
            return axes;
        }

        Tensor turned = axes.clone();
        foreach ((long row, int from, int length) in blocks)
        {
            Tensor block = turned[row].narrow(1, from, length);
            block.copy_(block.matmul(CompactGroup.Orthogonal(length).Random(1, _random, axes.device)[0]));
        }

        return turned;
    }
}
