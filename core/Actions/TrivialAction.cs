using Equivariant.Core.Groups;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <namespacedoc><summary>How groups move tensors: along axes, on grids, as tokens; orbits of points and of pairs.</summary></namespacedoc>
/// <summary>The action that moves nothing: with it on the output, equivariance is invariance.</summary>
/// <param name="group">The group that acts.</param>
public sealed class TrivialAction(Group group) : TensorAction(group)
{
    /// <inheritdoc/>
    public override bool IsLinear => true;

    /// <inheritdoc/>
    public override bool IsPermutation => true;

    /// <inheritdoc/>
    public override OrbitMap Over(IReadOnlyList<GroupElement> elements) => new Repetition(elements.Count);

    /// <inheritdoc/>
    public override GroupAverage Average(Group subgroup) => new Nothing();

    /// <inheritdoc/>
    public override bool ActsAs(TensorAction other) => other is TrivialAction && other.Group == Group;

    internal override Tensor? Mix(RelaxedElements elements, Tensor x) => null;

    private protected override Tensor ApplyRows(ElementBatch elements, Tensor x) => x.alias();

    private protected override Tensor UndoRows(ElementBatch elements, Tensor y) => y.alias();

    /// <inheritdoc/>
    public override string ToString() => $"{Group.Name} acting trivially";

    private sealed class Repetition(int count) : OrbitMap(count)
    {
        protected override Tensor ExpandRows(Tensor x) => x.repeat([Count, .. Enumerable.Repeat(1L, (int)x.dim() - 1)]);

        protected override Tensor PullBackRows(Tensor y) => y.alias();

        protected override Tensor SelectRows(Tensor x, Tensor which) => x.alias();
    }

    private sealed class Nothing : GroupAverage
    {
        protected override Tensor AverageRows(Tensor x) => x.alias();
    }
}
