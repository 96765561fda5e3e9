using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

public abstract partial class Group
{
    /// <summary>Gets the subgroup that contains only the identity.</summary>
    public Subgroup TrivialSubgroup => Once(ref field, () => new Subgroup(this, [], "1", complement: WholeSubgroup));

    /// <summary>Gets the group as a subgroup of itself.</summary>
    public Subgroup WholeSubgroup => Once(ref field, () => new Subgroup(this, GeneratorCodes, Name, Chain));

    /// <summary>Takes the subgroup that some elements generate.</summary>
    /// <param name="generators">Elements of this group; none make the trivial subgroup.</param>
    /// <exception cref="EquivariantException">An element is not in this group.</exception>
    public Subgroup Subgroup(params IReadOnlyList<GroupElement> generators)
    {
        RequireMembers(generators);
        return new Subgroup(this, [.. generators.Select(g => g.Code.ToArray())]);
    }

    /// <summary>Finds the smallest normal subgroup that contains some elements.</summary>
    /// <param name="generators">Elements of this group.</param>
    /// <exception cref="EquivariantException">An element is not in this group.</exception>
    public Subgroup NormalClosure(params IReadOnlyList<GroupElement> generators)
    {
        RequireMembers(generators);
        return NormalClosures.Find(this, [.. generators.Select(g => g.Code.ToArray())]);
    }

    /// <summary>
    /// Takes as a subgroup a group that was made on its own, whose elements this group has in the same form: the even permutations of n points
    /// in all permutations of n points.
    /// </summary>
    /// <exception cref="EquivariantException">The group's elements are of another form, or not all in this group; the message says which.</exception>
    public Subgroup Subgroup(Group part)
    {
        if (part is Subgroup subgroup && SameGroup(subgroup.Parent, this))
        {
            return subgroup;
        }

        if (SameGroup(part, this))
        {
            return WholeSubgroup;
        }

        if (!HasArithmeticOf(part.Ambient))
        {
            throw new EquivariantException(
                $"{part} is no subgroup of {this}: their elements are not written and multiplied alike.");
        }

        foreach (int[] code in part.GeneratorCodes)
        {
            if (!Contains(code))
            {
                throw new EquivariantException($"{part} is no subgroup of {this}: its generator {part.Format(code)} is outside.");
            }
        }

        return new Subgroup(this, part.GeneratorCodes, part.Name, part.Chain);
    }

    /// <summary>
    /// Tells whether a group is a normal subgroup of this one: its elements are all here, and g s g⁻¹ stays in it for all g here and s there.
    /// </summary>
    public bool IsNormal(Group subgroup) =>
        HasArithmeticOf(subgroup.Ambient) && subgroup.GeneratorCodes.All(code => Contains(code)) && FindNonNormal(Subgroup(subgroup)) is null;

    /// <summary>Refuses a subgroup that is not normal, naming elements that show it.</summary>
    /// <exception cref="EquivariantException">The subgroup is not inside this group, or not normal.</exception>
    public void RequireNormal(Group subgroup)
    {
        if (FindNonNormal(Subgroup(subgroup)) is (GroupElement g, GroupElement inside))
        {
            throw new EquivariantException(
                $"{subgroup.Name} is not a normal subgroup of {Name}: conjugating its element {inside} by {g} gives {inside.ConjugateBy(g)}, " +
                $"which is outside. Its normal closure, NormalClosure(…), is the smallest normal subgroup that contains it.");
        }
    }

    /// <summary>Makes the quotient by a normal subgroup.</summary>
    /// <exception cref="EquivariantException">The subgroup is not normal.</exception>
    public QuotientGroup Quotient(Subgroup normal)
    {
        RequireNormal(normal);
        return new QuotientGroup(this, normal);
    }

    /// <summary>
    /// Lists one element of each coset of a normal subgroup, the identity first, always in the same order.
    /// When the structure of the group shows a complement of the subgroup, its elements are the list.
    /// </summary>
    /// <exception cref="EquivariantException">The subgroup is not normal, or has too many cosets to list.</exception>
    public IReadOnlyList<GroupElement> Transversal(Subgroup normal)
    {
        RequireNormal(normal);
        BigInteger index = Order / normal.Order;
        if (index > CosetTable.MaximumIndex)
        {
            throw new EquivariantException(
                $"{normal.Name} has {index} cosets in {Name}; at most {CosetTable.MaximumIndex} can be listed.");
        }

        if (normal.Complement is Subgroup complement && complement.Order == index)
        {
            return [.. complement.Elements];
        }

        if (index.IsOne)
        {
            return [Identity];
        }

        CosetTable table = new(this, normal);
        return [Identity, .. Enumerable.Range(1, table.Count - 1).Select(i => Wrap(table[i]))];
    }

    /// <summary>Finds the subgroup of elements that commute with all others.</summary>
    public virtual Subgroup Centre() => Centres.Find(this);

    /// <summary>Finds the subgroup generated by all commutators g h g⁻¹ h⁻¹; the quotient by it is the largest commutative one.</summary>
    public virtual Subgroup DerivedSubgroup()
    {
        List<int[]> commutators = [];
        int[][] codes = GeneratorCodes;
        for (int i = 0; i < codes.Length; i++)
        {
            for (int j = i + 1; j < codes.Length; j++)
            {
                int[] product = Multiplied(Multiplied(codes[i], codes[j]), Multiplied(Inverted(codes[i]), Inverted(codes[j])));
                if (!IsIdentity(product))
                {
                    commutators.Add(product);
                }
            }
        }

        return NormalClosures.Find(this, commutators);
    }

    /// <summary>Takes the subgroup generated by several subgroups together.</summary>
    /// <exception cref="EquivariantException">A generator is not in this group.</exception>
    public Subgroup Join(params IReadOnlyList<Group> subgroups) => Subgroup([.. subgroups.SelectMany(s => s.Generators).Distinct()]);

    /// <summary>Finds the common elements of two subgroups: of any two when one is small or normal.</summary>
    /// <exception cref="EquivariantException">A subgroup is not in this group, or neither is normal and both are large.</exception>
    public Subgroup Intersection(Subgroup first, Subgroup second)
    {
        const int Listed = 1_000_000;
        RequireMembers(first.Generators);
        RequireMembers(second.Generators);
        if (first.Includes(second))
        {
            return second;
        }

        if (second.Includes(first))
        {
            return first;
        }

        (Subgroup normal, Subgroup other) = IsNormal(first) ? (first, second) : (second, first);
        if (IsNormal(normal))
        {
            // The elements of the other whose coset is trivial.
            QuotientGroup quotient = new(this, normal);
            return new Subgroup(this, new GroupHomomorphism(other, quotient, [.. other.Generators.Select(quotient.Project)]).Kernel.GeneratorCodes);
        }

        (Subgroup small, Subgroup large) = first.Order <= second.Order ? (first, second) : (second, first);
        if (small.Order > Listed)
        {
            throw new EquivariantException(
                $"The intersection of {first.Name} and {second.Name} in {Name} is hard to find: neither is normal and both have more than {Listed} elements.");
        }

        List<int[]> found = [];
        Subgroup intersection = TrivialSubgroup;
        foreach (GroupElement element in small.Elements)
        {
            if (large.Holds(element.Code) && !intersection.Holds(element.Code))
            {
                found.Add(element.Code.ToArray());
                intersection = new Subgroup(this, [.. found]);
            }
        }

        return intersection;
    }

    /// <summary>
    /// Gives a family of normal subgroups that the structure of the group suggests for a quotient design: for a direct product the
    /// products of all factors but one (recursively, where a factor has a family of its own), for a semidirect product N ⋊ H
    /// N and the normal closure of H, otherwise the trivial subgroup.
    /// </summary>
    public virtual IReadOnlyList<Subgroup> DefaultKernels() => [TrivialSubgroup];

    /// <summary>Makes an isomorphism to a group of permutations: of the points of a faithful action.</summary>
    /// <exception cref="EquivariantException">The action known for this group has too many points.</exception>
    public GroupHomomorphism PermutationIsomorphism()
    {
        int degree = PointCount;
        if (degree > PermutationGroup.MaximumDegree)
        {
            throw new EquivariantException(
                $"{Name} is known to the engine only as permutations of {degree} points or more; at most {PermutationGroup.MaximumDegree} are possible.");
        }

        degree = Math.Max(1, degree);
        int[][] images = [.. GeneratorCodes.Select(code =>
        {
            int[] image = new int[degree];
            WritePoints(code, image);
            return image;
        })];
        return GroupHomomorphism.Trusted(this, new PermutationGroup(degree, images, Name), images, WritePoints);
    }

    /// <summary>Makes an isomorphic group of permutations.</summary>
    /// <exception cref="EquivariantException">The action known for this group has too many points.</exception>
    public PermutationGroup ToPermutationGroup() => (PermutationGroup)PermutationIsomorphism().Target;

    /// <summary>Whether packed elements of another group, one that does its own arithmetic, are written and multiplied as those of this group.</summary>
    internal virtual bool HasArithmeticOf(Group other) => SameGroup(Ambient, other);

    private static (GroupElement By, GroupElement Inside)? FindNonNormal(Subgroup subgroup)
    {
        Group group = subgroup.Parent;
        foreach (GroupElement inside in subgroup.Generators)
        {
            foreach (GroupElement g in group.Generators)
            {
                if (!subgroup.Contains(inside.ConjugateBy(g)))
                {
                    return (g, inside);
                }
            }
        }

        return null;
    }

    private void RequireMembers(IReadOnlyList<GroupElement> elements)
    {
        foreach (GroupElement element in elements)
        {
            RequireMember(element, "A subgroup contains only elements of the group;");
        }
    }

    private void WritePoints(ReadOnlySpan<int> code, Span<int> image)
    {
        for (int point = 0; point < image.Length; point++)
        {
            image[point] = point < PointCount ? Image(code, point) : point;
        }
    }
}
