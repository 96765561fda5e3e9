namespace Equivariant.Core.Groups.Engine;

/// <summary>Elements that take a point to every point of its orbit, in a shallow tree.</summary>
internal sealed class PointTransversal
{
    private readonly Group _group;
    private readonly StabiliserChain.Level _level;
    private readonly SchreierTree _tree = new();

    /// <summary>Spans the orbit of a point under the group that some elements generate.</summary>
    /// <param name="group">Does the arithmetic.</param>
    /// <param name="generators">Packed elements.</param>
    /// <param name="point">The point.</param>
    public PointTransversal(Group group, int[][] generators, int point)
    {
        _group = group;
        _level = new StabiliserChain.Level(point, group.PointCount);
        _level.Strong.AddRange(generators);
        for (int i = 0; i < _level.Orbit.Count; i++)
        {
            foreach (int[] generator in generators)
            {
                int image = group.Image(generator, _level.Orbit[i]);
                if (_level.IndexOf(image) < 0)
                {
                    _level.Add(image);
                }
            }
        }

        _tree.Build(group, _level);
    }

    /// <summary>The number of points of the orbit.</summary>
    public int Count => _level.Orbit.Count;

    /// <summary>The product of an element with one that takes the point back: it fixes the point, and is uniform among what does if the element was among all.</summary>
    public int[] Fixing(ReadOnlySpan<int> element)
    {
        int[] fixing = element.ToArray();
        _tree.MultiplyDown(_group, _level.IndexOf(_group.Image(fixing, _level.Base)), fixing);
        return fixing;
    }

    /// <summary>An element that takes the point to another one of its orbit.</summary>
    public int[] Taking(int point)
    {
        int[] taking = new int[_group.Width];
        _group.WriteIdentity(taking);
        _tree.MultiplyUp(_group, _level.IndexOf(point), taking);
        return taking;
    }
}
