using Equivariant.Core.Groups;

namespace Equivariant.Core.Actions;

/// <summary>
/// An action of a group on the points 0 … n − 1, given by where each generator takes each point; checked when it is made.
/// </summary>
/// <remarks>Permutations are 0-based image lists, and a product acts right factor first: (g h)·x = g·(h·x).</remarks>
public sealed partial class PermutationAction
{
    /// <summary>The largest number of points of an action.</summary>
    public const int MaximumDegree = 1 << 26;

    private readonly CodeMap _map;
    private readonly int[][] _images;
    private int[]? _orbitIndex;
    private int[][]? _orbits;

    /// <summary>Makes an action from the permutations by which the generators act.</summary>
    /// <param name="group">The group that acts.</param>
    /// <param name="degree">The number of points.</param>
    /// <param name="generatorPermutations">One image list for each of the group's generators, in order.</param>
    /// <param name="name">What to call the action in messages, such as "pixels of 8×8".</param>
    /// <exception cref="EquivariantException">A list is not a permutation of the points, or the lists do not obey the group's relations.</exception>
    public PermutationAction(Group group, int degree, IReadOnlyList<int[]> generatorPermutations, string? name = null)
        : this(group, degree, Checked(group, degree, generatorPermutations), name ?? $"{degree} point{(degree == 1 ? "" : "s")}", null)
    {
    }

    private PermutationAction(Group group, int degree, int[][] images, string name, CodeMap? map)
    {
        Group = group;
        Degree = degree;
        Name = name;
        _images = images;
        _map = map ?? group.Extend(
            Group.SymmetricOn(degree), images, relation => $"This is not an action of {group.Name} on {name}: {relation}, but the permutations given do not.");
    }

    /// <summary>Gets the group that acts.</summary>
    public Group Group { get; }

    /// <summary>Gets the number of points.</summary>
    public int Degree { get; }

    /// <summary>Gets what the action is called in messages.</summary>
    public string Name { get; }

    /// <summary>Gets the permutation of each generator, in the order of the group's generators. Do not modify the lists.</summary>
    public IReadOnlyList<int[]> GeneratorPermutations => _images;

    /// <summary>Gets the number of orbits on points.</summary>
    public int OrbitCount => Orbits.Count;

    /// <summary>Gets the orbits, each in increasing order, ordered by their smallest points.</summary>
    public IReadOnlyList<int[]> Orbits => _orbits ??= ListOrbits();

    /// <summary>Gets the number of each point's orbit. Do not modify the list.</summary>
    public int[] OrbitIndex => _orbitIndex ??= PairOrbits.PointOrbits(Degree, _images);

    /// <summary>Gets whether all points are in one orbit.</summary>
    public bool IsTransitive => OrbitCount == 1;

    /// <summary>Gets whether only the identity fixes all points.</summary>
    public bool IsFaithful => Image().Order == Group.Order;

    /// <summary>Makes an action from a formula for where an element takes a point, which is evaluated on the generators and checked.</summary>
    /// <param name="group">The group that acts.</param>
    /// <param name="degree">The number of points.</param>
    /// <param name="image">Where an element takes a point.</param>
    /// <param name="name">What to call the action in messages.</param>
    /// <exception cref="EquivariantException">The formula is not an action; the message names generators that show it.</exception>
    public static PermutationAction FromFormula(Group group, int degree, Func<GroupElement, int, int> image, string? name = null)
    {
        RequireDegree(degree);
        int[] Tabulate(GroupElement g) => [.. Enumerable.Range(0, degree).Select(point => image(g, point))];

        PermutationAction action = new(group, degree, [.. group.Generators.Select(Tabulate)], name);

        // The formula must also be right away from the generators: a few elements from a fixed seed show most slips.
        const int Samples = 8;
        const int SampleWork = 1 << 22;
        Random random = new(0);
        for (int i = 0; i < Samples && (long)i * degree < SampleWork; i++)
        {
            GroupElement g = i == 0 ? group.Identity : group.Random(random);
            int[] formula = Tabulate(g);
            int[] action1 = action.Permutation(g);
            for (int point = 0; point < degree; point++)
            {
                if (formula[point] != action1[point])
                {
                    throw new EquivariantException(
                        $"The formula for {action.Name} is not an action of {group.Name}: it takes point {point} to {formula[point]} under {g}, " +
                        $"but writing {g} as a product of generators takes it to {action1[point]}.");
                }
            }
        }

        return action;
    }

    /// <summary>Writes the permutation by which an element acts, without allocating for short ones.</summary>
    /// <param name="element">An element of <see cref="Group"/>.</param>
    /// <param name="permutation"><see cref="Degree"/> integers to fill.</param>
    /// <exception cref="EquivariantException">The element is not in the group.</exception>
    public void Permutation(GroupElement element, Span<int> permutation)
    {
        if (!Group.Contains(element))
        {
            throw new EquivariantException(
                $"{element} of {element.Group.Name} cannot act on {Name}, where {Group.Name} acts.");
        }

        _map(element.Code, permutation);
    }

    /// <summary>Computes the permutation by which an element acts.</summary>
    /// <exception cref="EquivariantException">The element is not in the group.</exception>
    public int[] Permutation(GroupElement element)
    {
        int[] permutation = new int[Degree];
        Permutation(element, permutation);
        return permutation;
    }

    /// <summary>Writes the permutation of a packed element that is known to be in the group.</summary>
    /// <param name="code">A packed element.</param>
    /// <param name="permutation"><see cref="Degree"/> integers to fill.</param>
    public void Permutation(ReadOnlySpan<int> code, Span<int> permutation) => _map(code, permutation);

    /// <summary>Lists the points that an element does not move.</summary>
    /// <exception cref="EquivariantException">The element is not in the group.</exception>
    public int[] Fix(GroupElement element)
    {
        int[] permutation = Permutation(element);
        return [.. Enumerable.Range(0, Degree).Where(point => permutation[point] == point)];
    }

    /// <summary>Gets the group of permutations by which the group acts.</summary>
    public PermutationGroup Image() => new(Degree, [.. _images.Where(g => !IsIdentity(g))], $"{Group.Name} on {Name}");

    /// <summary>Lets a subgroup act on the same points.</summary>
    /// <param name="subgroup">A subgroup of <see cref="Group"/>, or any group with the same elements' arithmetic inside it.</param>
    /// <exception cref="EquivariantException">A generator of the subgroup is not in the group that acts.</exception>
    public PermutationAction Restrict(Group subgroup)
    {
        int[][] images = [.. subgroup.Generators.Select(Permutation)];
        return new PermutationAction(subgroup, Degree, images, Name, _map);
    }

    /// <summary>Lets one group act on the points of several actions side by side: first the points of this, then those of the others.</summary>
    /// <exception cref="EquivariantException">The groups differ.</exception>
    public PermutationAction Plus(params PermutationAction[] others)
    {
        PermutationAction[] all = [this, .. others];
        RequireSameGroup(all, "put side by side");
        RequireDegree(all.Sum(a => (long)a.Degree));
        int degree = all.Sum(a => a.Degree);
        int[][] images = new int[_images.Length][];
        for (int g = 0; g < images.Length; g++)
        {
            images[g] = new int[degree];
            int offset = 0;
            foreach (PermutationAction action in all)
            {
                for (int point = 0; point < action.Degree; point++)
                {
                    images[g][offset + point] = offset + action._images[g][point];
                }

                offset += action.Degree;
            }
        }

        return new PermutationAction(Group, degree, images, string.Join(" + ", all.Select(a => a.Name)), SideBySide(all));
    }

    /// <summary>
    /// Lets one group act on pairs (x, y), x a point of this and y a point of the other, numbered x · other.Degree + y.
    /// </summary>
    /// <exception cref="EquivariantException">The groups differ, or there are too many pairs.</exception>
    public PermutationAction Times(PermutationAction other)
    {
        RequireSameGroup([this, other], "paired");
        RequireDegree((long)Degree * other.Degree);
        int[][] images = new int[_images.Length][];
        for (int g = 0; g < images.Length; g++)
        {
            images[g] = new int[Degree * other.Degree];
            Pair(_images[g], other._images[g], images[g]);
        }

        return new PermutationAction(Group, Degree * other.Degree, images, $"{Name} × {other.Name}", (code, image) =>
        {
            int[] left = new int[Degree], right = new int[other.Degree];
            _map(code, left);
            other._map(code, right);
            Pair(left, right, image);
        });
    }

    /// <summary>Tells whether another action is of the same group and moves points in the same way.</summary>
    /// <param name="other">The other action.</param>
    public bool ActsAs(PermutationAction other) =>
        ReferenceEquals(this, other) ||
        (Group == other.Group && Degree == other.Degree &&
            GeneratorPermutations.Zip(other.GeneratorPermutations).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)));

    /// <summary>Says which group acts on what.</summary>
    public override string ToString() => $"{Group.Name} on {Name}";

    internal static void RequireDegree(long degree)
    {
        if (degree < 1)
        {
            throw new EquivariantException($"An action needs at least 1 point; {degree} were asked for.");
        }

        if (degree > MaximumDegree)
        {
            throw new EquivariantException($"An action may have at most {MaximumDegree} points; {degree} were asked for.");
        }
    }

    internal static PermutationAction Trusted(Group group, int degree, int[][] images, string name, CodeMap map) =>
        new(group, degree, images, name, map);

    private static bool IsIdentity(int[] permutation)
    {
        for (int i = 0; i < permutation.Length; i++)
        {
            if (permutation[i] != i)
            {
                return false;
            }
        }

        return true;
    }

    private static void RequireSameGroup(PermutationAction[] actions, string what)
    {
        foreach (PermutationAction action in actions)
        {
            if (!Groups.Group.SameGroup(action.Group, actions[0].Group))
            {
                throw new EquivariantException(
                    $"Only actions of one group can be {what}; these are of {actions[0].Group.Name} and {action.Group.Name}. " +
                    "Induce one of them along a homomorphism, or let the direct product act.");
            }
        }
    }

    private static int[][] Checked(Group group, int degree, IReadOnlyList<int[]> permutations)
    {
        RequireDegree(degree);
        if (permutations.Count != group.Generators.Count)
        {
            throw new EquivariantException(
                $"{group.Name} has {group.Generators.Count} generator{(group.Generators.Count == 1 ? "" : "s")}, but {permutations.Count} " +
                "permutations were given; an action needs one for each.");
        }

        int[][] images = new int[permutations.Count][];
        for (int i = 0; i < images.Length; i++)
        {
            Permutations.Require(permutations[i], degree, $"The permutation for generator {i} ({group.Generators[i]}) of {group.Name}");
            images[i] = (int[])permutations[i].Clone();
        }

        return images;
    }

    private static CodeMap SideBySide(PermutationAction[] actions) => (code, image) =>
    {
        int offset = 0;
        foreach (PermutationAction action in actions)
        {
            Span<int> block = image.Slice(offset, action.Degree);
            action._map(code, block);
            for (int point = 0; point < action.Degree; point++)
            {
                block[point] += offset;
            }

            offset += action.Degree;
        }
    };

    private static void Pair(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> pairs)
    {
        for (int x = 0, at = 0; x < left.Length; x++)
        {
            int row = left[x] * right.Length;
            foreach (int y in right)
            {
                pairs[at++] = row + y;
            }
        }
    }

    private int[][] ListOrbits()
    {
        int[] index = OrbitIndex;
        int count = index.Length == 0 ? 0 : index.Max() + 1;
        int[] sizes = new int[count];
        foreach (int orbit in index)
        {
            sizes[orbit]++;
        }

        int[][] orbits = [.. sizes.Select(size => new int[size])];
        Array.Clear(sizes);
        for (int point = 0; point < Degree; point++)
        {
            orbits[index[point]][sizes[index[point]]++] = point;
        }

        return orbits;
    }
}
