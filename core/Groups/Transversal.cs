using System.Collections;
using Equivariant.Core.Groups.Engine;

namespace Equivariant.Core.Groups;

/// <summary>
/// One list Uᵢ of the factorisation of a group (see <see cref="Group.Transversals"/>), its first element the identity.
/// </summary>
public sealed class Transversal : IReadOnlyList<GroupElement>
{
    private readonly Group _ambient;
    private readonly GroupChain _chain;
    private readonly int _level;

    internal Transversal(Group ambient, GroupChain chain, int level)
    {
        _ambient = ambient;
        _chain = chain;
        _level = level;
    }

    /// <summary>Gets the number of elements |Uᵢ|.</summary>
    public int Count => _chain.Size(_level);

    /// <summary>Gets one element; index 0 is the identity.</summary>
    public GroupElement this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            int[] code = new int[_ambient.Width];
            _chain.Representative(_level, index, code);
            return new GroupElement(_ambient, code);
        }
    }

    /// <inheritdoc/>
    public IEnumerator<GroupElement> GetEnumerator()
    {
        for (int index = 0; index < Count; index++)
        {
            yield return this[index];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
