using System.Numerics;
using System.Runtime.InteropServices;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>A real representation of a finite group: a value that adds, multiplies and dualises, and is solved only when asked.</summary>
/// <remarks>
/// Vectors are columns, and <c>Matrix(g h) = Matrix(g) Matrix(h)</c>. Sums and tensor products of permutation
/// representations stay permutation representations, for which everything comes from orbits, without matrices. The
/// algebra follows EMLP (Finzi, Welling, Wilson, ICML 2021).
/// </remarks>
public abstract class Representation
{
    private readonly Lazy<IReadOnlyList<double[,]>> _generatorMatrices;
    private readonly Lazy<InvariantBasis> _invariants;
    private readonly Lazy<Orthogonaliser?> _orthogonaliser;
    private readonly Lazy<Fibres> _fibres;

    /// <summary>Fixes the group and the dimension.</summary>
    /// <param name="group">The group that acts.</param>
    /// <param name="dimension">The dimension of the space, at least 1.</param>
    private protected Representation(Group group, int dimension)
    {
        Group = group;
        Dimension = dimension;
        _generatorMatrices = new(() => [.. Group.Generators.Select(MatrixOf)]);
        _invariants = new(() => InvariantBasis.Of(this));
        _orthogonaliser = new(() => IsOrthogonal ? null : Representations.Orthogonaliser.For(this));
        _fibres = new(MakeFibres);
    }

    /// <summary>Gets the group that acts.</summary>
    public Group Group { get; }

    /// <summary>Gets the dimension of the space.</summary>
    public int Dimension { get; }

    /// <summary>Gets what the representation is called in messages.</summary>
    public abstract string Name { get; }

    /// <summary>Gets the action on coordinates, where the group only permutes them; null elsewhere.</summary>
    public virtual PermutationAction? Permutation => null;

    /// <summary>Gets whether the group only permutes coordinates.</summary>
    public bool IsPermutation => Permutation is not null;

    /// <summary>Gets whether all matrices are orthogonal (to 1e-9).</summary>
    public abstract bool IsOrthogonal { get; }

    /// <summary>Gets the parts of a direct sum, in the order of their coordinates; of anything else, the representation itself.</summary>
    public virtual IReadOnlyList<Representation> Summands => [this];

    /// <summary>Gets the matrix of each generator, in the order of the group's generators. Do not modify them.</summary>
    public IReadOnlyList<double[,]> GeneratorMatrices => _generatorMatrices.Value;

    /// <summary>Gets the vectors that the group fixes: <c>V^G</c>.</summary>
    public InvariantBasis Invariants => _invariants.Value;

    /// <summary>Gets the fibres over points that the coordinates are.</summary>
    internal Fibres Fibres => _fibres.Value;

    /// <summary>Gets the change to coordinates in which the matrices are orthogonal; null where they already are.</summary>
    internal Orthogonaliser? Orthogonaliser => _orthogonaliser.Value;

    /// <summary>The direct sum: coordinates of the first, then those of the second.</summary>
    /// <exception cref="EquivariantException">The groups differ.</exception>
    public static Representation operator +(Representation left, Representation right) => Sum(left, right);

    /// <summary>The tensor product: coordinate <c>(i, j)</c> is number <c>i · right.Dimension + j</c>.</summary>
    /// <exception cref="EquivariantException">The groups differ, or the dimension is too large.</exception>
    public static Representation operator *(Representation left, Representation right)
    {
        RequireSameGroup([left, right], "multiplied");
        if (left.Permutation is { } first && right.Permutation is { } second)
        {
            return new PermutationRepresentation(first.Times(second));
        }

        // Over sums on the left, the order of coordinates is kept, and small summands are cheaper to solve.
        return left.Summands.Count > 1
            ? Sum([.. left.Summands.Select(part => part * right)])
            : new TensorProductRepresentation(left, right);
    }

    /// <summary>The representation by which a permutation action moves coordinates: <c>(g·x)[g·i] = x[i]</c>.</summary>
    /// <param name="action">The action on coordinate numbers.</param>
    public static Representation Of(PermutationAction action) => new PermutationRepresentation(action);

    /// <summary>The representation with given matrices for the group's generators.</summary>
    /// <param name="group">The group.</param>
    /// <param name="generatorMatrices">One square real matrix for each generator, in order; orthogonal or not.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="tolerance">How far a relation of the group may be off, relative to the size of the matrices.</param>
    /// <remarks>
    /// Checked: the order of each generator; and, with matrices assigned to the group's transversals, every product
    /// of two transversal elements that has to reduce, which together are a presentation of the group. Where those are
    /// too many (over a few thousand products, or large matrices), a fixed sample of them and products of random
    /// elements; see <see cref="MatrixRepresentation.IsFullyChecked"/>.
    /// </remarks>
    /// <exception cref="EquivariantException">A matrix has the wrong shape or a relation fails; the message names it.</exception>
    public static MatrixRepresentation Of(
        Group group, IReadOnlyList<double[,]> generatorMatrices, string? name = null, double tolerance = 1e-8) =>
        new(group, generatorMatrices, name, tolerance);

    /// <summary>
    /// The representation by which a group of rotations and reflections moves vectors: Cn and Dn in the plane, the point groups of space by
    /// 3 × 3 matrices, signed permutations by n × n matrices. See <see cref="PointGroup"/>.
    /// </summary>
    /// <param name="group">A cyclic or dihedral group, the group of a <see cref="PointGroup"/>, or a subgroup of one.</param>
    /// <exception cref="EquivariantException">The group moves no vectors by itself.</exception>
    public static Representation Vectors(Group group)
    {
        if (group is Subgroup)
        {
            return Vectors(group.Ambient).Restrict(group);
        }

        PointGroup known = PointGroup.Of(group) ?? throw new EquivariantException(
            $"{group.Name} moves no vectors by itself: cyclic and dihedral groups, point groups and signed permutations do. Give others matrices by Representation.Of.");
        return known.IsSigned ? new SignedPermutationRepresentation(group, known.Dimension)
            : known.GeneratorMatrices.Count == 0 ? Trivial(group, known.Dimension)
            : Of(group, known.GeneratorMatrices, $"vectors of dimension {known.Dimension}");
    }

    /// <summary>The representation in which nothing moves.</summary>
    /// <param name="group">The group.</param>
    /// <param name="dimension">The dimension.</param>
    public static Representation Trivial(Group group, int dimension = 1) =>
        new PermutationRepresentation(PermutationAction.Trivial(group, dimension));

    /// <summary>The regular representation: the group permutes its own elements from the left.</summary>
    /// <param name="group">The group; it is listed, so it has to be small.</param>
    public static Representation Regular(Group group) => new PermutationRepresentation(PermutationAction.Regular(group));

    /// <summary>The direct sum of several representations, their coordinates side by side.</summary>
    /// <param name="parts">At least one representation, all of one group.</param>
    /// <exception cref="EquivariantException">There is none, or the groups differ.</exception>
    public static Representation Sum(params Representation[] parts)
    {
        if (parts.Length == 0)
        {
            throw new EquivariantException("A direct sum needs at least one representation; for an input that no group moves, take Representation.Trivial.");
        }

        RequireSameGroup(parts, "added");
        if (parts.Length == 1)
        {
            return parts[0];
        }

        PermutationAction[] actions = [.. parts.Select(part => part.Permutation).OfType<PermutationAction>()];
        return actions.Length == parts.Length
            ? new PermutationRepresentation(actions[0].Plus(actions[1..]))
            : new SumRepresentation([.. parts.SelectMany(part => part.Summands)]);
    }

    /// <summary>The tensor power <c>V ⊗ … ⊗ V</c>.</summary>
    /// <param name="exponent">How many factors, at least 1.</param>
    /// <exception cref="EquivariantException">The exponent is below 1, or the dimension too large.</exception>
    public Representation Power(int exponent)
    {
        if (exponent < 1)
        {
            throw new EquivariantException($"A tensor power needs an exponent of at least 1; {exponent} was given. The power 0 is Representation.Trivial.");
        }

        Representation power = this;
        for (int i = 1; i < exponent; i++)
        {
            power *= this;
        }

        return power;
    }

    /// <summary>The dual: <c>g</c> acts by the transpose of <c>Matrix(g⁻¹)</c>. Orthogonal representations are their own duals.</summary>
    public virtual Representation Dual() => IsOrthogonal ? this : new DualRepresentation(this);

    /// <summary>The representation of a subgroup by the same matrices.</summary>
    /// <param name="subgroup">A subgroup of <see cref="Group"/>.</param>
    /// <exception cref="EquivariantException">A generator of the subgroup is not in the group.</exception>
    public abstract Representation Restrict(Group subgroup);

    /// <summary>Lets another group act through a homomorphism into <see cref="Group"/>: <c>Matrix(h(g))</c>.</summary>
    /// <param name="homomorphism">The homomorphism <c>h</c>.</param>
    /// <exception cref="EquivariantException">Its target is not <see cref="Group"/>.</exception>
    public Representation Pullback(GroupHomomorphism homomorphism)
    {
        if (Permutation is { } action)
        {
            return Of(action.Pullback(homomorphism));
        }

        return homomorphism.Target == Group
            ? Of(homomorphism.Source, [.. homomorphism.Source.Generators.Select(g => Matrix(homomorphism.Apply(g)))], $"{Name} of {homomorphism.Source.Name}")
            : throw new EquivariantException(
                $"A homomorphism into {homomorphism.Target.Name} can't bring back a representation of {Group.Name}: its target has to be the group represented.");
    }

    /// <summary>Lets the group act on tensors along an axis: by moving coordinates where it permutes them, else by its matrices.</summary>
    /// <param name="axis">The axis, counted from the end.</param>
    public TensorAction Action(int axis = -1) => Permutation is { } action ? new AxisAction(action, axis) : new MatrixAction(this, axis);

    /// <summary>Computes the matrix of an element.</summary>
    /// <param name="element">An element of <see cref="Group"/>.</param>
    /// <returns>A new matrix, <see cref="Dimension"/> × <see cref="Dimension"/>.</returns>
    /// <exception cref="EquivariantException">The element is not in the group.</exception>
    public double[,] Matrix(GroupElement element)
    {
        RequireElement(element);
        return MatrixOf(element);
    }

    /// <summary>Computes the trace of the matrix of an element.</summary>
    /// <param name="element">An element of <see cref="Group"/>.</param>
    /// <exception cref="EquivariantException">The element is not in the group.</exception>
    public double Character(GroupElement element)
    {
        if (Permutation is { } action)
        {
            return action.Fix(element).Length;
        }

        double[,] matrix = Matrix(element);
        double trace = 0;
        for (int i = 0; i < Dimension; i++)
        {
            trace += matrix[i, i];
        }

        return trace;
    }

    /// <summary>Says which group acts on what, and the dimension.</summary>
    public override string ToString() => $"{Name} of {Group.Name}, dimension {Dimension}";

    /// <summary>Tells whether two representations are of one group and act by the same matrices on generators.</summary>
    /// <param name="other">The other representation.</param>
    public bool ActsAs(Representation other)
    {
        if (ReferenceEquals(this, other))
        {
            return true;
        }

        if (Dimension != other.Dimension || Group != other.Group)
        {
            return false;
        }

        const double Rounding = 1e-9;
        return Permutation is { } mine && other.Permutation is { } theirs
            ? mine.ActsAs(theirs)
            : IsPermutation == other.IsPermutation &&
                GeneratorMatrices.Zip(other.GeneratorMatrices).All(pair => DenseMatrices.Distance(pair.First, pair.Second) < Rounding);
    }

    internal void RequireElement(GroupElement element)
    {
        if (!Group.Contains(element))
        {
            throw new EquivariantException($"{element} of {element.Group.Name} has no matrix in {Name}, which represents {Group.Name}.");
        }
    }

    internal static void RequireSameGroup(IReadOnlyList<Representation> parts, string what)
    {
        foreach (Representation part in parts)
        {
            if (part.Group != parts[0].Group)
            {
                throw new EquivariantException(
                    $"Only representations of one group can be {what}; these are of {parts[0].Group.Name} and {part.Group.Name}. " +
                    "Restrict one of them, or let the direct product act on both.");
            }
        }
    }

    internal static int RequireDimension(BigInteger dimension)
    {
        if (dimension > PermutationAction.MaximumDegree)
        {
            throw new EquivariantException(
                $"A representation may have dimension at most {PermutationAction.MaximumDegree}; {dimension} was asked for.");
        }

        return (int)dimension;
    }

    /// <summary>Without more knowledge, coordinates are points where they are permuted, and one fibre elsewhere.</summary>
    private protected virtual Fibres MakeFibres() => Permutation is { } action
        ? new Fibres(action, Trivial(Group), [.. Enumerable.Range(0, Dimension)])
        : new Fibres(PermutationAction.Trivial(Group, 1), this, [.. Enumerable.Range(0, Dimension)]);

    /// <summary>Computes the matrix of what is known to be an element.</summary>
    internal abstract double[,] MatrixOf(GroupElement element);

    /// <summary>The matrices of several elements, <c>[T, n, n]</c>, float64, on the CPU.</summary>
    internal Tensor Stack(IReadOnlyList<GroupElement> elements)
    {
        int n = Dimension;
        DenseMatrices.RequireEntries($"{elements.Count} matrices of {this}", (BigInteger)elements.Count * n * n);
        int entries = n * n;
        double[] values = new double[elements.Count * entries];
        for (int t = 0; t < elements.Count; t++)
        {
            MemoryMarshal.CreateReadOnlySpan(ref MatrixOf(elements[t])[0, 0], entries).CopyTo(values.AsSpan(t * entries));
        }

        return tensor(values, [elements.Count, n, n], dtype: ScalarType.Float64);
    }
}
