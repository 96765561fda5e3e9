namespace Equivariant.Core.Actions;

/// <summary>
/// The orbits of a group on pairs (w, v), w a point of one action and v a point of another, from generators alone.
/// </summary>
/// <remarks>
/// A linear map from vectors on the points of V to vectors on the points of W is equivariant exactly when its matrix is constant on
/// these orbits, so their number is dim Hom_G(V, W) and the labels say which entries of the matrix share a parameter.
/// </remarks>
public sealed class PairOrbits
{
    /// <summary>The largest number of pairs that are walked through.</summary>
    private const long MostPairs = 1L << 30;

    private PairOrbits(int rows, int columns, int[] labels, int count)
    {
        Rows = rows;
        Columns = columns;
        Labels = labels;
        Count = count;
    }

    /// <summary>Gets the number of points of W: the rows of the matrix.</summary>
    public int Rows { get; }

    /// <summary>Gets the number of points of V: the columns of the matrix.</summary>
    public int Columns { get; }

    /// <summary>Gets the number of orbits: dim Hom_G(V, W).</summary>
    public int Count { get; }

    /// <summary>
    /// Gets the orbit of each pair, row by row: entry w · <see cref="Columns"/> + v. Orbits are numbered by their first pair. Do not modify the list.
    /// </summary>
    public int[] Labels { get; }

    /// <summary>Labels the pairs of points of two actions of one group.</summary>
    /// <param name="v">The action on the columns, the input.</param>
    /// <param name="w">The action on the rows, the output.</param>
    /// <exception cref="EquivariantException">The actions are of different groups, or there are too many pairs.</exception>
    public static PairOrbits Of(PermutationAction v, PermutationAction w)
    {
        RequireSameGroup(v, w);
        return Of(v.Degree, v.GeneratorPermutations, w.Degree, w.GeneratorPermutations);
    }

    /// <summary>Labels the pairs of points that two lists of permutations, in corresponding order, permute.</summary>
    /// <exception cref="EquivariantException">There are too many pairs.</exception>
    public static PairOrbits Of(int degreeV, IReadOnlyList<int[]> v, int degreeW, IReadOnlyList<int[]> w)
    {
        RequireSize(degreeV, degreeW);
        int[] labels = new int[degreeV * degreeW];
        Array.Fill(labels, -1);
        int[] stack = new int[256];
        int count = 0;
        for (int start = 0; start < labels.Length; start++)
        {
            if (labels[start] >= 0)
            {
                continue;
            }

            int height = 0;
            labels[start] = count;
            stack[height++] = start;
            while (height > 0)
            {
                (int row, int column) = Math.DivRem(stack[--height], degreeV);
                for (int g = 0; g < v.Count; g++)
                {
                    int image = w[g][row] * degreeV + v[g][column];
                    if (labels[image] < 0)
                    {
                        labels[image] = count;
                        if (height == stack.Length)
                        {
                            Array.Resize(ref stack, 2 * height);
                        }

                        stack[height++] = image;
                    }
                }
            }

            count++;
        }

        return new PairOrbits(degreeW, degreeV, labels, count);
    }

    /// <summary>
    /// Counts the orbits without labelling the pairs: dim Hom_G(V, W) in one bit of memory for each pair, or by stabilisers of points where there are too many.
    /// </summary>
    /// <exception cref="EquivariantException">The actions are of different groups, or there are too many pairs and the group is too hard to find.</exception>
    public static int CountOf(PermutationAction v, PermutationAction w)
    {
        RequireSameGroup(v, w);
        return CountOf(v.Degree, v.GeneratorPermutations, w.Degree, w.GeneratorPermutations);
    }

    /// <summary>Counts the orbits on pairs of points that two lists of permutations, in corresponding order, permute.</summary>
    /// <exception cref="EquivariantException">There are too many pairs to walk through, and the order of the group is too hard to find.</exception>
    public static int CountOf(int degreeV, IReadOnlyList<int[]> v, int degreeW, IReadOnlyList<int[]> w)
    {
        if ((long)degreeV * degreeW > MostPairs)
        {
            return CountByStabilisers(degreeV, v, degreeW, w);
        }

        int size = degreeV * degreeW;
        ulong[] seen = new ulong[(size + 63) / 64];
        int[] stack = new int[256];
        int count = 0;
        for (int start = 0; start < size; start++)
        {
            if ((seen[start >> 6] >> start & 1) != 0)
            {
                continue;
            }

            int height = 0;
            seen[start >> 6] |= 1UL << start;
            stack[height++] = start;
            while (height > 0)
            {
                (int row, int column) = Math.DivRem(stack[--height], degreeV);
                for (int g = 0; g < v.Count; g++)
                {
                    int image = w[g][row] * degreeV + v[g][column];
                    ref ulong word = ref seen[image >> 6];
                    ulong bit = 1UL << image;
                    if ((word & bit) == 0)
                    {
                        word |= bit;
                        if (height == stack.Length)
                        {
                            Array.Resize(ref stack, 2 * height);
                        }

                        stack[height++] = image;
                    }
                }
            }

            count++;
        }

        return count;
    }

    /// <summary>Of too many pairs to walk through: the orbits on pairs that begin with a point are orbits of its stabiliser on the others.</summary>
    private static int CountByStabilisers(int degreeV, IReadOnlyList<int[]> v, int degreeW, IReadOnlyList<int[]> w)
    {
        int[][] joined = [.. v.Zip(w, (onV, onW) => onV.Concat(onW.Select(point => point + degreeV)).ToArray())];
        Groups.PermutationGroup group = new(degreeV + degreeW, joined);
        int[] orbits = PointOrbits(degreeV, v);
        int[] firsts = [.. Enumerable.Range(0, degreeV).GroupBy(point => orbits[point]).Select(orbit => orbit.First())];
        int count = 0;
        for (int orbit = 0; orbit < firsts.Length; orbit++)
        {
            int[][] stabiliser = Groups.Group.StabiliserGenerators(group, joined, firsts[orbit], group.Order);
            count = checked(count + PointOrbits(degreeW, [.. stabiliser.Select(g => g.Skip(degreeV).Select(point => point - degreeV).ToArray())]).Max() + 1);
        }

        return count;
    }

    /// <summary>Numbers the orbits of permutations on single points, by their smallest points.</summary>
    internal static int[] PointOrbits(int degree, IReadOnlyList<int[]> generators) => Groups.Permutations.Orbits(degree, generators);

    private static void RequireSameGroup(PermutationAction v, PermutationAction w)
    {
        if (!Groups.Group.SameGroup(v.Group, w.Group))
        {
            throw new EquivariantException(
                $"Pairs of points need one group that acts on both; {v.Group.Name} acts on {v.Name} and {w.Group.Name} on {w.Name}.");
        }
    }

    private static void RequireSize(int degreeV, int degreeW)
    {
        if ((long)degreeV * degreeW > MostPairs)
        {
            throw new EquivariantException(
                $"A matrix with {degreeW} rows and {degreeV} columns has {(long)degreeV * degreeW} entries; at most {MostPairs} can be sorted into orbits.");
        }
    }
}
