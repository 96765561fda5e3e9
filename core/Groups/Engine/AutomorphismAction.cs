namespace Equivariant.Core.Groups.Engine;

/// <summary>A group H acting on a group N by automorphisms φ_h: what a semidirect product needs.</summary>
internal abstract class AutomorphismAction
{
    private const int TabulatedElements = 4096;
    private const long TableSize = 1 << 22;

    /// <summary>Writes φ_h(n).</summary>
    public abstract void Act(ReadOnlySpan<int> h, ReadOnlySpan<int> n, Span<int> image);

    /// <summary>
    /// Checks that the images define automorphisms of N and that H's relations hold between them, and makes φ ready to use.
    /// </summary>
    /// <param name="normal">N.</param>
    /// <param name="acting">H.</param>
    /// <param name="images">For each generator of H, the images of N's generators.</param>
    /// <exception cref="EquivariantException">φ is not a homomorphism from H into the automorphisms of N.</exception>
    public static AutomorphismAction FromImages(Group normal, Group acting, int[][][] images)
    {
        for (int j = 0; j < images.Length; j++)
        {
            RequireAutomorphism(normal, images[j], $"φ of generator {j} ({acting.Generators[j]}) of {acting.Name}");
        }

        return normal switch
        {
            CyclicGroup cyclic => MakeCyclic(cyclic, acting, images),
            _ when normal.Order <= TabulatedElements => MakeTabulated(normal, acting, images),
            _ => MakeByWords(normal, acting, images),
        };
    }

    private static void RequireAutomorphism(Group normal, int[][] images, string what)
    {
        if (normal.TryExtend(normal.Ambient, images, out BrokenRelation? broken) is null)
        {
            throw new EquivariantException(
                $"{what} is not an automorphism of {normal.Name}: {broken!.Describe(normal)}, but the images given do not.");
        }

        Subgroup image = new(normal, images);
        if (image.Order != normal.Order)
        {
            throw new EquivariantException(
                $"{what} is not an automorphism of {normal.Name}: the images of the generators generate only a subgroup of order {image.Order} " +
                $"of the {normal.Order} elements, so different elements get the same image.");
        }
    }

    private static Evaluator RequireHomomorphism(Group normal, Group acting, Group automorphisms, int[][] images) =>
        acting.TryExtend(automorphisms, images, out BrokenRelation? broken) ?? throw new EquivariantException(
            $"φ is not a homomorphism from {acting.Name} to the automorphisms of {normal.Name}: {broken!.Describe(acting)}, " +
            "but the automorphisms given do not.");

    private static CyclicAction MakeCyclic(CyclicGroup normal, Group acting, int[][][] images)
    {
        MultiplierGroup units = new(normal.Modulus);
        int[][] multipliers = [.. images.Select(image => new[] { image.Length == 0 ? 0 : image[0][0] })];
        if (normal.Modulus == 1)
        {
            multipliers = [.. images.Select(_ => new[] { 0 })];
        }

        return new CyclicAction(normal.Modulus, RequireHomomorphism(normal, acting, units, multipliers));
    }

    private static AutomorphismAction MakeTabulated(Group normal, Group acting, int[][][] images)
    {
        int size = (int)normal.Order;
        RankTable table = new(normal);
        Group permutations = Group.SymmetricOn(size);
        int[][] tables = new int[images.Length][];
        int[] image = new int[normal.Width];
        for (int j = 0; j < images.Length; j++)
        {
            Evaluator automorphism = normal.TryExtend(normal.Ambient, images[j], out _)!;
            tables[j] = new int[size];
            for (int rank = 0; rank < size; rank++)
            {
                automorphism.Evaluate(table.Code(rank), image);
                tables[j][rank] = table.Rank(image);
            }
        }

        Evaluator evaluator = RequireHomomorphism(normal, acting, permutations, tables);
        return acting.Order * size <= TableSize
            ? new WholeTableAction(table, acting, evaluator)
            : new StepAction(acting, index => new TableStep(table, Evaluated(evaluator, index, size)));
    }

    private static StepAction MakeByWords(Group normal, Group acting, int[][][] images)
    {
        AutomorphismGroup automorphisms = new(normal);
        int[][] codes = [.. images.Select(image => image.SelectMany(code => code).ToArray())];
        Evaluator evaluator = RequireHomomorphism(normal, acting, automorphisms, codes);
        return new StepAction(acting, code =>
            new EvaluatorStep(automorphisms.EvaluatorOf(Evaluated(evaluator, code, automorphisms.Width))));
    }

    private static int[] Evaluated(Evaluator evaluator, ReadOnlySpan<int> code, int width)
    {
        int[] image = new int[width];
        evaluator.Evaluate(code, image);
        return image;
    }

    /// <summary>H acts on the integers mod n by multiplication.</summary>
    private sealed class CyclicAction(int n, Evaluator multipliers) : AutomorphismAction
    {
        public override void Act(ReadOnlySpan<int> h, ReadOnlySpan<int> element, Span<int> image)
        {
            Span<int> multiplier = stackalloc int[1];
            multipliers.Evaluate(h, multiplier);
            image[0] = (int)((long)element[0] * multiplier[0] % n);
        }
    }

    /// <summary>N and H are both small: φ_h(n) is looked up.</summary>
    private sealed class WholeTableAction : AutomorphismAction
    {
        private readonly RankTable _normal;
        private readonly GroupChain _acting;
        private readonly int[] _table;

        public WholeTableAction(RankTable normal, Group acting, Evaluator evaluator)
        {
            _normal = normal;
            _acting = acting.Chain;
            int size = normal.Count;
            _table = new int[(int)acting.Order * size];
            int[] code = new int[acting.Width];
            int[] indices = new int[_acting.Length];
            for (int rank = 0; rank * size < _table.Length; rank++)
            {
                _acting.Unrank(rank, indices);
                _acting.Product(indices, code);
                evaluator.Evaluate(code, _table.AsSpan(rank * size, size));
            }
        }

        public override void Act(ReadOnlySpan<int> h, ReadOnlySpan<int> n, Span<int> image)
        {
            using Scratch scratch = new(_acting.Length, stackalloc int[Scratch.StackSize(_acting.Length)]);
            _acting.TryFactor(h, scratch.Span);
            int row = (int)_acting.Rank(scratch.Span) * _normal.Count;
            _normal.Code(_table[row + _normal.Rank(n)]).CopyTo(image);
        }
    }

    /// <summary>φ_h is applied as the product of φ_u for the factors u of h, each prepared when it is first met.</summary>
    private sealed class StepAction(Group acting, Func<int[], Step> prepare) : AutomorphismAction
    {
        private readonly GroupChain _chain = acting.Chain;
        private readonly Dictionary<(int, int), Step> _steps = [];

        public override void Act(ReadOnlySpan<int> h, ReadOnlySpan<int> n, Span<int> image)
        {
            using Scratch scratch = new(_chain.Length, stackalloc int[Scratch.StackSize(_chain.Length)]);
            Span<int> indices = scratch.Span;
            _chain.TryFactor(h, indices);
            n.CopyTo(image);
            for (int level = 0; level < indices.Length; level++)
            {
                if (indices[level] != 0)
                {
                    StepFor(level, indices[level]).Apply(image);
                }
            }
        }

        private Step StepFor(int level, int index)
        {
            lock (_steps)
            {
                if (!_steps.TryGetValue((level, index), out Step? step))
                {
                    int[] code = new int[acting.Width];
                    _chain.Representative(level, index, code);
                    step = prepare(code);
                    _steps.Add((level, index), step);
                }

                return step;
            }
        }
    }

    private abstract class Step
    {
        public abstract void Apply(Span<int> element);
    }

    private sealed class TableStep(RankTable table, int[] images) : Step
    {
        public override void Apply(Span<int> element) => table.Code(images[table.Rank(element)]).CopyTo(element);
    }

    private sealed class EvaluatorStep(Evaluator evaluator) : Step
    {
        public override void Apply(Span<int> element)
        {
            using Scratch scratch = new(element.Length, stackalloc int[Scratch.StackSize(element.Length)]);
            element.CopyTo(scratch.Span);
            evaluator.Evaluate(scratch.Span, element);
        }
    }
}
