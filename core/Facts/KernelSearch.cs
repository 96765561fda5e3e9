using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Facts;

/// <summary>The best family of normal subgroups for a quotient design within a budget of evaluations.</summary>
/// <param name="Kernels">The family.</param>
/// <param name="Facts">What it costs and what it captures.</param>
/// <param name="IsOptimal">Whether it is proved that no family within the budget captures more, or as much at a lower cost.</param>
public sealed record KernelSearch(IReadOnlyList<Subgroup> Kernels, QuotientFacts Facts, bool IsOptimal)
{
    /// <summary>Gets in words whether the family is proved best.</summary>
    public string Proof => IsOptimal ? "proved best" : "not proved best";

    /// <summary>
    /// Finds the family of normal subgroups whose indices sum to at most a budget and that captures most of the equivariant linear maps;
    /// of equally good ones, the cheapest.
    /// </summary>
    /// <param name="group">A permutation group, acting on its points as V and as W.</param>
    /// <param name="budget">The largest sum of indices, 1 or more.</param>
    /// <exception cref="EquivariantException">The budget is not positive.</exception>
    public static KernelSearch Find(PermutationGroup group, int budget)
    {
        PermutationAction action = PermutationAction.Natural(group);
        return Find(action, action, budget);
    }

    /// <summary>
    /// Finds the family of normal subgroups whose indices sum to at most a budget and that captures most of the equivariant linear maps;
    /// of equally good ones, the cheapest. It is never worse than the family that the group's structure gives.
    /// </summary>
    /// <param name="v">The action on the input.</param>
    /// <param name="w">The action of the same group on the output.</param>
    /// <param name="budget">The largest sum of indices, 1 or more.</param>
    /// <exception cref="EquivariantException">The budget is not positive, or the actions are of different groups.</exception>
    public static KernelSearch Find(PermutationAction v, PermutationAction w, int budget)
    {
        if (budget < 1)
        {
            throw new EquivariantException($"A design evaluates its model at least once; the budget given is {budget}.");
        }

        QuotientFacts.RequireSameGroup(v, w);
        Group group = v.Group;
        bool isOptimal = true;
        List<Plan> plans = [new Plan(0, 0, [])];
        IReadOnlyList<IndependentPart> parts = IndependentPart.Split(v, w);
        foreach (IndependentPart part in parts)
        {
            int most = (int)BigInteger.Min(budget, part.Group.Order);
            FamilySearch search = new(KernelCandidates.Of(part, most));
            IReadOnlyList<FamilySearch.Family> families = parts.Count == 1 ? [search.Within(most)] : search.UpTo(most);
            isOptimal &= families.All(family => family.IsBest) && (families.Count > 0 || search.Within(most).IsBest);
            plans = Combined(plans, families, part, budget);
        }

        Plan best = plans[^1];
        IReadOnlyList<Subgroup> kernels = best.Members.Count == 0
            ? [group.WholeSubgroup]
            : [.. best.Members.Select(member => Known(group, member.Part.Kernel(group, member.Kernel.Orbits())))];
        KernelSearch found = new(kernels, QuotientFacts.Of(v, w, kernels), isOptimal);
        return isOptimal ? found : Better(found, v, w, group.DefaultKernels(), budget);
    }

    /// <summary>What is worth having of plans and a part's families together: each dearer one captures more.</summary>
    private static List<Plan> Combined(List<Plan> plans, IReadOnlyList<FamilySearch.Family> families, IndependentPart part, int budget)
    {
        IEnumerable<Plan> all = plans.Concat(families.SelectMany(family => plans
            .Where(plan => plan.Cost <= budget - family.Cost)
            .Select(plan => new Plan(plan.Gain + family.Gain, plan.Cost + family.Cost, [.. plan.Members, .. family.Members.Select(member => (part, member))]))));
        List<Plan> kept = [];
        foreach (Plan plan in all.OrderBy(plan => plan.Cost).ThenByDescending(plan => plan.Gain))
        {
            if (kept.Count == 0 || plan.Gain > kept[^1].Gain)
            {
                kept.Add(plan);
            }
        }

        return kept;
    }

    /// <summary>The subgroup as the group's structure knows it, with a name and a complement, where it does.</summary>
    private static Subgroup Known(Group group, Subgroup kernel) =>
        group.DefaultKernels().Append(group.TrivialSubgroup).Append(group.WholeSubgroup).FirstOrDefault(known => known.HasSameElements(kernel)) ?? kernel;

    private static KernelSearch Better(KernelSearch found, PermutationAction v, PermutationAction w, IReadOnlyList<Subgroup> kernels, int budget)
    {
        QuotientFacts facts = QuotientFacts.Of(v, w, kernels);
        return facts.Cost <= budget && (facts.DimCaptured, -facts.Cost).CompareTo((found.Facts.DimCaptured, -found.Facts.Cost)) > 0
            ? new KernelSearch(kernels, facts, false)
            : found;
    }

    private sealed record Plan(long Gain, int Cost, IReadOnlyList<(IndependentPart Part, KernelCandidate Kernel)> Members);
}
