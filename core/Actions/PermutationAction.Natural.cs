using System.Numerics;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Actions;

public sealed partial class PermutationAction
{
    private const int ListedPoints = 1 << 20;

    /// <summary>Lets a group act on points that nothing moves.</summary>
    /// <param name="group">The group.</param>
    /// <param name="degree">The number of points.</param>
    /// <exception cref="EquivariantException">There is no point, or there are too many.</exception>
    public static PermutationAction Trivial(Group group, int degree)
    {
        RequireDegree(degree);
        return new PermutationAction(
            group, degree, [.. group.Generators.Select(_ => Permutations.Identity(degree))], $"{degree} fixed points", (_, image) => Permutations.WriteIdentity(image));
    }

    /// <summary>Lets a permutation group act on its points.</summary>
    public static PermutationAction Natural(PermutationGroup group) => new(
        group, group.Degree, [.. group.Generators.Select(g => g.Code.ToArray())], $"{group.Degree} points", Copy);

    /// <summary>Lets a subgroup of a permutation group act on the points.</summary>
    /// <exception cref="EquivariantException">The subgroup is not of a permutation group.</exception>
    public static PermutationAction Natural(Subgroup subgroup) => subgroup.Ambient is PermutationGroup ambient
        ? new PermutationAction(
            subgroup, ambient.Degree, [.. subgroup.Generators.Select(g => g.Code.ToArray())], $"{ambient.Degree} points", Copy)
        : throw new EquivariantException($"{subgroup.Name} is not a group of permutations, so it has no points of its own.");

    /// <summary>Lets a cyclic group C_n act on n points in a circle: k takes point i to i + k mod n.</summary>
    public static PermutationAction Natural(CyclicGroup group)
    {
        RequireDegree(group.Modulus);
        return FromFormula(group, group.Modulus, (g, point) => (int)(((long)point + g.Code[0]) % group.Modulus), $"{group.Modulus} points");
    }

    /// <summary>
    /// Lets a dihedral group act on the n corners of its polygon: the turn takes corner i to i + 1, the reflection takes i to −i.
    /// It is not faithful for n below 3.
    /// </summary>
    public static PermutationAction Natural(DihedralGroup group)
    {
        int n = (int)group.Normal.Order;
        return FromFormula(
            group, n, (g, point) => (int)(((long)g.Code[0] + (g.Code[1] == 0 ? point : n - point)) % n), $"{n} corners");
    }

    /// <summary>Lets a wreath product K ≀ S act on S's points, once for each point of an action of K: (copy, x) is point copy · degree + x.</summary>
    /// <exception cref="EquivariantException">The action is of another group.</exception>
    public static PermutationAction Imprimitive(WreathProduct group, PermutationAction inner)
    {
        if (!Groups.Group.SameGroup(inner.Group, group.Inner))
        {
            throw new EquivariantException($"{group.Name} needs an action of {group.Inner.Name}, not of {inner.Group.Name}.");
        }

        int m = group.Outer.Degree, d = inner.Degree;
        RequireDegree((long)m * d);
        DirectProduct copies = (DirectProduct)group.Normal;
        int[][] images = [.. group.Generators.Select(g =>
        {
            int[] image = new int[m * d];
            int[] block = new int[d];
            for (int copy = 0; copy < m; copy++)
            {
                int to = g.Code[copies.Width + copy];
                inner.Permutation(copies.Part(to, g.Code[..copies.Width]), block);
                for (int x = 0; x < d; x++)
                {
                    image[copy * d + x] = to * d + block[x];
                }
            }

            return image;
        })];
        return new PermutationAction(group, m * d, images, $"{m} copies of {inner.Name}");
    }

    /// <summary>Lets a group act on its own elements by multiplication from the left, numbered in the order of enumeration.</summary>
    /// <exception cref="EquivariantException">The group has too many elements to list.</exception>
    public static PermutationAction Regular(Group group)
    {
        if (group.Order > ListedPoints)
        {
            throw new EquivariantException(
                $"The regular action of {group.Name} has {group.Order} points, one for each element; at most {ListedPoints} are possible.");
        }

        int degree = (int)group.Order;
        CodeMap map = group.OnElements();
        return new PermutationAction(group, degree, Tabulate(group, degree, map), $"the {degree} elements", map);
    }

    /// <summary>Lets a group act on the cosets of a subgroup by multiplication from the left; coset 0 is the subgroup.</summary>
    /// <exception cref="EquivariantException">The subgroup is not inside the group, or has too many cosets to list.</exception>
    public static PermutationAction OnCosets(Group group, Subgroup subgroup)
    {
        foreach (GroupElement generator in subgroup.Generators)
        {
            group.RequireMember(generator, $"{subgroup.Name} is not a subgroup of {group.Name}: its generator");
        }

        (int count, CodeMap map) = group.OnCosets(subgroup);
        return new PermutationAction(group, count, Tabulate(group, count, map), $"the {count} cosets of {subgroup.Name}", map);
    }

    /// <summary>Lets a direct product act on the points of actions of its factors side by side, each factor on its own points only.</summary>
    /// <exception cref="EquivariantException">There is not one action for each factor, or one is of another group.</exception>
    public static PermutationAction OnTuple(DirectProduct group, params IReadOnlyList<PermutationAction> actions)
    {
        RequireActions(group, actions);
        PermutationAction[] lifted = [.. actions.Select((action, i) => OfFactor(group, i, action))];
        return lifted[0].Plus(lifted[1..]);
    }

    /// <summary>Lets a direct product act through one of its factors; the others move nothing.</summary>
    /// <exception cref="EquivariantException">There is no such factor, or the action is of another group.</exception>
    public static PermutationAction OfFactor(DirectProduct group, int factor, PermutationAction action)
    {
        RequireOfFactor(group, factor, action);
        CodeMap map = (code, image) => action._map(group.Part(factor, code), image);
        return new PermutationAction(group, action.Degree, Tabulate(group, action.Degree, map), action.Name, map);
    }

    /// <summary>Lets a direct product act on points that its factors share: each factor by its own action, which moves other points than the others do.</summary>
    /// <exception cref="EquivariantException">There is not one action for each factor, one is of another group or on as many points, or two move one point.</exception>
    public static PermutationAction OnSamePoints(DirectProduct group, params IReadOnlyList<PermutationAction> actions)
    {
        RequireActions(group, actions);
        int degree = actions[0].Degree;
        int[] movedBy = new int[degree];
        Array.Fill(movedBy, -1);
        for (int factor = 0; factor < actions.Count; factor++)
        {
            RequireOfFactor(group, factor, actions[factor]);
            if (actions[factor].Degree != degree)
            {
                throw new EquivariantException(
                    $"The factors of {group.Name} have to act on the same points, but {actions[0]} has {degree} and {actions[factor]} has {actions[factor].Degree}.");
            }

            foreach (int point in actions[factor].Moved())
            {
                if (movedBy[point] >= 0)
                {
                    throw new EquivariantException(
                        $"Factors {movedBy[point]} ({actions[movedBy[point]].Group.Name}) and {factor} ({actions[factor].Group.Name}) of {group.Name} both move point {point} of {degree}; "
                        + "each point may be moved by one factor only.");
                }

                movedBy[point] = factor;
            }
        }

        CodeMap map = (code, image) =>
        {
            actions[0]._map(group.Part(0, code), image);
            int[] other = new int[degree];
            for (int factor = 1; factor < actions.Count; factor++)
            {
                actions[factor]._map(group.Part(factor, code), other);
                for (int point = 0; point < degree; point++)
                {
                    image[point] = movedBy[point] == factor ? other[point] : image[point];
                }
            }
        };
        return new PermutationAction(group, degree, Tabulate(group, degree, map), actions[0].Name, map);
    }

    /// <summary>Induces an action along a homomorphism: g acts as its image does.</summary>
    /// <param name="homomorphism">A homomorphism to the group that acts here.</param>
    /// <exception cref="EquivariantException">The homomorphism leads to a group that does not act here.</exception>
    public PermutationAction Pullback(GroupHomomorphism homomorphism)
    {
        foreach (GroupElement image in homomorphism.GeneratorImages)
        {
            if (!Group.Contains(image))
            {
                throw new EquivariantException(
                    $"The homomorphism leads to {homomorphism.Target.Name}, where {image} does not act on {Name}; {Group.Name} acts there.");
            }
        }

        return new PermutationAction(
            homomorphism.Source, Degree, [.. homomorphism.GeneratorImages.Select(Permutation)], Name, homomorphism.Into(_map));
    }

    /// <summary>Finds the elements that fix a point, as a subgroup.</summary>
    /// <exception cref="EquivariantException">The point is out of range.</exception>
    public Subgroup Stabiliser(int point)
    {
        if ((uint)point >= (uint)Degree)
        {
            throw new EquivariantException($"{Name} has points 0 to {Degree - 1}; there is no point {point}.");
        }

        // In the group of pairs (permutation, g), the chain with this point as its first base point has the stabiliser as its second step.
        PermutationGroup target = Groups.Group.SymmetricOn(Degree);
        DirectProduct pairs = new([target, Group.Ambient]);
        int[][] generators = [.. _images.Zip(Group.GeneratorCodes, (image, g) => (int[])[.. image, .. g])];
        return new Subgroup(Group, [.. Groups.Group.StabiliserGenerators(pairs, generators, point).Select(pair => pair[Degree..]).Where(g => !Group.IsIdentity(g))]);
    }

    /// <summary>Finds the elements that move nothing, as a subgroup.</summary>
    public Subgroup Kernel() => GroupHomomorphism.Trusted(Group, Groups.Group.SymmetricOn(Degree), _images, _map).Kernel;

    private static void RequireActions(DirectProduct group, IReadOnlyList<PermutationAction> actions)
    {
        if (actions.Count != group.Factors.Count)
        {
            throw new EquivariantException($"{group.Name} has {group.Factors.Count} factors, but {actions.Count} actions were given.");
        }
    }

    private static void RequireOfFactor(DirectProduct group, int factor, PermutationAction action)
    {
        group.RequireFactor(factor);
        if (!Groups.Group.SameGroup(action.Group, group.Factors[factor]))
        {
            throw new EquivariantException(
                $"Factor {factor} of {group.Name} is {group.Factors[factor].Name}, but the action given is of {action.Group.Name}.");
        }
    }

    /// <summary>The points that some generator moves, each once.</summary>
    private IEnumerable<int> Moved() => Enumerable.Range(0, Degree).Where(point => _images.Any(image => image[point] != point));

    private static int[][] Tabulate(Group group, int degree, CodeMap map) => [.. group.Generators.Select(g =>
    {
        int[] image = new int[degree];
        map(g.Code, image);
        return image;
    })];

    private static void Copy(ReadOnlySpan<int> code, Span<int> image) => code.CopyTo(image);
}
