namespace Equivariant.Core.Groups.Engine;

/// <summary>All cosets of a subgroup of moderate index, numbered from the subgroup itself on, with the action of the group on them.</summary>
internal sealed class CosetTable
{
    public const int MaximumIndex = 1 << 20;
    private readonly CosetForm _form;
    private readonly Group _ambient;
    private readonly List<int[]> _cosets = [];
    private readonly Dictionary<int[], int> _numbers = new(CodeComparer.Instance);

    public CosetTable(Group group, Group subgroup, CosetForm? form = null)
    {
        _ambient = group.Ambient;
        _form = form ?? new CosetForm(subgroup);
        System.Numerics.BigInteger index = group.Order / subgroup.Order;
        if (index > MaximumIndex)
        {
            throw new EquivariantException(
                $"{subgroup.Name} has {index} cosets in {group.Name}; at most {MaximumIndex} can be listed.");
        }

        int[] code = new int[_ambient.Width];
        _ambient.WriteIdentity(code);
        _form.Reduce(code);
        _cosets.Add(code);
        _numbers.Add(code, 0);
        for (int i = 0; i < _cosets.Count; i++)
        {
            foreach (int[] generator in group.GeneratorCodes)
            {
                int[] next = _ambient.Multiplied(generator, _cosets[i]);
                _form.Reduce(next);
                if (_numbers.TryAdd(next, _cosets.Count))
                {
                    _cosets.Add(next);
                }
            }
        }
    }

    public int Count => _cosets.Count;

    public int[] this[int number] => _cosets[number];

    /// <summary>The number of the coset that an element takes a coset to.</summary>
    public int Image(ReadOnlySpan<int> element, int coset)
    {
        int[] product = _ambient.Multiplied(element, _cosets[coset]);
        _form.Reduce(product);
        return _numbers[product];
    }

    public int NumberOf(ReadOnlySpan<int> element)
    {
        int[] code = element.ToArray();
        _form.Reduce(code);
        return _numbers[code];
    }
}
