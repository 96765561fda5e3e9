using System.Numerics;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>The integers mod n under addition, written as 0 … n − 1; the generator is 1.</summary>
public sealed class CyclicGroup : Group
{
    private readonly int _n;
    private readonly int[] _primePowers;

    internal CyclicGroup(int n)
    {
        if (n <= 0)
        {
            throw new EquivariantException(
                $"There is no cyclic group of order {n}; the order must be 1 or more.");
        }

        _n = n;
        List<int> powers = [];
        foreach (int p in Primes.Factors(n))
        {
            if (powers.Count > 0 && powers[^1] % p == 0)
            {
                powers[^1] *= p;
            }
            else
            {
                powers.Add(p);
            }
        }

        _primePowers = [.. powers];
        PointCount = powers.Sum();
        GeneratorCodes = n == 1 ? [] : [[1]];
    }

    /// <inheritdoc/>
    public override string Name => _n == 1 ? "1" : $"C{_n}";

    /// <summary>Gets n as an integer.</summary>
    public int Modulus => _n;

    /// <inheritdoc/>
    public override int Width => 1;

    /// <inheritdoc/>
    public override BigInteger Order => _n;

    /// <inheritdoc/>
    public override bool IsAbelian => true;

    /// <summary>Gets the number of points: a cycle for each prime power that divides n exactly.</summary>
    public override int PointCount { get; }

    internal override int[][] GeneratorCodes { get; }

    /// <inheritdoc/>
    public override void Multiply(ReadOnlySpan<int> left, ReadOnlySpan<int> right, Span<int> product)
    {
        long sum = (long)left[0] + right[0];
        product[0] = (int)(sum >= _n ? sum - _n : sum);
    }

    /// <inheritdoc/>
    public override void MultiplyLeft(ReadOnlySpan<int> left, Span<int> element) => Multiply(left, element, element);

    /// <inheritdoc/>
    public override void Invert(ReadOnlySpan<int> element, Span<int> inverse) => inverse[0] = element[0] == 0 ? 0 : _n - element[0];

    /// <inheritdoc/>
    public override void WriteIdentity(Span<int> code) => code[0] = 0;

    /// <inheritdoc/>
    public override bool IsIdentity(ReadOnlySpan<int> code) => code[0] == 0;

    /// <inheritdoc/>
    public override int Image(ReadOnlySpan<int> code, int point)
    {
        int start = 0;
        foreach (int power in _primePowers)
        {
            if (point < start + power)
            {
                return start + (int)(((long)(point - start) + code[0]) % power);
            }

            start += power;
        }

        return point;
    }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> code) => code.Length == 1 && (uint)code[0] < (uint)_n;

    /// <inheritdoc/>
    public override string Format(ReadOnlySpan<int> code) => code[0].ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override void Random(Random random, Span<int> code) => code[0] = GroupChain.Uniform(random, _n);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(nameof(CyclicGroup), _n);

    internal override bool SameAs(Group other) => other is CyclicGroup cyclic && cyclic._n == _n;

    internal override BigInteger OrderOf(ReadOnlySpan<int> code) =>
        _n / BigInteger.GreatestCommonDivisor(_n, code[0]);

    internal override string ExplainNonMember(ReadOnlySpan<int> code) =>
        $"{code[0]} is not an element of {Name}, whose elements are 0 to {_n - 1}.";

    internal override IReadOnlyList<WordLetter> FindWord(ReadOnlySpan<int> code) =>
        code[0] == 0 ? [] : [new WordLetter(0, code[0] <= _n / 2 ? code[0] : code[0] - _n)];

    internal override BigInteger? CountConjugacyClasses() => _n;

    internal override GroupChain BuildChain() => new CyclicChain(_n, 1);

    internal override Evaluator? TryExtend(Group target, int[][] images, out BrokenRelation? broken)
    {
        broken = null;
        if (_n == 1)
        {
            return new TrivialEvaluator(target);
        }

        Span<int> power = new int[target.Width];
        target.Power(images[0], _n, power);
        if (!target.IsIdentity(power))
        {
            broken = new BrokenRelation([0], $"a^{_n} = 1");
            return null;
        }

        return new PowerEvaluator(target, images[0], _n);
    }

    /// <summary>Evaluates k ↦ gᵏ from the powers g^(2^i), or from all powers when there are few.</summary>
    private sealed class PowerEvaluator : Evaluator
    {
        private const int TableLimit = 1 << 16;
        private readonly Group _target;
        private readonly int[][] _powers;
        private readonly bool _all;

        public PowerEvaluator(Group target, int[] image, int n)
        {
            _target = target;
            _all = (long)n * target.Width <= TableLimit;
            int count = _all ? n : BitOperations.Log2((uint)n) + 1;
            _powers = new int[count][];
            for (int i = 0; i < count; i++)
            {
                _powers[i] = new int[target.Width];
                if (i == 0)
                {
                    if (_all)
                    {
                        target.WriteIdentity(_powers[0]);
                    }
                    else
                    {
                        image.CopyTo(_powers[0], 0);
                    }
                }
                else
                {
                    target.Multiply(_powers[i - 1], _all ? image : _powers[i - 1], _powers[i]);
                }
            }
        }

        public override void Evaluate(ReadOnlySpan<int> code, Span<int> image)
        {
            int exponent = code[0];
            if (_all)
            {
                _powers[exponent].CopyTo(image);
                return;
            }

            _target.WriteIdentity(image);
            for (int i = 0; exponent != 0; i++, exponent >>= 1)
            {
                if ((exponent & 1) != 0)
                {
                    _target.MultiplyLeft(_powers[i], image);
                }
            }
        }
    }
}
