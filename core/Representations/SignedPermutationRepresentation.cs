using Equivariant.Core.Groups;

namespace Equivariant.Core.Representations;

/// <summary>Signed permutations of n axes by their matrices, which are read off: so large groups need no words.</summary>
internal sealed class SignedPermutationRepresentation(Group group, int n) : Representation(group, n)
{
    public override string Name => $"vectors of dimension {Dimension}";

    public override bool IsOrthogonal => true;

    public override Representation Restrict(Group subgroup)
    {
        foreach (GroupElement generator in subgroup.Generators)
        {
            RequireElement(generator);
        }

        return new SignedPermutationRepresentation(subgroup, Dimension);
    }

    internal override double[,] MatrixOf(GroupElement element)
    {
        ReadOnlySpan<int> images = element.Code;
        double[,] matrix = new double[Dimension, Dimension];
        for (int axis = 0; axis < Dimension; axis++)
        {
            int image = images[axis];
            matrix[image % Dimension, axis] = image < Dimension ? 1 : -1;
        }

        return matrix;
    }
}
