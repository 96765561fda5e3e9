using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Representations;

/// <summary>The dimensions that the theory predicts, found another way than the bases where the group is small.</summary>
public static class HomDimension
{
    private const int MostElements = 2048;

    /// <summary>
    /// Computes dim Hom_G(V, W): for a small group <c>1/|G| Σ χ_V(g⁻¹) χ_W(g)</c>, otherwise the number of orbits on pairs
    /// or the dimension of the solved basis.
    /// </summary>
    /// <param name="input">The representation V.</param>
    /// <param name="output">The representation W of the same group.</param>
    /// <exception cref="EquivariantException">The groups differ, or the sum over characters is not an integer.</exception>
    public static int Between(Representation input, Representation output)
    {
        Representation.RequireSameGroup([input, output], "joined by equivariant maps");
        if (input.Group.Order <= MostElements)
        {
            return ByCharacters(input.Group, g => input.Character(g.Inverse()) * output.Character(g), $"maps from {input} to {output}");
        }

        return input.IsPermutation && output.IsPermutation
            ? PairOrbits.CountOf(input.Permutation!, output.Permutation!)
            : EquivariantBasis.Between(input, output).Count;
    }

    /// <summary>Computes dim V^G: for a small group <c>1/|G| Σ χ_V(g)</c>, otherwise the number of orbits or of solved invariants.</summary>
    /// <param name="representation">The representation V.</param>
    /// <exception cref="EquivariantException">The sum over characters is not an integer.</exception>
    public static int OfInvariants(Representation representation) =>
        representation.Group.Order <= MostElements
            ? ByCharacters(representation.Group, representation.Character, $"invariants of {representation}")
            : representation.Invariants.Count;

    private static int ByCharacters(Group group, Func<GroupElement, double> term, string what)
    {
        const double Rounding = 1e-4;
        double sum = group.Elements.Sum(term) / (double)group.Order;
        double whole = Math.Round(sum);
        return Math.Abs(sum - whole) < Rounding ? (int)whole : throw new EquivariantException(
            $"The dimension of the {what} comes out as {sum:G6}, which is no integer: the matrices represent the group too inaccurately.");
    }
}
