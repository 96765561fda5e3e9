using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>A mean weighted by the rows: one number is asked of each, and those of an orbit become weights.</summary>
/// <param name="name">The module's name.</param>
internal abstract class RowWeights(string name) : Reduction(name)
{
    /// <summary>Asks for a number of each row, <c>[R, …] → [R]</c>, whatever the others are.</summary>
    public abstract Tensor Ask(Tensor rows);

    /// <summary>The weights that the numbers of orbits come to, <c>[T, B]</c>; those of an orbit add up to one.</summary>
    public abstract Tensor Weights(Tensor numbers);

    /// <inheritdoc/>
    public override Tensor Reduce(Tensor rows, Tensor values, Tensor pulledBack)
    {
        using DisposeScope scope = NewDisposeScope();
        return Weigh(pulledBack, Weights(Ask(rows).view(pulledBack.shape[..2]))).MoveToOuterDisposeScope();
    }

    /// <summary>λ-equituning by the softmax of what a network gives.</summary>
    internal sealed class ByNetwork : RowWeights
    {
        private readonly nn.Module<Tensor, Tensor> _logarithm;

        public ByNetwork(nn.Module<Tensor, Tensor> logarithm)
            : base("weighted mean")
        {
            _logarithm = logarithm;
            register_module("logarithm", logarithm);
        }

        public override Tensor Ask(Tensor rows) => NumbersOf(_logarithm.call, rows, "The network of the weights");

        public override Tensor Weights(Tensor numbers)
        {
            Tensor weights = numbers.softmax(0);
            DesignChecks.RefuseWrong(weights, it => it.isnan(), () =>
                "The network of the weights gives NaN, infinity, or minus infinity on a whole orbit: no weights follow from that. Look at its input and its training.");
            return weights;
        }
    }

    /// <summary>λ-equituning by what a function gives.</summary>
    internal sealed class ByFunction(Func<Tensor, Tensor> lambda) : RowWeights("fixed weights")
    {
        public override Tensor Ask(Tensor rows) => NumbersOf(lambda, rows, "The weight function");

        public override Tensor Weights(Tensor numbers)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor fair = numbers.ge(0) & numbers.lt(double.PositiveInfinity);
            DesignChecks.RefuseWrong(fair, it => it.logical_not(), () =>
                "The weight function has to give weights that are finite and not negative, but some are negative, infinite or NaN.");

            // Divided by the largest first, so that the sum stays finite.
            Tensor largest = numbers.amax([0L], keepdim: true);
            DesignChecks.RefuseWrong(largest, it => it.eq(0), () =>
                "The weight function gives zero on a whole orbit, so no transform counts there: let at least one weight of each orbit be positive.");
            // Nothing by nothing is NaN, where a weight is wrong.
            Tensor sound = fair.to(numbers.dtype);
            Tensor relative = numbers / largest * (sound / sound);
            return (relative / relative.sum([0L], keepdim: true)).MoveToOuterDisposeScope();
        }
    }
}
