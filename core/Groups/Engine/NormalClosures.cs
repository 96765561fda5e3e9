namespace Equivariant.Core.Groups.Engine;

/// <summary>Finds normal closures with a few random products of conjugates, and proves each closed under the generators.</summary>
internal static class NormalClosures
{
    /// <summary>Random elements that are added at a time: with four the closure is seldom missed.</summary>
    private const int Batch = 4;

    public static Subgroup Find(Group group, IReadOnlyList<int[]> elements)
    {
        int[][] start = [.. elements.Where(g => !group.IsIdentity(g)).Distinct(CodeComparer.Instance)];
        if (start.Length == 0)
        {
            return group.TrivialSubgroup;
        }

        if (group.Chain is SmallerActionChain smaller)
        {
            return smaller.Expanded(group, Find(smaller.Smaller, [.. start.Select(code => smaller.Action.Reduced(code))]));
        }

        Conjugates random = new(group, start);
        List<int[]> generators = [.. start];
        while (true)
        {
            Subgroup candidate = new(group, [.. generators]);
            List<int[]> outside = [];
            foreach (int[] inside in generators)
            {
                foreach (int[] g in group.GeneratorCodes)
                {
                    int[] conjugate = group.Multiplied(group.Multiplied(g, inside), group.Inverted(g));
                    if (!candidate.Holds(conjugate))
                    {
                        outside.Add(conjugate);
                        break;
                    }
                }

                if (outside.Count > 0)
                {
                    break;
                }
            }

            if (outside.Count == 0)
            {
                return new Subgroup(group, Thin(group, generators, candidate), null, candidate.Chain);
            }

            generators.AddRange(outside);
            for (int i = 0; i < Batch; i++)
            {
                int[] element = random.Next();
                if (!group.IsIdentity(element))
                {
                    generators.Add(element);
                }
            }
        }
    }

    /// <summary>Leaves out generators that the ones before already give, when there are only a few to try.</summary>
    private static int[][] Thin(Group group, List<int[]> generators, Subgroup whole)
    {
        const int ManyLevels = 12;
        if (generators.Count == 1 || whole.Chain.Length > ManyLevels)
        {
            return [.. generators];
        }

        List<int[]> kept = [];
        Subgroup current = group.TrivialSubgroup;
        foreach (int[] generator in generators)
        {
            if (!current.Holds(generator))
            {
                kept.Add(generator);
                current = new Subgroup(group, [.. kept]);
            }
        }

        return [.. kept];
    }

    /// <summary>Product replacement among conjugates: slot ← slot · g other g⁻¹, with g uniform in the group.</summary>
    private sealed class Conjugates
    {
        private const int MinimumSlots = 6;
        private const int StepsForEach = 6;
        private readonly Group _group;
        private readonly int[][] _slots;
        private readonly Random _random = new(1);

        public Conjugates(Group group, int[][] start)
        {
            _group = group;
            _slots = [.. Enumerable.Range(0, Math.Max(MinimumSlots, start.Length)).Select(i => (int[])start[i % start.Length].Clone())];
            for (int i = 0; i < 4 * _slots.Length; i++)
            {
                Step();
            }
        }

        public int[] Next()
        {
            int changed = 0;
            for (int i = 0; i < StepsForEach; i++)
            {
                changed = Step();
            }

            return (int[])_slots[changed].Clone();
        }

        private int Step()
        {
            int i = _random.Next(_slots.Length);
            int j = (i + 1 + _random.Next(_slots.Length - 1)) % _slots.Length;
            int[] g = new int[_group.Width];
            _group.Random(_random, g);
            int[] conjugate = _group.Multiplied(_group.Multiplied(g, _slots[j]), _group.Inverted(g));
            _slots[i] = _group.Multiplied(_slots[i], conjugate);
            return i;
        }
    }
}
