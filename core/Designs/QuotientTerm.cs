using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Facts;
using Equivariant.Core.Groups;
using Equivariant.Core.Orbits;

namespace Equivariant.Core.Designs;

/// <summary>
/// One term of the quotient design: a normal subgroup <c>K</c> of the group and a transversal <c>T</c> of it.
/// </summary>
/// <remarks>
/// The term <c>f_K(x) = 1/|T| Σ_t t⁻¹·Sym_K(M(t·Inv_K(x)))</c> is equivariant under the whole group for any model
/// <c>M</c>, and costs <c>|T| = |G/K|</c> evaluations of it.
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024), in the
/// form that also holds for groups other than direct products.
/// </remarks>
public sealed class QuotientTerm
{
    private QuotientTerm(Group group, Subgroup kernel, Subgroup? complement, IReadOnlyList<GroupElement> transversal)
    {
        Group = group;
        Kernel = kernel;
        Complement = complement;
        Transversal = transversal;
    }

    /// <summary>The group under which the term is equivariant.</summary>
    public Group Group { get; }

    /// <summary>The normal subgroup <c>K</c>, under which the term is invariant and symmetric.</summary>
    public Subgroup Kernel { get; }

    /// <summary>The subgroup that serves as transversal, where one was asked for.</summary>
    public Subgroup? Complement { get; }

    /// <summary>One element of each coset of <c>K</c>, the identity first.</summary>
    public IReadOnlyList<GroupElement> Transversal { get; }

    /// <summary>How the family that the term belongs to was chosen; null for kernels that a user named.</summary>
    public QuotientFamily? Family { get; private set; }

    /// <summary>Evaluations of the model for one input: <c>|G/K|</c>.</summary>
    public int Evaluations => Transversal.Count;

    /// <summary>Some elements of the transversal, which are no term by themselves: the mean of all parts is.</summary>
    internal QuotientTerm Part(int from, int count) => new(Group, Kernel, null, [.. Transversal.Skip(from).Take(count)]);

    /// <summary>The term of a normal subgroup, with a complement as transversal where the group's structure shows one.</summary>
    /// <param name="group">The group <c>G</c>.</param>
    /// <param name="kernel">The subgroup <c>K</c>.</param>
    /// <exception cref="EquivariantException"><paramref name="kernel"/> is not normal; the message names the elements that show it.</exception>
    public static QuotientTerm Of(Group group, Subgroup kernel)
    {
        if (kernel.Complement is { } complement)
        {
            return Split(group, kernel, complement);
        }

        OrbitLimit.RequireListable(group, group.Order / kernel.Order);
        return new QuotientTerm(group, kernel, null, group.Transversal(kernel));
    }

    /// <summary>The term of a normal subgroup with a transversal of the user's.</summary>
    /// <param name="group">The group <c>G</c>.</param>
    /// <param name="kernel">The subgroup <c>K</c>.</param>
    /// <param name="transversal">One element of each coset of <c>K</c>, in any order.</param>
    /// <exception cref="EquivariantException"><paramref name="kernel"/> is not normal, or the elements are no transversal.</exception>
    public static QuotientTerm With(Group group, Subgroup kernel, IReadOnlyList<GroupElement> transversal)
    {
        GroupHomomorphism projection = group.Quotient(kernel).Projection;
        if (transversal.Select(projection.Apply).Distinct().Count() != transversal.Count || transversal.Count != group.Order / kernel.Order)
        {
            throw new EquivariantException(
                $"These {transversal.Count} elements are no transversal of {kernel} in {group}: one of each of its {group.Order / kernel.Order} cosets is needed.");
        }

        return new QuotientTerm(group, kernel, null, transversal);
    }

    /// <summary>
    /// The family that reaches the most equivariant linear maps with at most so many evaluations; whether that is proved, its
    /// <see cref="Family"/> says.
    /// </summary>
    /// <param name="input">How the group acts on the input.</param>
    /// <param name="output">How it acts on the output.</param>
    /// <param name="budget">The most evaluations of the model for one input.</param>
    /// <exception cref="EquivariantException">The groups differ, or the budget is below one evaluation.</exception>
    public static IReadOnlyList<QuotientTerm> WithinBudget(AxisAction input, AxisAction output, int budget)
    {
        KernelSearch found = KernelSearch.Find(input.Indices, output.Indices, budget);
        return Chosen(input.Group, found.Kernels, $"found within {budget} evaluation{(budget == 1 ? "" : "s")}, {found.Proof}", found.IsOptimal);
    }

    /// <summary>
    /// The default family where the actions are not known, from the group's structure: for a direct product that of <see cref="ForFactors"/>,
    /// for a semidirect product <c>N ⋊ H</c> the kernels <c>N</c> and the normal closure of <c>H</c> unless that contains <c>N</c>.
    /// </summary>
    /// <param name="group">The group <c>G</c>.</param>
    public static IReadOnlyList<QuotientTerm> Default(Group group) =>
        Chosen(group, group.DefaultKernels(), $"the default of the structure of {group.Name}", null);

    /// <summary>
    /// The default family for actions that permute coordinates: the one that captures most at the price of the group's structure
    /// (see <see cref="Default(Group)"/>). Where no more than the invariant maps are to be had at that price, as for C7 ⋊ C3 on seven points, it
    /// is the first that captures more, at a price of up to a thousand evaluations. Its <see cref="Family"/> says which.
    /// </summary>
    /// <param name="input">How the group acts on the input.</param>
    /// <param name="output">How it acts on the output.</param>
    /// <exception cref="EquivariantException">The groups differ.</exception>
    public static IReadOnlyList<QuotientTerm> Default(AxisAction input, AxisAction output)
    {
        const long MostPairs = 1 << 26;
        const int HighestPrice = 1000;
        Group group = input.Group;
        IReadOnlyList<Subgroup> kernels = group.DefaultKernels();
        BigInteger price = kernels.Aggregate(BigInteger.Zero, (sum, kernel) => sum + group.Order / kernel.Order);
        if (price > OrbitLimit.MostElements || (long)input.Indices.Degree * output.Indices.Degree > MostPairs)
        {
            return Default(group);
        }

        QuotientFacts natural = QuotientFacts.Of(input.Indices, output.Indices, kernels);
        KernelSearch best = KernelSearch.Find(input.Indices, output.Indices, (int)price);
        long invariant = (long)input.Indices.OrbitCount * output.Indices.OrbitCount;
        if (best.Facts.DimCaptured == invariant && natural.DimHom > invariant)
        {
            for (BigInteger dearer = 2 * price; dearer < 2 * BigInteger.Min(group.Order, HighestPrice); dearer *= 2)
            {
                best = KernelSearch.Find(input.Indices, output.Indices, (int)BigInteger.Min(dearer, HighestPrice));
                if (best.Facts.DimCaptured > invariant)
                {
                    return Chosen(
                        group, best.Kernels,
                        $"the default where the structure of {group.Name} reaches only invariant maps, with {price} evaluation{(price.IsOne ? "" : "s")}", null);
                }
            }
        }

        return best.Facts.DimCaptured > natural.DimCaptured
            ? Chosen(group, best.Kernels, $"the default at the price of the structure of {group.Name}, {best.Proof}", best.IsOptimal)
            : Default(group);
    }

    private static QuotientTerm[] Chosen(Group group, IReadOnlyList<Subgroup> kernels, string origin, bool? isOptimal)
    {
        QuotientFamily family = new(origin, isOptimal);
        QuotientTerm[] terms = [.. kernels.Select(kernel => Of(group, kernel))];
        foreach (QuotientTerm term in terms)
        {
            term.Family = family;
        }

        return terms;
    }

    /// <summary>
    /// The term of a normal subgroup whose transversal is a subgroup: what terms on tokens need, where
    /// <c>Inv_K</c> is a representative that <c>K</c> does not fix.
    /// </summary>
    /// <param name="group">The group <c>G</c>.</param>
    /// <param name="kernel">The subgroup <c>K</c>.</param>
    /// <param name="complement">A subgroup <c>H</c> with <c>KH = G</c> and <c>K ∩ H = 1</c>.</param>
    /// <exception cref="EquivariantException"><paramref name="kernel"/> is not normal, or <paramref name="complement"/> is none.</exception>
    public static QuotientTerm Split(Group group, Subgroup kernel, Subgroup complement)
    {
        group.RequireNormal(kernel);
        if (kernel.Order * complement.Order != group.Order)
        {
            throw new EquivariantException(
                $"{complement} is no complement of {kernel} in {group}: the orders have to multiply to {group.Order}.");
        }

        OrbitLimit.RequireListable(group, complement.Order);
        GroupElement[] transversal = [.. complement.Elements];
        foreach (GroupElement shared in transversal.Where(element => !element.IsIdentity && kernel.Contains(element)))
        {
            throw new EquivariantException($"{complement} is no complement of {kernel} in {group}: both contain {shared}.");
        }

        return new QuotientTerm(group, kernel, complement, transversal);
    }

    /// <summary>
    /// The paper's family for a direct product <c>G₁ × … × G_N</c>: a term for each factor, whose kernel is the
    /// product of the others. It costs <c>Σ|Gᵢ|</c> evaluations.
    /// </summary>
    /// <param name="group">The direct product.</param>
    public static IReadOnlyList<QuotientTerm> ForFactors(DirectProduct group) =>
        [.. Enumerable.Range(0, group.Factors.Count).Select(i => Split(group, group.ComplementSubgroup(i), group.FactorSubgroup(i)))];

    /// <summary>The term of the trivial subgroup: equituning, with <c>|G|</c> evaluations.</summary>
    /// <param name="group">The group <c>G</c>.</param>
    public static QuotientTerm Equitune(Group group) => Split(group, group.TrivialSubgroup, group.WholeSubgroup);

    /// <summary>Names the kernel and the price.</summary>
    public override string ToString() => $"kernel {Kernel}, {Evaluations} evaluations";
}
