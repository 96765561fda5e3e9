using System.Numerics;
using Equivariant.Core.Actions;
using Equivariant.Core.Groups;

namespace Equivariant.Core.Representations;

/// <summary>A representation by real matrices for the generators of a group; see <see cref="Representation.Of(Group, IReadOnlyList{double[,]}, string?, double)"/>.</summary>
public sealed class MatrixRepresentation : Representation
{
    private const int MostProducts = 4096;
    private const double MostWork = 5e8;
    private const int MostOrderToRaise = 1 << 20;
    private readonly double[][,] _images;
    private readonly Lazy<IReadOnlyList<Transversal>> _transversals;
    private readonly Dictionary<(int Level, int Index), double[,]> _known = [];
    private readonly double _tolerance;

    internal MatrixRepresentation(Group group, IReadOnlyList<double[,]> generatorMatrices, string? name, double tolerance)
        : base(group, DimensionOf(group, generatorMatrices))
    {
        Name = name ?? $"{Dimension} × {Dimension} matrices";
        _images = [.. generatorMatrices.Select(matrix => (double[,])matrix.Clone())];
        _tolerance = tolerance;
        _transversals = new(() => group.Transversals);
        IsOrthogonal = _images.All(matrix =>
            DenseMatrices.Distance(DenseMatrices.Multiply(DenseMatrices.Transpose(matrix), matrix), DenseMatrices.Identity(Dimension)) < 1e-9);
        CheckOrders();
        IsFullyChecked = CheckProducts();
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool IsOrthogonal { get; }

    /// <summary>
    /// Gets whether the check of the matrices was a proof (up to rounding) that they represent the group; false where
    /// the group is so large that only a sample of its relations was checked.
    /// </summary>
    public bool IsFullyChecked { get; }

    /// <inheritdoc/>
    public override Representation Restrict(Group subgroup) => subgroup.Generators.Count == 0
        ? Trivial(subgroup, Dimension)
        : new MatrixRepresentation(subgroup, [.. subgroup.Generators.Select(Matrix)], Name, _tolerance);

    /// <summary>Where the matrices only move coordinates, those are points for whoever solves for maps.</summary>
    private protected override Fibres MakeFibres() => _images.All(DenseMatrices.IsPermutation)
        ? new Fibres(
            new PermutationAction(Group, Dimension, [.. _images.Select(DenseMatrices.ToPermutation)], Name), Trivial(Group), [.. Enumerable.Range(0, Dimension)])
        : base.MakeFibres();

    internal override double[,] MatrixOf(GroupElement element)
    {
        int[] indices = Group.Factorise(element);
        double[,]? product = null;
        for (int level = 0; level < indices.Length; level++)
        {
            if (indices[level] != 0)
            {
                double[,] factor = Representative(level, indices[level]);
                product = product is null ? factor : DenseMatrices.Multiply(factor, product);
            }
        }

        return product is null ? DenseMatrices.Identity(Dimension) : (double[,])product.Clone();
    }

    private static int DimensionOf(Group group, IReadOnlyList<double[,]> matrices)
    {
        if (matrices.Count != group.Generators.Count)
        {
            throw new EquivariantException(
                $"{group.Name} has {group.Generators.Count} generator{(group.Generators.Count == 1 ? "" : "s")}, but {matrices.Count} " +
                "matrices were given; a representation needs one for each.");
        }

        if (matrices.Count == 0)
        {
            throw new EquivariantException($"{group.Name} has no generators, so matrices do not tell a dimension; use Representation.Trivial.");
        }

        int n = matrices[0].GetLength(0);
        for (int i = 0; i < matrices.Count; i++)
        {
            string which = $"The matrix for generator {i} ({group.Generators[i]}) of {group.Name}";
            if (matrices[i].GetLength(0) != n || matrices[i].GetLength(1) != n || n == 0)
            {
                throw new EquivariantException(
                    $"{which} is {matrices[i].GetLength(0)} × {matrices[i].GetLength(1)}; it has to be square, not empty, and as large as the first.");
            }

            if (!matrices[i].Cast<double>().All(double.IsFinite))
            {
                throw new EquivariantException($"{which} has an entry that is not a finite number.");
            }
        }

        return n;
    }

    private void CheckOrders()
    {
        for (int i = 0; i < _images.Length; i++)
        {
            BigInteger order = Group.Generators[i].Order;
            if (order > MostOrderToRaise)
            {
                continue;
            }

            double error = DenseMatrices.Distance(DenseMatrices.Power(_images[i], (long)order), DenseMatrices.Identity(Dimension));
            if (!(error <= _tolerance * (1 + DenseMatrices.Largest(_images[i]))))
            {
                throw NotOne($"generator {i} ({Group.Generators[i]}) satisfies a^{order} = 1", error);
            }
        }
    }

    /// <summary>
    /// Checks R(x) R(u) = R(x u) for transversal elements, x of the level of u or below, and R = the given matrices on
    /// generators. By induction along the chain of subgroups, R then is a homomorphism.
    /// </summary>
    /// <returns>Whether all of them were checked.</returns>
    private bool CheckProducts()
    {
        for (int i = 0; i < _images.Length; i++)
        {
            double error = DenseMatrices.Distance(MatrixOf(Group.Generators[i]), _images[i]);
            if (!(error <= Allowed(_images[i], _images[i])))
            {
                throw NotOne(Relation(Group.Generators[i], Group.Identity), error);
            }
        }

        int[] sizes = [.. _transversals.Value.Select(u => u.Count)];
        double cube = Math.Pow(Dimension, 3) * (1 + sizes.Length);
        BigInteger products = sizes.Select((size, level) => (BigInteger)size * sizes.Take(level + 1).Sum()).Aggregate(BigInteger.Zero, (a, b) => a + b);
        int affordable = (int)Math.Min(MostProducts, MostWork / cube);
        if (products <= affordable)
        {
            for (int level = 0; level < sizes.Length; level++)
            {
                for (int below = 0; below <= level; below++)
                {
                    foreach (GroupElement u in _transversals.Value[level].Skip(1))
                    {
                        foreach (GroupElement x in _transversals.Value[below].Skip(1))
                        {
                            CheckProduct(x, u);
                        }
                    }
                }
            }

            return true;
        }

        Random random = new(0);
        for (int i = 0; i < Math.Clamp(affordable, 4, 64); i++)
        {
            CheckProduct(Group.Random(random), Group.Random(random));
            CheckProduct(Group.Generators[i % _images.Length], Group.Random(random));
        }

        return false;
    }

    private void CheckProduct(GroupElement left, GroupElement right)
    {
        double[,] first = MatrixOf(left), second = MatrixOf(right);
        double error = DenseMatrices.Distance(DenseMatrices.Multiply(first, second), MatrixOf(left * right));
        if (!(error <= Allowed(first, second)))
        {
            throw NotOne(Relation(left, right), error);
        }
    }

    private double Allowed(double[,] left, double[,] right) =>
        _tolerance * (1 + DenseMatrices.Largest(left)) * (1 + DenseMatrices.Largest(right)) * Dimension;

    /// <summary>The matrix of a transversal element, multiplied out from its word in the generators.</summary>
    private double[,] Representative(int level, int index)
    {
        lock (_known)
        {
            if (!_known.TryGetValue((level, index), out double[,]? matrix))
            {
                matrix = DenseMatrices.Identity(Dimension);
                IReadOnlyList<WordLetter> word = Group.Word(_transversals.Value[level][index]);
                for (int i = word.Count - 1; i >= 0; i--)
                {
                    matrix = DenseMatrices.Multiply(PowerOfGenerator(word[i]), matrix);
                }

                _known.Add((level, index), matrix);
            }

            return matrix;
        }
    }

    private double[,] PowerOfGenerator(WordLetter letter)
    {
        double[,] image = _images[letter.Generator];
        if (letter.Exponent > 0)
        {
            return DenseMatrices.Power(image, letter.Exponent);
        }

        // Inverses through the order, which was checked: they are as exact as the matrices.
        BigInteger order = Group.Generators[letter.Generator].Order;
        return order <= MostOrderToRaise
            ? DenseMatrices.Power(image, (long)(order + BigInteger.Remainder(letter.Exponent, order)))
            : DenseMatrices.Power(DenseMatrices.Inverse(image), -(long)letter.Exponent);
    }

    private string Relation(GroupElement left, GroupElement right)
    {
        string product = right.IsIdentity ? $"{left}" : $"({left}) · ({right}) = {left * right}";
        return $"the generators, in words, multiply out as {product} = {Text(Group.Word(left * right))}" +
            (right.IsIdentity ? "" : $", which is also {Text(Group.Word(left))} · {Text(Group.Word(right))}");
    }

    private string Text(IReadOnlyList<WordLetter> word) =>
        word.Count == 0 ? "1" : string.Join(" ", word.Select(letter => letter.Exponent == 1 ? $"g{letter.Generator}" : $"g{letter.Generator}^{letter.Exponent}"));

    private EquivariantException NotOne(string relation, double error) => new(
        $"These matrices do not represent {Group.Name}: {relation}, but the matrices miss that by {error:G3}. " +
        "Give them in full double precision, in the order of the group's generators.");
}
