using Equivariant.Core.Actions;

namespace Equivariant.Core.Representations;

/// <summary>A representation as equal fibres over points: the group permutes the points and turns all fibres by the same matrices.</summary>
/// <param name="Points">How it permutes the points; a single point where nothing is permuted.</param>
/// <param name="Fibre">How it turns a fibre; one number that stays where coordinates are only permuted.</param>
/// <param name="Coordinates">The coordinates of each point's fibre, point after point.</param>
internal sealed record Fibres(PermutationAction Points, Representation Fibre, int[] Coordinates)
{
    /// <summary>The tensor product: fibres over pairs of points.</summary>
    public static Fibres operator *(Fibres left, Fibres right)
    {
        (int p, int q, int f, int g) = (left.Points.Degree, right.Points.Degree, left.Fibre.Dimension, right.Fibre.Dimension);
        int[] coordinates = new int[p * q * f * g];
        int at = 0;
        for (int pair = 0; pair < p * q; pair++)
        {
            for (int entry = 0; entry < f * g; entry++)
            {
                coordinates[at++] = left.Coordinates[pair / q * f + entry / g] * q * g + right.Coordinates[pair % q * g + entry % g];
            }
        }

        return new Fibres(
            p == 1 ? right.Points : q == 1 ? left.Points : left.Points.Times(right.Points),
            IsNumber(left.Fibre) ? right.Fibre : IsNumber(right.Fibre) ? left.Fibre : left.Fibre * right.Fibre,
            coordinates);
    }

    private static bool IsNumber(Representation fibre) => fibre.IsPermutation && fibre.Dimension == 1;
}
