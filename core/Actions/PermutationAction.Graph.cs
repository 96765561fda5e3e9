using Equivariant.Core.Groups;

namespace Equivariant.Core.Actions;

public sealed partial class PermutationAction
{
    /// <summary>
    /// Lets a permutation group renumber the nodes of graphs: rows of an adjacency matrix with the nodes' features behind it, <c>n × (n + c)</c>.
    /// </summary>
    /// <param name="nodes">The group that permutes the <c>n</c> nodes.</param>
    /// <param name="features">The number <c>c</c> of features of a node; 0 or more.</param>
    /// <returns>The action on entries, <c>(i, j) → (g·i, g·j)</c> in the first <c>n</c> columns and <c>(i, j) → (g·i, j)</c> in the others.</returns>
    /// <exception cref="EquivariantException">The number of features is negative, or there are too many entries.</exception>
    public static PermutationAction OnGraphs(PermutationGroup nodes, int features = 0)
    {
        if (features < 0)
        {
            throw new EquivariantException($"A node has {features} features? Give 0 for graphs without features, or more.");
        }

        PermutationAction points = Natural(nodes);
        return points.Times(features == 0 ? points : points.Plus(Trivial(nodes, features)));
    }
}
