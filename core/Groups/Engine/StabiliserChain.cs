using System.Numerics;
using System.Runtime.CompilerServices;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// A base and strong generating set (Schreier–Sims): G ≥ G_b₁ ≥ G_b₁b₂ ≥ … ≥ 1 with a transversal of each step,
/// for any group that acts faithfully on points.
/// </summary>
/// <remarks>
/// <para>The chain is found with random elements from a fixed seed, so every run gives the same one, and then proved right:
/// level by level from the bottom, with Sᵢ a generating set of the i-th stabiliser that contains the next one's,
/// every Schreier generator u_{s(β)}⁻¹ s u_β must be a member of the next level (Schreier's lemma). What fails that test
/// is a new strong generator, and the work goes on. The proof is not needed when the order reached is the largest that
/// the orbits and blocks allow.</para>
/// <para>Short transversals are kept element by element with their inverses; long ones as a shallow Schreier tree, which bounds memory.</para>
/// </remarks>
internal sealed class StabiliserChain : GroupChain
{
    /// <summary>The number of random elements in a row that must already be members before the proof is tried.</summary>
    private const int Streak = 16;

    /// <summary>The number of integers that the proof may move before the order is looked for by the series of a soluble group.</summary>
    private const long LongWork = 100_000_000;
    private const long ExplicitLimit = 1L << 24;
    private const int PointLimit = 1 << 24;
    private const long MemoryLimit = 1L << 28;

    /// <summary>The number of integers that the proof may move; beyond this it would take minutes.</summary>
    private const long WorkLimit = 200_000_000_000;
    private readonly Group _group;
    private readonly List<Level> _levels = [];
    private readonly int[][] _generators;
    private BigInteger? _largest;
    private long _stored;

    private StabiliserChain(Group group, int[][] generators, BigInteger? largest)
    {
        _group = group;
        _largest = largest;
        _generators = [.. generators.Where(g => !group.IsIdentity(g))];
    }

    public override int Length => _levels.Count;

    /// <summary>Whether an element that fixes every point was found not to be the identity: only where the action is not faithful.</summary>
    public bool IsUnfaithful { get; private set; }

    /// <summary>The base points, the top level's first.</summary>
    public IReadOnlyList<int> Base => [.. _levels.Select(level => level.Base)];

    /// <summary>The base point of a level, top first.</summary>
    public int BaseAt(int depth) => _levels[depth].Base;

    /// <summary>Gives a group's own chain if it is of this kind, else builds one, which needs no proof.</summary>
    public static StabiliserChain Of(Group group) =>
        group.Chain as StabiliserChain ?? Build(group.Ambient, group.GeneratorCodes, group.Order);

    /// <summary>Builds the chain of the group that these elements generate.</summary>
    /// <param name="group">Does the arithmetic; its action on points must be faithful.</param>
    /// <param name="generators">Packed elements.</param>
    /// <param name="baseStart">The first base points, if they matter.</param>
    public static StabiliserChain Build(Group group, int[][] generators, params ReadOnlySpan<int> baseStart) =>
        Build(group, generators, null, baseStart);

    /// <summary>Builds the chain of the group that these elements generate, which is known not to exceed an order.</summary>
    /// <param name="group">Does the arithmetic; its action on points must be faithful.</param>
    /// <param name="generators">Packed elements.</param>
    /// <param name="largest">An order that is not exceeded, if there is one: a chain that reaches it needs no proof.</param>
    /// <param name="baseStart">The first base points, if they matter.</param>
    public static StabiliserChain Build(Group group, int[][] generators, BigInteger? largest, params ReadOnlySpan<int> baseStart)
    {
        if (group.PointCount > PointLimit)
        {
            throw new EquivariantException(
                $"To find a subgroup of {group.Name} the engine would need an action on {group.PointCount} points or more; at most {PointLimit} are possible.");
        }

        StabiliserChain chain = new(group, generators, largest);
        foreach (int point in baseStart)
        {
            chain.AddLevel(point);
        }

        if (chain._generators.Length > 0)
        {
            chain.AbsorbGenerators();
            chain._largest ??= chain.OrderIfSoluble();
            chain.Fill();
            BigInteger? bound = null;
            while (!chain.IsUnfaithful && !chain.IsFull())
            {
                bound ??= group is PermutationGroup
                    ? (largest is null ? null : chain.OrderIfSoluble()) ?? OrderBound.Of(group.PointCount, chain._generators)
                    : BigInteger.Zero;
                if (chain.CurrentOrder() == bound || chain.Verify())
                {
                    break;
                }

                chain.Fill();
            }
        }

        return chain;
    }

    public override int Size(int level) => _levels[^(level + 1)].Orbit.Count;

    public override void Representative(int level, int index, Span<int> code) =>
        WriteRepresentative(_levels[^(level + 1)], index, code);

    public override bool TryFactor(ReadOnlySpan<int> code, Span<int> indices)
    {
        using Scratch scratch = new(_group.Width, stackalloc int[Scratch.StackSize(_group.Width)]);
        Span<int> rest = scratch.Span;
        code.CopyTo(rest);
        int count = _levels.Count;
        for (int i = 0; i < count; i++)
        {
            Level level = _levels[i];
            int point = _group.Image(rest, level.Base);
            int index = point == level.Base ? 0 : level.IndexOf(point);
            if (index < 0)
            {
                return false;
            }

            indices[count - 1 - i] = index;
            if (index > 0)
            {
                Strip(level, index, rest);
            }
        }

        return _group.IsIdentity(rest);
    }

    public override void Product(ReadOnlySpan<int> indices, Span<int> code)
    {
        _group.WriteIdentity(code);
        for (int i = 0; i < indices.Length; i++)
        {
            if (indices[i] != 0)
            {
                MultiplyByRepresentative(_levels[^(i + 1)], indices[i], code);
            }
        }
    }

    /// <summary>The orbit of the base point of a level (top first) under the stabiliser of the base points before it.</summary>
    public IReadOnlyList<int> OrbitAt(int depth) => _levels[depth].Orbit;

    /// <summary>Generators of the pointwise stabiliser of the first <paramref name="depth"/> base points.</summary>
    public int[][] StabiliserGenerators(int depth) =>
        depth >= _levels.Count ? [] : [.. _levels[depth].Strong];

    /// <summary>Writes the representative that takes the base point of a level (top first) to a point, or returns false.</summary>
    public bool TryRepresentativeTo(int depth, int point, Span<int> code)
    {
        int index = _levels[depth].IndexOf(point);
        if (index < 0)
        {
            return false;
        }

        WriteRepresentative(_levels[depth], index, code);
        return true;
    }

    /// <summary>Whether a point is in the orbit at a level (top first).</summary>
    public bool IsInOrbit(int depth, int point) => _levels[depth].IndexOf(point) >= 0;

    /// <summary>Multiplies on the left by the inverse of the representative for a point of the orbit at a level (top first).</summary>
    public void StripTo(int depth, int point, Span<int> code)
    {
        int index = _levels[depth].IndexOf(point);
        if (index > 0)
        {
            Strip(_levels[depth], index, code);
        }
    }

    /// <summary>The product of the orbit lengths so far: a bound from below, since products of representatives are different elements.</summary>
    private BigInteger CurrentOrder() => _levels.Aggregate(BigInteger.One, (order, level) => order * level.Orbit.Count);

    /// <summary>Whether the order is the largest that it can be, so that nothing is left to find or to prove.</summary>
    private bool IsFull() => _largest is not null && CurrentOrder() == _largest;

    /// <summary>The order of a soluble group of permutations whose proof would be long: it takes time with the square of the number of points, the series does not.</summary>
    private BigInteger? OrderIfSoluble() =>
        _group is PermutationGroup && _levels.Sum(level => (double)level.Orbit.Count * level.Strong.Count) * _group.Width > LongWork
            ? SolubleSeries.Of(_group.PointCount, _generators)?.Order
            : null;

    private void AbsorbGenerators()
    {
        foreach (int[] generator in _generators)
        {
            if (!IsUnfaithful)
            {
                Absorb(generator);
            }
        }
    }

    private void Fill()
    {
        if (IsUnfaithful || IsFull())
        {
            return;
        }

        ProductReplacement random = new(_group, _generators);
        for (int streak = 0; streak < Streak && !IsUnfaithful;)
        {
            bool isNew = Absorb(random.Next());
            streak = isNew ? 0 : streak + 1;
            if (isNew && IsFull())
            {
                return;
            }
        }
    }

    /// <summary>Sifts an element and keeps what is left of it as a strong generator; returns whether anything was left.</summary>
    private bool Absorb(ReadOnlySpan<int> element)
    {
        int[] rest = element.ToArray();
        int depth = Sift(rest, 0);
        if (depth == _levels.Count && _group.IsIdentity(rest))
        {
            return false;
        }

        AddStrong(rest, depth);
        return true;
    }

    private int Sift(Span<int> element, int depth)
    {
        for (; depth < _levels.Count; depth++)
        {
            Level level = _levels[depth];
            int point = _group.Image(element, level.Base);
            if (point == level.Base)
            {
                continue;
            }

            int index = level.IndexOf(point);
            if (index < 0)
            {
                break;
            }

            Strip(level, index, element);
        }

        return depth;
    }

    private void AddStrong(int[] element, int depth)
    {
        if (depth == _levels.Count)
        {
            int point = 0;
            while (point < _group.PointCount && _group.Image(element, point) == point)
            {
                point++;
            }

            if (point == _group.PointCount)
            {
                IsUnfaithful = true;
                return;
            }

            AddLevel(point);
        }

        _stored += _group.Width;
        _levels[depth].Own.Add(element);
        for (int i = 0; i <= depth; i++)
        {
            Level level = _levels[i];
            level.Strong.Add(element);
            Extend(level, level.Strong.Count - 1);
        }
    }

    private void AddLevel(int point)
    {
        Level level = new(point, _group.PointCount);
        int[] identity = new int[_group.Width];
        _group.WriteIdentity(identity);
        level.Representatives.Add(identity);
        level.Inverses.Add(identity);
        _levels.Add(level);
    }

    /// <summary>Lets the orbit of a level grow after a generator was added.</summary>
    private void Extend(Level level, int newGenerator)
    {
        int old = level.Orbit.Count;
        for (int i = 0; i < level.Orbit.Count; i++)
        {
            // Old points have met the old generators already.
            for (int g = i < old ? newGenerator : 0; g < level.Strong.Count; g++)
            {
                int point = _group.Image(level.Strong[g], level.Orbit[i]);
                if (level.IndexOf(point) >= 0)
                {
                    continue;
                }

                level.Add(point);
                if (level.Tree is null)
                {
                    int[] representative = new int[_group.Width];
                    int[] inverse = new int[_group.Width];
                    _group.Multiply(level.Strong[g], level.Representatives[i], representative);
                    _group.Invert(representative, inverse);
                    level.Representatives.Add(representative);
                    level.Inverses.Add(inverse);
                    _stored += 2L * _group.Width;
                    if ((long)level.Orbit.Count * _group.Width > ExplicitLimit || _stored > MemoryLimit / 2)
                    {
                        level.Tree = new SchreierTree();
                        _stored -= 2L * _group.Width * level.Representatives.Count;
                        level.Representatives.Clear();
                        level.Inverses.Clear();
                        old = 0;
                    }
                }
            }
        }

        if (level.Tree is not null && level.Orbit.Count != level.Tree.Parents.Length)
        {
            level.Tree.Build(_group, level);
            _stored += (long)level.Tree.Labels.Count * _group.Width * 2;
        }

        if (_stored > MemoryLimit)
        {
            throw new EquivariantException(
                $"The stabiliser chain of this group needs more than {MemoryLimit * 4 >> 30} GiB " +
                $"({_group.PointCount} points); describe the group by its structure, as a product or wreath product, or by fewer points.");
        }
    }

    /// <summary>Proves the chain right, or adds a strong generator that was missing and returns false.</summary>
    private bool Verify()
    {
        List<int[]> generators = [];
        long work = 0;
        for (int depth = _levels.Count - 1; depth >= 0; depth--)
        {
            Level level = _levels[depth];
            ChooseGenerators(level, generators);
            work += (long)level.Orbit.Count * generators.Count * _group.Width;
            if (work > WorkLimit)
            {
                throw new EquivariantException(
                    $"To prove the order of this permutation group on {_group.PointCount} points would take minutes; " +
                    "describe it by its structure, as a product or wreath product, or by fewer points.");
            }

            int[] element = new int[_group.Width];
            for (int i = 0; i < level.Orbit.Count; i++)
            {
                foreach (int[] generator in generators)
                {
                    int image = _group.Image(generator, level.Orbit[i]);
                    int target = level.IndexOf(image);
                    if (target < 0)
                    {
                        throw new InvalidOperationException("An orbit of a stabiliser chain is not closed.");
                    }

                    if (i == 0 && target == 0)
                    {
                        // The generator itself, which belongs to the next level by construction.
                        generator.CopyTo(element, 0);
                    }
                    else
                    {
                        WriteProduct(generator, level, i, element);
                        if (target != 0)
                        {
                            Strip(level, target, element);
                        }
                    }

                    int stopped = Sift(element, depth + 1);
                    if (stopped < _levels.Count || !_group.IsIdentity(element))
                    {
                        AddStrong((int[])element.Clone(), stopped);
                        return false;
                    }
                }
            }
        }

        foreach (int[] generator in _generators)
        {
            int[] rest = (int[])generator.Clone();
            int stopped = Sift(rest, 0);
            if (stopped < _levels.Count || !_group.IsIdentity(rest))
            {
                AddStrong(rest, stopped);
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Adds to the generators of the next level's stabiliser as few as make the orbit of this level whole.
    /// Fewer generators mean fewer Schreier generators to check.
    /// </summary>
    private void ChooseGenerators(Level level, List<int[]> generators)
    {
        int reached = OrbitLength(level.Base, generators);
        foreach (int[] candidate in level.Own.Concat(level.Strong))
        {
            if (reached == level.Orbit.Count)
            {
                return;
            }

            generators.Add(candidate);
            int longer = OrbitLength(level.Base, generators);
            if (longer == reached)
            {
                generators.RemoveAt(generators.Count - 1);
            }

            reached = longer;
        }
    }

    private int OrbitLength(int point, List<int[]> generators)
    {
        HashSet<int> seen = [point];
        List<int> queue = [point];
        for (int i = 0; i < queue.Count; i++)
        {
            foreach (int[] generator in generators)
            {
                int image = _group.Image(generator, queue[i]);
                if (seen.Add(image))
                {
                    queue.Add(image);
                }
            }
        }

        return queue.Count;
    }

    private void WriteRepresentative(Level level, int index, Span<int> code)
    {
        if (level.Tree is null)
        {
            level.Representatives[index].CopyTo(code);
        }
        else
        {
            _group.WriteIdentity(code);
            level.Tree.MultiplyUp(_group, index, code);
        }
    }

    private void MultiplyByRepresentative(Level level, int index, Span<int> code)
    {
        if (level.Tree is null)
        {
            _group.MultiplyLeft(level.Representatives[index], code);
        }
        else
        {
            level.Tree.MultiplyUp(_group, index, code);
        }
    }

    /// <summary>Writes generator · u_index.</summary>
    private void WriteProduct(int[] generator, Level level, int index, Span<int> code)
    {
        if (level.Tree is null)
        {
            _group.Multiply(generator, level.Representatives[index], code);
        }
        else
        {
            WriteRepresentative(level, index, code);
            _group.MultiplyLeft(generator, code);
        }
    }

    /// <summary>Multiplies on the left by the inverse of a representative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Strip(Level level, int index, Span<int> element)
    {
        if (level.Tree is null)
        {
            _group.MultiplyLeft(level.Inverses[index], element);
        }
        else
        {
            level.Tree.MultiplyDown(_group, index, element);
        }
    }

    /// <summary>One step of the chain.</summary>
    internal sealed class Level
    {
        private const int TableLimit = 2048;

        /// <summary>Of more points, only a long orbit has a table.</summary>
        private const int LongOrbit = 4096;
        private readonly int _pointCount;
        private int[]? _table;
        private Dictionary<int, int>? _dictionary;

        public Level(int point, int pointCount)
        {
            Base = point;
            _pointCount = pointCount;
            if (pointCount <= TableLimit)
            {
                MakeTable();
            }
            else
            {
                _dictionary = [];
            }

            Add(point);
        }

        public int Base { get; }

        /// <summary>The orbit of the base point, the base point first.</summary>
        public List<int> Orbit { get; } = [];

        /// <summary>Elements that fix the base points above; with all others of deeper levels among them.</summary>
        public List<int[]> Strong { get; } = [];

        /// <summary>The strong generators that were found at this level.</summary>
        public List<int[]> Own { get; } = [];

        public List<int[]> Representatives { get; } = [];

        public List<int[]> Inverses { get; } = [];

        public SchreierTree? Tree { get; set; }

        public int IndexOf(int point) =>
            _table is not null ? _table[point] : _dictionary!.TryGetValue(point, out int index) ? index : -1;

        public void Add(int point)
        {
            if (_table is not null)
            {
                _table[point] = Orbit.Count;
            }
            else
            {
                _dictionary!.Add(point, Orbit.Count);
            }

            Orbit.Add(point);
            if (_table is null && Orbit.Count > LongOrbit && Orbit.Count > _pointCount / LongOrbit)
            {
                MakeTable();
            }
        }

        private void MakeTable()
        {
            _table = new int[_pointCount];
            Array.Fill(_table, -1);
            for (int i = 0; i < Orbit.Count; i++)
            {
                _table[Orbit[i]] = i;
            }

            _dictionary = null;
        }
    }
}
