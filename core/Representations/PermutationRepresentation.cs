using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Representations;

/// <summary>A group that permutes coordinates.</summary>
internal sealed class PermutationRepresentation(PermutationAction action) : Representation(action.Group, action.Degree)
{
    public override string Name => action.Name;

    public override PermutationAction Permutation => action;

    public override bool IsOrthogonal => true;

    public override Representation Restrict(Group subgroup) => new PermutationRepresentation(action.Restrict(subgroup));

    internal override double[,] MatrixOf(GroupElement element)
    {
        int[] images = action.Permutation(element);
        double[,] matrix = DenseMatrices.Zero(Dimension);
        for (int point = 0; point < images.Length; point++)
        {
            matrix[images[point], point] = 1;
        }

        return matrix;
    }
}
