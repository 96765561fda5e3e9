using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Conjugacy classes of a group of permutations from those of its quotient by a soluble normal subgroup, layer by layer (Mecky and Neubüser, 1989;
/// Cannon and Souvignier, 1997).
/// </summary>
/// <remarks>
/// Let V = N/M be a layer, and C what commutes with gN in G/N. The classes of G/M above that of gN are those of the g v, v in V, and c in C
/// takes g v to g (a(c) + c v), where a(c) is g⁻¹ c g c⁻¹: they are orbits of affine maps on V/[g, V], since N itself adds [g, V]. What fixes a
/// point of one, with what of V commutes with g, is what commutes with g v in G/M.
/// </remarks>
internal sealed class ClassLift
{
    /// <summary>The largest number of points of V/[g, V].</summary>
    private const int MostPoints = 1 << 20;

    /// <summary>Points that may be moved: some seconds.</summary>
    private const long MostWork = 300_000_000;
    private readonly SolubleSeries _series;
    private readonly PermutationGroup? _quotient;
    private readonly Action<int[], BigInteger>? _found;
    private long _work;

    /// <summary>Prepares to lift.</summary>
    /// <param name="series">The layers.</param>
    /// <param name="quotient">
    /// The group modulo all layers, if that is not trivial. Its points follow those of the group, so that all elements here permute both.
    /// </param>
    /// <param name="found">Takes an element of each class and how many elements commute with it; if left out, classes are counted only.</param>
    public ClassLift(SolubleSeries series, PermutationGroup? quotient, Action<int[], BigInteger>? found)
    {
        _series = series;
        _quotient = quotient;
        _found = found;
    }

    /// <summary>The number of classes found so far.</summary>
    public long Count { get; private set; }

    /// <summary>Finds the classes above one of the quotient by all layers; returns false where there is too much to do.</summary>
    /// <param name="element">An element of the class.</param>
    /// <param name="top">What generates, with the layers, all that commutes with it modulo the layers.</param>
    /// <param name="commuting">How many elements of the quotient commute with it.</param>
    public bool TryLift(int[] element, IReadOnlyList<int[]> top, BigInteger commuting) =>
        TryLift(new Class(element, [], [.. top.Select(t => new SolubleSeries.Step(t, 0))], commuting, commuting), _series.Layers.Count - 1);

    private bool TryLift(Class above, int layer)
    {
        if (layer < 0)
        {
            Count++;
            _found?.Invoke(above.Element, above.Commuting);
            return true;
        }

        Fibre fibre = new(_series, layer, above);
        if (fibre.Points > MostPoints)
        {
            return false;
        }

        _work += (fibre.Points + 100L) * (above.Steps.Count + above.Top.Count + 1);
        if (_work > MostWork)
        {
            return false;
        }

        if (layer == 0 && _found is null)
        {
            Count += fibre.CountOrbits();
            return true;
        }

        return fibre.Classes(_quotient).All(below => TryLift(below, layer - 1));
    }

    /// <summary>A class of the quotient by a layer's larger subgroup.</summary>
    /// <param name="Element">One of its elements, g.</param>
    /// <param name="Steps">A polycyclic sequence that generates, with the larger subgroup, what commutes with g and is in the layers above.</param>
    /// <param name="Top">What generates the rest of what commutes with g.</param>
    /// <param name="TopOrder">The order of that modulo all layers.</param>
    /// <param name="Commuting">How many elements of the quotient commute with g.</param>
    private sealed record Class(
        int[] Element, IReadOnlyList<SolubleSeries.Step> Steps, IReadOnlyList<SolubleSeries.Step> Top, BigInteger TopOrder, BigInteger Commuting)
    {
        public int[] Inverse { get; } = Permutations.Inverse(Element);
    }

    /// <summary>What lies above one class: the points of V/[g, V], numbered by their coordinates as digits.</summary>
    private sealed class Fibre
    {
        private readonly SolubleSeries _series;
        private readonly int _number;
        private readonly Class _above;
        private readonly int _prime;
        private readonly IReadOnlyList<SolubleSeries.Step> _basis;

        /// <summary>A basis of [g, V] in reduced echelon form: the place of each one's leading 1, it, and what of V it comes from.</summary>
        private readonly List<(int Lead, int[] Image, int[] Source)> _moved = [];

        /// <summary>A basis of what of V commutes with g.</summary>
        private readonly List<int[]> _kernel = [];

        /// <summary>The places that lead no vector of [g, V]: coordinates of V/[g, V].</summary>
        private readonly int[] _free;

        public Fibre(SolubleSeries series, int number, Class above)
        {
            (_series, _number, _above) = (series, number, above);
            _prime = series.Layers[number].Prime;
            _basis = series.Layers[number].Basis;
            FindMoved();
            _free = [.. Enumerable.Range(0, _basis.Count).Where(i => _moved.TrueForAll(moved => moved.Lead != i))];
            double points = Math.Pow(_prime, _free.Length);
            Points = points > int.MaxValue ? int.MaxValue : (int)points;
        }

        public int Points { get; }

        /// <summary>The number of classes.</summary>
        public int CountOrbits()
        {
            if (Points == 1)
            {
                return 1;
            }

            int[][] maps = [.. _above.Steps.Concat(_above.Top).Select(Map)];
            return Permutations.Orbits(Points, maps).Max() + 1;
        }

        /// <summary>The classes, with what commutes with them.</summary>
        public IEnumerable<Class> Classes(PermutationGroup? quotient)
        {
            int[][] steps = Points == 1 ? [] : [.. _above.Steps.Select(Map)];
            int[][] top = Points == 1 ? [] : [.. _above.Top.Select(Map)];
            bool[] seen = new bool[Points];
            SolubleSeries.Step[] kernel = [.. _kernel.Select(vector => new SolubleSeries.Step(Combined(vector), _prime))];
            BigInteger fixing = BigInteger.Pow(_prime, kernel.Length);
            for (int start = 0; start < Points; start++)
            {
                if (seen[start])
                {
                    continue;
                }

                int[] element = start == 0 ? _above.Element : Permutations.Product(_above.Element, Combined(VectorOf(start)));
                Fixing stabiliser = new(this, start, element, steps, top, seen);
                if (Points == 1)
                {
                    stabiliser.TakeAll();
                }
                else
                {
                    stabiliser.Run(quotient);
                }

                yield return new Class(
                    element,
                    [.. kernel, .. stabiliser.Steps],
                    stabiliser.Top,
                    stabiliser.TopOrder,
                    _above.Commuting / stabiliser.OrbitLength * fixing);
            }
        }

        /// <summary>Multiplies an element by what of V makes it commute with g v, which it does already modulo the layer.</summary>
        private int[] Corrected(int[] element, int[] gv, int[] inverse)
        {
            int[] vector = new int[_basis.Count];
            WriteCommutator(inverse, gv, element, Permutations.Inverse(element), vector);
            int[] correction = new int[_basis.Count];
            bool any = false;
            foreach ((int lead, int[] image, int[] source) in _moved)
            {
                int times = vector[lead];
                if (times != 0)
                {
                    Subtract(vector, image, times);
                    Subtract(correction, source, times);
                    any = true;
                }
            }

            return Array.TrueForAll(vector, entry => entry == 0)
                ? any ? Permutations.Product(Combined(correction), element) : element
                : throw new InvalidOperationException("What fixes a class modulo a layer does not.");
        }

        private void FindMoved()
        {
            int dimension = _basis.Count;
            for (int i = 0; i < dimension; i++)
            {
                int[] image = new int[dimension], source = new int[dimension];
                WriteCommutator(_above.Inverse, _above.Element, _basis[i].Element, _basis[i].Inverse, image);
                source[i] = 1;
                foreach ((int lead, int[] known, int[] from) in _moved)
                {
                    int times = image[lead];
                    if (times != 0)
                    {
                        Subtract(image, known, times);
                        Subtract(source, from, times);
                    }
                }

                int place = Array.FindIndex(image, entry => entry != 0);
                if (place < 0)
                {
                    _kernel.Add(source);
                    continue;
                }

                int inverse = (int)BigInteger.ModPow(image[place], _prime - 2, _prime);
                Scale(image, inverse);
                Scale(source, inverse);
                foreach ((_, int[] known, int[] from) in _moved)
                {
                    int times = known[place];
                    if (times != 0)
                    {
                        Subtract(known, image, times);
                        Subtract(from, source, times);
                    }
                }

                _moved.Add((place, image, source));
            }
        }

        /// <summary>Writes the vector of x⁻¹ c x c⁻¹.</summary>
        private void WriteCommutator(int[] inverse, int[] x, int[] c, int[] cInverse, Span<int> vector)
        {
            int count = _series.Layers[_number].Levels;
            using Scratch scratch = new(count, stackalloc int[Scratch.StackSize(count)]);
            for (int i = 0; i < count; i++)
            {
                scratch.Span[i] = inverse[c[x[cInverse[_series.BaseAt(i)]]]];
            }

            _series.WriteVector(_number, scratch.Span, vector);
        }

        /// <summary>Where what commutes with g takes each point.</summary>
        private int[] Map(SolubleSeries.Step c)
        {
            int dimension = _basis.Count;
            int[] vector = new int[dimension];
            WriteCommutator(_above.Inverse, _above.Element, c.Element, c.Inverse, vector);
            int[] map = new int[Points];
            map[0] = PointOf(vector);
            int block = 1;
            foreach (int place in _free)
            {
                _series.WriteConjugate(_number, c.Element, c.Inverse, _basis[place].Element, vector);
                int column = PointOf(vector);
                for (int i = block; i < block * _prime; i++)
                {
                    map[i] = Sum(map[i - block], column);
                }

                block *= _prime;
            }

            return map;
        }

        /// <summary>The point of a vector, which is overwritten.</summary>
        private int PointOf(Span<int> vector)
        {
            foreach ((int lead, int[] image, _) in _moved)
            {
                if (vector[lead] != 0)
                {
                    Subtract(vector, image, vector[lead]);
                }
            }

            int point = 0;
            for (int i = _free.Length - 1; i >= 0; i--)
            {
                point = point * _prime + vector[_free[i]];
            }

            return point;
        }

        private int[] VectorOf(int point)
        {
            int[] vector = new int[_basis.Count];
            foreach (int place in _free)
            {
                (point, vector[place]) = Math.DivRem(point, _prime);
            }

            return vector;
        }

        private int Sum(int left, int right)
        {
            if (_prime == 2)
            {
                return left ^ right;
            }

            int sum = 0;
            for (int block = 1; left > 0 || right > 0; block *= _prime)
            {
                (left, int a) = Math.DivRem(left, _prime);
                (right, int b) = Math.DivRem(right, _prime);
                sum += (a + b >= _prime ? a + b - _prime : a + b) * block;
            }

            return sum;
        }

        /// <summary>The product of powers of the basis elements.</summary>
        private int[] Combined(int[] vector)
        {
            int[] product = Permutations.Identity(_above.Element.Length);
            for (int i = 0; i < vector.Length; i++)
            {
                if (vector[i] != 0)
                {
                    product = Permutations.Product(Permutations.Power(_basis[i].Element, vector[i]), product);
                }
            }

            return product;
        }

        private void Subtract(Span<int> vector, int[] term, int times)
        {
            for (int i = 0; i < vector.Length; i++)
            {
                vector[i] = (int)((vector[i] + (long)(_prime - times) * term[i]) % _prime);
            }
        }

        private void Scale(int[] vector, int times)
        {
            for (int i = 0; i < vector.Length; i++)
            {
                vector[i] = (int)((long)vector[i] * times % _prime);
            }
        }

        /// <summary>What fixes a point, among what commutes with g.</summary>
        private sealed class Fixing(Fibre fibre, int start, int[] gv, int[][] steps, int[][] top, bool[] seen)
        {
            private readonly int[] _inverse = Permutations.Inverse(gv);
            private readonly List<int> _orbit = [];
            private readonly Dictionary<int, int> _index = [];

            /// <summary>The steps that make the orbit longer, and how long it was before.</summary>
            private readonly List<(SolubleSeries.Step Step, int Before)> _growing = [];

            public List<SolubleSeries.Step> Steps { get; } = [];

            public IReadOnlyList<SolubleSeries.Step> Top { get; private set; } = [];

            public BigInteger TopOrder { get; private set; }

            public BigInteger OrbitLength { get; private set; } = BigInteger.One;

            /// <summary>Where there is one point, all fix it.</summary>
            public void TakeAll()
            {
                Steps.AddRange(fibre._above.Steps.Select(Corrected));
                Top = [.. fibre._above.Top.Select(Corrected)];
                TopOrder = fibre._above.TopOrder;
            }

            public void Run(PermutationGroup? quotient)
            {
                Visit(start);
                for (int k = 0; k < steps.Length; k++)
                {
                    SolubleSeries.Step step = fibre._above.Steps[k];
                    int image = steps[k][start];
                    if (_index.TryGetValue(image, out int index))
                    {
                        // The step takes the point where u does: u⁻¹ times the step fixes it.
                        Steps.Add(Corrected(index == 0 ? step : new(Permutations.Product(Permutations.Inverse(Taking(index)), step.Element), step.Prime)));
                        continue;
                    }

                    int before = _orbit.Count;
                    _growing.Add((step, before));
                    for (int i = 0; i < before * (step.Prime - 1); i++)
                    {
                        Visit(steps[k][_orbit[i]]);
                    }
                }

                OrbitLength = _orbit.Count;
                TopOrder = fibre._above.TopOrder;
                if (top.Length > 0)
                {
                    FixBlocks(quotient!);
                }
            }

            private void Visit(int point)
            {
                _index.Add(point, _orbit.Count);
                _orbit.Add(point);
                seen[point] = true;
            }

            private SolubleSeries.Step Corrected(SolubleSeries.Step step) => new(fibre.Corrected(step.Element, gv, _inverse), step.Prime);

            /// <summary>A product of steps that takes the point to another of its orbit under them.</summary>
            private int[] Taking(int index)
            {
                int[] product = Permutations.Identity(gv.Length);
                for (int i = _growing.Count - 1; i >= 0; i--)
                {
                    (int times, index) = Math.DivRem(index, _growing[i].Before);
                    if (times > 0)
                    {
                        product = Permutations.Product(product, Permutations.Power(_growing[i].Step.Element, times));
                    }
                }

                return product;
            }

            /// <summary>
            /// The elements above all layers permute orbits under the steps, as blocks. Schreier's lemma finds what fixes the first; the steps then bring
            /// the point back.
            /// </summary>
            private void FixBlocks(PermutationGroup quotient)
            {
                Dictionary<int, int> blocks = _orbit.ToDictionary(point => point, _ => 0);
                List<(int Point, int[] Taking)> taking = [(start, Permutations.Identity(gv.Length))];
                List<int[]> fixing = [];
                for (int i = 0; i < taking.Count; i++)
                {
                    for (int k = 0; k < top.Length; k++)
                    {
                        int image = top[k][taking[i].Point];
                        int[] product = Permutations.Product(fibre._above.Top[k].Element, taking[i].Taking);
                        if (blocks.TryGetValue(image, out int block))
                        {
                            fixing.Add(Permutations.Product(Permutations.Inverse(taking[block].Taking), product));
                            continue;
                        }

                        foreach (int point in OrbitUnderSteps(image))
                        {
                            blocks.Add(point, taking.Count);
                            seen[point] = true;
                        }

                        taking.Add((image, product));
                    }
                }

                OrbitLength *= taking.Count;
                TopOrder /= taking.Count;
                Top = [.. (taking.Count == 1 ? fixing : Enough(quotient, fixing)).Select(element => Corrected(new SolubleSeries.Step(Returned(element), 0)))];
            }

            private IEnumerable<int> OrbitUnderSteps(int from)
            {
                HashSet<int> reached = [from];
                List<int> queue = [from];
                for (int i = 0; i < queue.Count; i++)
                {
                    foreach (int[] map in steps)
                    {
                        if (reached.Add(map[queue[i]]))
                        {
                            queue.Add(map[queue[i]]);
                        }
                    }
                }

                return queue;
            }

            /// <summary>Brings the point back from where an element takes it within its block.</summary>
            private int[] Returned(int[] element)
            {
                int[] vector = new int[fibre._basis.Count];
                fibre.WriteCommutator(_inverse, gv, element, Permutations.Inverse(element), vector);
                int index = _index[fibre.Sum(start, fibre.PointOf(vector))];
                return index == 0 ? element : Permutations.Product(Permutations.Inverse(Taking(index)), element);
            }

            /// <summary>As few of some elements as generate the same modulo all layers.</summary>
            private List<int[]> Enough(PermutationGroup quotient, List<int[]> elements)
            {
                List<int[]> kept = [];
                List<int[]> images = [];
                GroupChain? chain = null;
                foreach (int[] element in elements)
                {
                    if ((chain?.Order ?? BigInteger.One) == TopOrder)
                    {
                        break;
                    }

                    int[] image = [.. element.Skip(element.Length - quotient.Degree).Select(point => point - element.Length + quotient.Degree)];
                    if (chain is null ? quotient.IsIdentity(image) : chain.TryFactor(image, new int[chain.Length]))
                    {
                        continue;
                    }

                    kept.Add(element);
                    images.Add(image);
                    chain = ChainBuilder.Build(quotient, [.. images], TopOrder);
                }

                return kept;
            }
        }
    }
}
