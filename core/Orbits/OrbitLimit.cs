using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Orbits;

/// <namespacedoc><summary>The pipeline that evaluates a module on the transforms of a batch: in chunks, distinct rows once, over ranks.</summary></namespacedoc>
/// <summary>Nothing lists a group unless its user asked for it, and not one that no memory holds.</summary>
public static class OrbitLimit
{
    /// <summary>The most elements that a design lists.</summary>
    public const int MostElements = 1 << 20;

    /// <summary>The most bytes of one table of what elements do to points; a design keeps two to four of them.</summary>
    public const long MostTableBytes = TableLimit.MostBytes;

    /// <summary>Lists a group's elements, the identity first.</summary>
    /// <param name="group">The group.</param>
    /// <exception cref="EquivariantException">The group has more than <see cref="MostElements"/> elements.</exception>
    public static IReadOnlyList<GroupElement> List(Group group)
    {
        RequireListable(group, group.Order);
        return [.. group.Elements];
    }

    /// <summary>Lists a kernel's elements, of which a representative of its orbits is chosen.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <exception cref="EquivariantException">The kernel has more than <see cref="MostElements"/> elements.</exception>
    public static IReadOnlyList<GroupElement> ListKernel(Subgroup kernel)
    {
        if (kernel.Order > MostElements)
        {
            throw new EquivariantException(
                $"To choose a representative under {kernel}, its {kernel.Order} elements would be tried, above the limit of {MostElements}: take the average over the kernel, one token for each orbit, or a smaller kernel.");
        }

        return [.. kernel.Elements];
    }

    /// <summary>Refuses what would take too many evaluations.</summary>
    /// <param name="group">The group that asks for them.</param>
    /// <param name="evaluations">How many evaluations a single input would take.</param>
    /// <exception cref="EquivariantException">There are more than <see cref="MostElements"/>.</exception>
    public static void RequireListable(Group group, BigInteger evaluations)
    {
        if (evaluations > MostElements)
        {
            throw new EquivariantException(
                $"{group} would take {evaluations} evaluations of the model for one input, above the limit of {MostElements}: take a quotient design with larger kernels, a frame, or a Monte Carlo average.");
        }
    }
}
