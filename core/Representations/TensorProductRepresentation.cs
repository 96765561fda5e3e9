using System.Numerics;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Representations;

/// <summary>The tensor product of two representations, not both by permutations.</summary>
internal sealed class TensorProductRepresentation : Representation
{
    private readonly Representation _left;
    private readonly Representation _right;

    public TensorProductRepresentation(Representation left, Representation right)
        : base(left.Group, RequireDimension((BigInteger)left.Dimension * right.Dimension))
    {
        _left = left;
        _right = right;
    }

    public override string Name => $"({_left.Name}) ⊗ ({_right.Name})";

    public override bool IsOrthogonal => _left.IsOrthogonal && _right.IsOrthogonal;

    public override Representation Dual() => _left.Dual() * _right.Dual();

    public override Representation Restrict(Group subgroup) => _left.Restrict(subgroup) * _right.Restrict(subgroup);

    internal override double[,] MatrixOf(GroupElement element) =>
        DenseMatrices.Kronecker(_left.MatrixOf(element), _right.MatrixOf(element));

    private protected override Fibres MakeFibres() => _left.Fibres * _right.Fibres;
}
