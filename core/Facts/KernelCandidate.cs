using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <summary>A normal subgroup that a quotient design might use.</summary>
/// <param name="Cost">Its index: evaluations of the model.</param>
/// <param name="Captures">Which indivisible spaces of equivariant maps it captures, besides the constant ones.</param>
/// <param name="Orbits">Numbers its orbits on a part's points of V and W.</param>
internal sealed record KernelCandidate(int Cost, int[] Captures, Func<(int[] OnV, int[] OnW)> Orbits);

/// <summary>The normal subgroups worth having on a part, up to a largest index.</summary>
/// <param name="Dimensions">The dimensions of the indivisible spaces of equivariant maps.</param>
/// <param name="Candidates">The subgroups.</param>
/// <param name="IsComplete">Whether no other subgroup of small enough index captures anything else.</param>
/// <param name="Limits">Of any normal subgroup at a cost, found or not, the largest dimension that it could capture; null where no bound is known.</param>
internal sealed record KernelCandidates(
    long[] Dimensions, IReadOnlyList<KernelCandidate> Candidates, bool IsComplete, IReadOnlyList<(int Cost, long Gain)>? Limits)
{
    /// <summary>Finds them.</summary>
    public static KernelCandidates Of(IndependentPart part, int largestIndex) =>
        CharacterKernels.Find(part, largestIndex) ?? FromNormalSubgroups(part, largestIndex);

    /// <summary>
    /// With e(L) the maps whose kernel is exactly L, d(K) = Σ e(L) over L ≥ K, and K captures the spaces e(L) of the L above it.
    /// </summary>
    private static KernelCandidates FromNormalSubgroups(IndependentPart part, int largestIndex)
    {
        NormalSubgroups all = NormalSubgroups.Of(part.Group, largestIndex);
        long constant = part.Dimension(part.Orbits(part.Group.WholeSubgroup));
        List<long> dimensions = [];
        List<Subgroup> exact = [];
        List<KernelCandidate> candidates = [];

        // The largest come first, so everything above a subgroup comes before it.
        foreach (Subgroup kernel in all.Subgroups.Where(kernel => kernel.Order != part.Group.Order))
        {
            (int[] OnV, int[] OnW) orbits = part.Orbits(kernel);
            List<int> captures = [.. Enumerable.Range(0, exact.Count).Where(l => (exact[l].Order % kernel.Order).IsZero && exact[l].Includes(kernel))];
            long own = part.Dimension(orbits) - constant - captures.Sum(l => dimensions[l]);
            if (own > 0)
            {
                captures.Add(exact.Count);
                exact.Add(kernel);
                dimensions.Add(own);
            }

            candidates.Add(new KernelCandidate((int)(part.Group.Order / kernel.Order), [.. captures], () => orbits));
        }

        return new KernelCandidates([.. dimensions], candidates, all.IsComplete, null);
    }
}
