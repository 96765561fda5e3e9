namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// The chain of the multiples of <c>scale</c> mod <c>order</c> · <c>scale</c>, in prime steps
/// C_p &lt; C_pq &lt; …: the digits of a mixed-radix number.
/// </summary>
internal sealed class CyclicChain : GroupChain
{
    private readonly int[] _sizes;
    private readonly int[] _steps;
    private readonly int _scale;

    public CyclicChain(int order, int scale)
    {
        _scale = scale;
        _sizes = [.. Primes.Factors(order)];
        _steps = new int[_sizes.Length];
        for (int level = 0, step = order; level < _sizes.Length; level++)
        {
            step /= _sizes[level];
            _steps[level] = step * scale;
        }
    }

    public override int Length => _sizes.Length;

    public override int Size(int level) => _sizes[level];

    public override void Representative(int level, int index, Span<int> code) => code[0] = index * _steps[level];

    public override bool TryFactor(ReadOnlySpan<int> code, Span<int> indices)
    {
        int rest = code[0];
        if (rest % _scale != 0)
        {
            return false;
        }

        for (int level = 0; level < _sizes.Length; level++)
        {
            (indices[level], rest) = Math.DivRem(rest, _steps[level]);
        }

        return true;
    }

    public override void Product(ReadOnlySpan<int> indices, Span<int> code)
    {
        int sum = 0;
        for (int level = 0; level < _sizes.Length; level++)
        {
            sum += indices[level] * _steps[level];
        }

        code[0] = sum;
    }
}
