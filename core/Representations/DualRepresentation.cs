using Equivariant.Core.Groups;

namespace Equivariant.Core.Representations;

/// <summary>The dual of a representation that is not orthogonal.</summary>
internal sealed class DualRepresentation(Representation original) : Representation(original.Group, original.Dimension)
{
    public override string Name => $"({original.Name})*";

    public override bool IsOrthogonal => original.IsOrthogonal;

    public override Representation Dual() => original;

    public override Representation Restrict(Group subgroup) => original.Restrict(subgroup).Dual();

    internal override double[,] MatrixOf(GroupElement element) =>
        DenseMatrices.Transpose(original.MatrixOf(element.Inverse()));
}
