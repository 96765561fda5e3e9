namespace Equivariant.Core.Groups;

/// <summary>Numbers 0 … n − 1 in disjoint sets that are joined one pair after the other; the least number of a set is its root.</summary>
/// <param name="count">How many numbers there are, each in a set of its own at first.</param>
internal sealed class DisjointSets(int count)
{
    private readonly int[] _parent = Permutations.Identity(count);

    /// <summary>The least number of the set that holds one.</summary>
    public int Root(int item)
    {
        while (_parent[item] != item)
        {
            item = _parent[item] = _parent[_parent[item]];
        }

        return item;
    }

    /// <summary>Joins the sets of two numbers; false where they were one already.</summary>
    public bool Join(int left, int right)
    {
        (int a, int b) = (Root(left), Root(right));
        _parent[Math.Max(a, b)] = Math.Min(a, b);
        return a != b;
    }

    /// <summary>Numbers the sets by their least members.</summary>
    /// <param name="labels">Gets the number of each member's set.</param>
    /// <returns>How many sets there are.</returns>
    public int Number(Span<int> labels)
    {
        int sets = 0;
        for (int item = 0; item < labels.Length; item++)
        {
            int root = Root(item);
            labels[item] = root == item ? sets++ : labels[root];
        }

        return sets;
    }
}
