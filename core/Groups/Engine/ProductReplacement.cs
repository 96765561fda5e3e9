namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// Nearly uniform random elements of a group known only by generators (Celler, Leedham-Green, Murray, Niemeyer and O'Brien,
/// with the accumulator of "rattle"). Used only where the result is verified afterwards.
/// </summary>
internal sealed class ProductReplacement
{
    private const int MinimumSlots = 10;
    private readonly Group _group;
    private readonly int[][] _slots;
    private readonly int[] _temporary;
    private readonly int[] _inverse;
    private int[] _accumulator;
    private ulong _state;

    public ProductReplacement(Group group, IReadOnlyList<int[]> generators, ulong seed = 1)
    {
        _group = group;
        _state = seed * 0x9E3779B97F4A7C15UL + 0x1234567;
        _slots = new int[Math.Max(MinimumSlots, generators.Count + 2)][];
        for (int i = 0; i < _slots.Length; i++)
        {
            _slots[i] = (int[])generators[i % generators.Count].Clone();
        }

        _temporary = new int[group.Width];
        _inverse = new int[group.Width];
        _accumulator = new int[group.Width];
        group.WriteIdentity(_accumulator);

        // A generator's share of the slots grows by a factor e for each round through them, so the rounds go with the logarithm.
        int rounds = 4 + 2 * System.Numerics.BitOperations.Log2((uint)_slots.Length);
        for (int i = 0; i < rounds * _slots.Length; i++)
        {
            Step();
        }
    }

    /// <summary>The next random element; valid until the following call.</summary>
    public ReadOnlySpan<int> Next() => Next(1);

    /// <summary>The random element so many steps on; neighbours differ by one factor only.</summary>
    public ReadOnlySpan<int> Next(int steps)
    {
        for (int i = 0; i < steps; i++)
        {
            Step();
        }

        return _accumulator;
    }

    /// <summary>A pseudo-random number below a bound, the same in every run.</summary>
    public int Below(int bound)
    {
        // SplitMix64: deterministic, independent of the runtime's own generators.
        ulong z = _state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        z ^= z >> 31;
        return (int)((z >> 33) % (ulong)bound);
    }

    private void Step()
    {
        int i = Below(_slots.Length);
        int j = Below(_slots.Length - 1);
        if (j >= i)
        {
            j++;
        }

        ReadOnlySpan<int> factor = _slots[j];
        if (Below(2) == 0)
        {
            _group.Invert(_slots[j], _inverse);
            factor = _inverse;
        }

        if (Below(2) == 0)
        {
            _group.Multiply(_slots[i], factor, _temporary);
            _temporary.CopyTo(_slots[i], 0);
        }
        else
        {
            _group.MultiplyLeft(factor, _slots[i]);
        }

        _group.MultiplyLeft(_slots[i], _accumulator);
    }
}
