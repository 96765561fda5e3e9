using Equivariant.Core.Groups;

namespace Equivariant.Core.Representations;

/// <summary>Several representations side by side, not all of them by permutations.</summary>
internal sealed class SumRepresentation : Representation
{
    public SumRepresentation(IReadOnlyList<Representation> parts)
        : base(parts[0].Group, RequireDimension(parts.Sum(part => (long)part.Dimension))) => Summands = parts;

    public override string Name => string.Join(" + ", Summands.Select(part => part.Name));

    public override bool IsOrthogonal => Summands.All(part => part.IsOrthogonal);

    public override IReadOnlyList<Representation> Summands { get; }

    public override Representation Dual() => Sum([.. Summands.Select(part => part.Dual())]);

    public override Representation Restrict(Group subgroup) => Sum([.. Summands.Select(part => part.Restrict(subgroup))]);

    internal override double[,] MatrixOf(GroupElement element)
    {
        double[,] matrix = DenseMatrices.Zero(Dimension);
        int offset = 0;
        foreach (Representation part in Summands)
        {
            double[,] block = part.MatrixOf(element);
            for (int i = 0; i < part.Dimension; i++)
            {
                for (int j = 0; j < part.Dimension; j++)
                {
                    matrix[offset + i, offset + j] = block[i, j];
                }
            }

            offset += part.Dimension;
        }

        return matrix;
    }
}
