namespace Equivariant.Core.Groups;

/// <summary>
/// A finite group of rotations and reflections about a point of the plane, of space, or of n-space, by its usual name: with its
/// matrices, and the vertices that it permutes.
/// </summary>
/// <remarks>
/// <para>In space the main axis is z, the mirrors of C_nv and D_nd and the twofold axes of D_n and D_nh go by x, and the polyhedra are
/// those whose twofold axes (those of the cube: fourfold) are x, y and z. Vertices lie on the unit sphere.</para>
/// <para><c>Representation.Vectors</c> makes the representation by these matrices.</para>
/// </remarks>
public sealed class PointGroup
{
    /// <summary>The largest n in the name of an axial group, such as C_n or D_nh.</summary>
    public const int MaximumTurns = 360;

    /// <summary>The largest dimension of the group of signed permutations.</summary>
    public const int MaximumDimension = 128;

    // A point of the unit sphere that neither an axis nor a mirror goes through.
    private static readonly double[] s_genericPoint = [0.8, 0.48, 0.36];

    private static readonly double[,] s_inversion = Diagonal(-1, -1, -1);
    private static readonly double[,] s_diagonalTurn = { { 0, 0, 1 }, { 1, 0, 0 }, { 0, 1, 0 } };

    private static readonly NameForms<PointGroup> s_plane = new(
        "point group of the plane",
        $"They are Cn and Dn, with n up to {MaximumTurns}.",
        [("C#", n => Plane(n[0], reflects: false)), ("D#", n => Plane(n[0], reflects: true))]);

    private PointGroup(string name, Group group, double[][] vertices, double[][,] matrices)
    {
        Name = name;
        Group = group;
        Vertices = vertices;
        GeneratorMatrices = matrices;
    }

    /// <summary>Gets the name, such as <c>D3h</c>.</summary>
    public string Name { get; }

    /// <summary>Gets the dimension of the space, 2 in the plane.</summary>
    public int Dimension => Vertices[0].Length;

    /// <summary>
    /// Gets the group: in space and n-space the permutations of <see cref="Vertices"/>; in the plane the cyclic or dihedral group, which
    /// moves them as corners of a polygon.
    /// </summary>
    public Group Group { get; }

    /// <summary>Gets the coordinates of the vertices that the group moves, on the unit sphere. Do not modify them.</summary>
    public IReadOnlyList<double[]> Vertices { get; }

    /// <summary>Gets the orthogonal matrix of each generator of <see cref="Group"/>, in order. Do not modify them.</summary>
    public IReadOnlyList<double[,]> GeneratorMatrices { get; }

    /// <summary>Gets whether the group is that of all signed permutations, on the axes and their opposites.</summary>
    internal bool IsSigned { get; private init; }

    /// <summary>The names of the point groups of space.</summary>
    internal static NameForms<PointGroup> Space { get; } = new(
        "point group of space",
        $"They are C1, Ci, Cs, Cn, Cnv, Cnh, Dn, Dnd, Dnh with n up to {MaximumTurns}, Sn with an even n up to {2 * MaximumTurns}, T, Td, Th, O, Oh, I and Ih.",
        [
            ("Ci", _ => Make("Ci", null, s_inversion)),
            ("Cs", _ => Make("Cs", null, Diagonal(1, 1, -1))),
            ("C#", n => Axial($"C{n[0]}", n[0], Polygon, Turn(n[0]))),
            ("C#v", n => Axial($"C{n[0]}v", n[0], Polygon, Turn(n[0]), Diagonal(1, -1, 1))),
            ("C#h", n => Axial($"C{n[0]}h", n[0], Prism, Turn(n[0]), Diagonal(1, 1, -1))),
            ("S#", n => n[0] % 2 == 0 ? Axial($"S{n[0]}", n[0] / 2, Antiprism, TurnAndReflect(n[0])) : null),
            ("D#", n => Axial($"D{n[0]}", n[0], Polygon, Turn(n[0]), Diagonal(1, -1, -1))),
            ("D#d", n => Axial($"D{n[0]}d", n[0], Antiprism, TurnAndReflect(2 * n[0]), Diagonal(1, -1, 1))),
            ("D#h", n => Axial($"D{n[0]}h", n[0], Prism, Turn(n[0]), Diagonal(1, -1, -1), Diagonal(1, 1, -1))),
            ("T", _ => Make("T", Tetrahedron(), Turn(2), s_diagonalTurn)),
            ("Td", _ => Make("Td", Tetrahedron(), TurnAndReflect(4), s_diagonalTurn)),
            ("Th", _ => Make("Th", Cube(), Turn(2), s_diagonalTurn, s_inversion)),
            ("O", _ => Make("O", Cube(), Turn(4), s_diagonalTurn)),
            ("Oh", _ => Make("Oh", Cube(), Turn(4), s_diagonalTurn, s_inversion)),
            ("I", _ => Make("I", Icosahedron(), FivefoldTurn(), s_diagonalTurn)),
            ("Ih", _ => Make("Ih", Icosahedron(), FivefoldTurn(), s_diagonalTurn, s_inversion)),
        ]);

    /// <summary>Makes a point group of the plane: Cn, the turns of a regular polygon with n corners, or Dn, its reflections too.</summary>
    /// <param name="name">The name, such as <c>D4</c>.</param>
    /// <exception cref="EquivariantException">There is none of that name; the message names the nearest.</exception>
    public static PointGroup InPlane(string name) => s_plane.Get(name);

    /// <summary>Makes a point group of space from its name in Schoenflies' notation.</summary>
    /// <param name="name">
    /// C1, Ci, Cs, Cn, Cnv, Cnh, Sn with even n, Dn, Dnd, Dnh, T, Td, Th, O, Oh, I or Ih, with n up to <see cref="MaximumTurns"/> turns about the axis.
    /// </param>
    /// <remarks>
    /// The vertices are those of the tetrahedron for T and Td, the cube for Th, O and Oh, the icosahedron for I and Ih, a polygon, prism or
    /// antiprism for three turns or more (two for antiprisms), and else the orbit of a point in general position: always permuted faithfully.
    /// </remarks>
    /// <exception cref="EquivariantException">There is none of that name; the message names the nearest.</exception>
    public static PointGroup InSpace(string name) => Space.Get(name);

    /// <summary>
    /// Makes the group B_n of signed permutations, of order 2ⁿ n!: the symmetries of the n-cube, on the 2n vertices ±eᵢ of its dual. Vertex
    /// i is eᵢ and vertex n + i is −eᵢ.
    /// </summary>
    /// <param name="n">The dimension, 1 to <see cref="MaximumDimension"/>.</param>
    /// <exception cref="EquivariantException">The dimension is out of range.</exception>
    public static PointGroup SignedPermutations(int n)
    {
        if (n is < 1 or > MaximumDimension)
        {
            throw new EquivariantException($"Signed permutations need a dimension of 1 to {MaximumDimension}; {n} was given.");
        }

        double[][] vertices = new double[2 * n][];
        double[,] cycle = new double[n, n], swap = new double[n, n], flip = new double[n, n];
        for (int i = 0; i < n; i++)
        {
            (vertices[i], vertices[n + i]) = (new double[n], new double[n]);
            (vertices[i][i], vertices[n + i][i]) = (1, -1);
            cycle[(i + 1) % n, i] = 1;
            swap[i < 2 && n > 1 ? 1 - i : i, i] = 1;
            flip[i, i] = i == 0 ? -1 : 1;
        }

        double[][,] matrices = n switch
        {
            1 => [flip],
            2 => [swap, flip],
            _ => [cycle, swap, flip],
        };
        int[][] permutations = [.. matrices.Select(matrix => PermutationOf(matrix, vertices))];
        return new PointGroup($"B{n}", new PermutationGroup(2 * n, permutations, $"B{n}"), vertices, matrices) { IsSigned = true };
    }

    /// <summary>The point group that a group is, with the same generators; null for what is none.</summary>
    internal static PointGroup? Of(Group group) => group switch
    {
        CyclicGroup turns => s_plane.Find($"C{turns.Modulus}"),
        DihedralGroup => s_plane.Find(group.Name),
        PermutationGroup { IsStandardSymmetric: false } => Space.Find(group.Name) is { } found && found.Group == group ? found : SignedOf(group),
        _ => null,
    };

    private static PointGroup? SignedOf(Group group) =>
        group.PointCount % 2 == 0 && group.PointCount / 2 <= MaximumDimension && group.Name == $"B{group.PointCount / 2}" &&
        SignedPermutations(group.PointCount / 2) is { } signed && signed.Group == group
            ? signed
            : null;

    private static PointGroup? Plane(int n, bool reflects)
    {
        if (n > MaximumTurns)
        {
            return null;
        }

        double[,] turn = { { Cos(2.0 / n), -Sin(2.0 / n) }, { Sin(2.0 / n), Cos(2.0 / n) } };
        double[][,] turns = n == 1 ? [] : [turn];
        double[][] corners = [.. Polygon(n).Select(corner => corner[..2])];
        return reflects
            ? new PointGroup($"D{n}", Group.Dihedral(n), corners, [.. turns, new double[,] { { 1, 0 }, { 0, -1 } }])
            : new PointGroup($"C{n}", Group.Cyclic(n), corners, turns);
    }

    /// <summary>A group with an axis of n turns. Where n is too small, the vertices of its polygon or polyhedron do not show each element.</summary>
    private static PointGroup? Axial(string name, int n, Func<int, double[][]> solid, params double[][,] matrices)
    {
        int fewest = solid == Antiprism ? 2 : 3;
        return n > MaximumTurns ? null : Make(name, n >= fewest ? solid(n) : null, matrices);
    }

    /// <summary>A group by generators, on the vertices of a solid or else on the orbit of a point in general position.</summary>
    private static PointGroup Make(string name, double[][]? solid, params double[][,] matrices)
    {
        double[][,] generators = [.. matrices.Where(matrix => !IsIdentity(matrix))];
        double[][] vertices = solid ?? Orbit(s_genericPoint, generators);
        int[][] permutations = [.. generators.Select(matrix => PermutationOf(matrix, vertices))];
        return new PointGroup(name, new PermutationGroup(vertices.Length, permutations, name), vertices, generators);
    }

    private static double[][] Orbit(double[] point, double[][,] generators)
    {
        List<double[]> orbit = [point];
        for (int i = 0; i < orbit.Count; i++)
        {
            foreach (double[,] generator in generators)
            {
                double[] image = Image(generator, orbit[i]);
                if (IndexOf(image, orbit) < 0)
                {
                    orbit.Add(image);
                }
            }
        }

        return [.. orbit];
    }

    private static int[] PermutationOf(double[,] matrix, double[][] vertices) =>
        [.. vertices.Select(vertex => IndexOf(Image(matrix, vertex), vertices))];

    private static int IndexOf(double[] point, IReadOnlyList<double[]> points)
    {
        const double Rounding = 1e-9;
        for (int i = 0; i < points.Count; i++)
        {
            double[] other = points[i];
            int axis = 0;
            while (axis < point.Length && Math.Abs(point[axis] - other[axis]) < Rounding)
            {
                axis++;
            }

            if (axis == point.Length)
            {
                return i;
            }
        }

        return -1;
    }

    private static double[] Image(double[,] matrix, double[] vector)
    {
        double[] image = new double[vector.Length];
        for (int row = 0; row < image.Length; row++)
        {
            for (int column = 0; column < image.Length; column++)
            {
                image[row] += matrix[row, column] * vector[column];
            }
        }

        return image;
    }

    private static bool IsIdentity(double[,] matrix)
    {
        for (int row = 0; row < matrix.GetLength(0); row++)
        {
            for (int column = 0; column < matrix.GetLength(0); column++)
            {
                if (matrix[row, column] != (row == column ? 1 : 0))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>A turn by 1/n about the z axis.</summary>
    private static double[,] Turn(int n) => AboutZ(n, 1);

    /// <summary>A turn by 1/n about the z axis, and a reflection that takes z to −z.</summary>
    private static double[,] TurnAndReflect(int n) => AboutZ(n, -1);

    private static double[,] AboutZ(int n, double z) =>
        new[,] { { Cos(2.0 / n), -Sin(2.0 / n), 0 }, { Sin(2.0 / n), Cos(2.0 / n), 0 }, { 0, 0, z } };

    private static double[,] Diagonal(double x, double y, double z) => new[,] { { x, 0, 0 }, { 0, y, 0 }, { 0, 0, z } };

    /// <summary>A fifth of a turn about the first vertex of the icosahedron, by Rodrigues' formula.</summary>
    private static double[,] FivefoldTurn()
    {
        double[] axis = Icosahedron()[0];
        double[,] cross = { { 0, -axis[2], axis[1] }, { axis[2], 0, -axis[0] }, { -axis[1], axis[0], 0 } };
        double[,] turn = new double[3, 3];
        for (int row = 0; row < 3; row++)
        {
            for (int column = 0; column < 3; column++)
            {
                turn[row, column] = (row == column ? Cos(0.4) : 0) + Sin(0.4) * cross[row, column] + (1 - Cos(0.4)) * axis[row] * axis[column];
            }
        }

        return turn;
    }

    private static double[][] Polygon(int n) => Ring(n, 0, 1, 0);

    private static double[][] Prism(int n) => [.. Ring(n, 0, 0.8, 0.6), .. Ring(n, 0, 0.8, -0.6)];

    private static double[][] Antiprism(int n) => [.. Ring(n, 0, 0.8, 0.6), .. Ring(n, 1.0 / n, 0.8, -0.6)];

    /// <summary>The corners of a polygon at a height, turned by some half turns.</summary>
    private static double[][] Ring(int n, double halfTurns, double radius, double z) =>
        [.. Enumerable.Range(0, n).Select(i => new[] { radius * Cos(halfTurns + 2.0 * i / n), radius * Sin(halfTurns + 2.0 * i / n), z })];

    /// <summary>Corner x + 2y + 4z is in direction (2x − 1, 2y − 1, 2z − 1).</summary>
    private static double[][] Cube()
    {
        double unit = 1 / Math.Sqrt(3);
        return [.. Enumerable.Range(0, 8).Select(i => new[] { 0, 1, 2 }.Select(axis => (i >> axis & 1) == 1 ? unit : -unit).ToArray())];
    }

    /// <summary>The corners of a cube that have an even number of negative coordinates.</summary>
    private static double[][] Tetrahedron() => [.. Cube().Where(corner => corner[0] * corner[1] * corner[2] > 0)];

    /// <summary>(0, ±1, ±φ) with the golden ratio φ, and what becomes of them when the coordinates change places in a circle.</summary>
    private static double[][] Icosahedron()
    {
        double golden = (1 + Math.Sqrt(5)) / 2, length = Math.Sqrt(1 + golden * golden);
        double[][] first = [[0, 1, golden], [0, 1, -golden], [0, -1, golden], [0, -1, -golden]];
        return
        [
            .. Enumerable.Range(0, 3).SelectMany(shift => first.Select(
                vertex => Enumerable.Range(0, 3).Select(axis => vertex[(axis + 3 - shift) % 3] / length).ToArray())),
        ];
    }

    private static double Cos(double halfTurns) => double.CosPi(halfTurns);

    private static double Sin(double halfTurns) => double.SinPi(halfTurns);
}
