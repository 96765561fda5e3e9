using Equivariant.Core.Groups;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>An action of one group through the action of another.</summary>
/// <param name="group">The group that acts.</param>
/// <param name="action">The action through which it acts.</param>
/// <param name="map">A homomorphism into that action's group.</param>
internal sealed class InducedAction(Group group, TensorAction action, Func<GroupElement, GroupElement> map) : TensorAction(group)
{
    /// <inheritdoc/>
    public override bool IsLinear => action.IsLinear;

    /// <inheritdoc/>
    public override bool IsPermutation => action.IsPermutation;

    /// <inheritdoc/>
    public override OrbitMap Over(IReadOnlyList<GroupElement> elements) => action.Over([.. elements.Select(map)]);

    internal override void RequireShape(Tensor x) => action.RequireShape(x);

    /// <inheritdoc/>
    public override string ToString() => $"{Group.Name} as {action}";
}
