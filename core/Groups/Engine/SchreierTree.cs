using System.Numerics;

namespace Equivariant.Core.Groups.Engine;

/// <summary>
/// A transversal kept as a tree of orbit points whose edges are labelled with group elements, instead of one element for each point.
/// </summary>
/// <remarks>
/// With the generators alone as labels a tree can be as deep as the orbit is long (a cycle). Random elements are added
/// as labels until the depth is logarithmic, as in Seress's shallow Schreier trees.
/// </remarks>
internal sealed class SchreierTree
{
    public int[] Parents { get; private set; } = [];

    public List<int[]> Labels { get; private set; } = [];

    private List<int[]> InverseLabels { get; set; } = [];

    private int[] Edges { get; set; } = [];

    public void Build(Group group, StabiliserChain.Level level)
    {
        Labels = [.. level.Strong];
        int count = level.Orbit.Count;
        // Every product walks from a point to the root, so a flat tree is worth some labels more.
        int wanted = Math.Max(4, BitOperations.Log2((uint)count) / 2);
        int most = Labels.Count + 2 * BitOperations.Log2((uint)count) + 4;
        ProductReplacement? random = null;
        while (Span(group, level) > wanted && Labels.Count < most)
        {
            random ??= new ProductReplacement(group, level.Strong);
            Labels.Add(random.Next().ToArray());
            Labels.Add(random.Next().ToArray());
        }

        InverseLabels = [.. Labels.Select(label =>
        {
            int[] inverse = new int[group.Width];
            group.Invert(label, inverse);
            return inverse;
        })];
    }

    /// <summary>Multiplies on the left by the representative of an orbit point.</summary>
    public void MultiplyUp(Group group, int index, Span<int> code)
    {
        // u = s₁ s₂ … s_m with s_m next to the root, so the root's edge is applied first.
        Span<int> path = stackalloc int[64];
        int length = 0;
        List<int>? longPath = null;
        for (; index != 0; index = Parents[index])
        {
            if (length < path.Length)
            {
                path[length++] = Edges[index];
            }
            else
            {
                (longPath ??= []).Add(Edges[index]);
            }
        }

        for (int i = (longPath?.Count ?? 0) - 1; i >= 0; i--)
        {
            group.MultiplyLeft(Labels[longPath![i]], code);
        }

        while (length > 0)
        {
            group.MultiplyLeft(Labels[path[--length]], code);
        }
    }

    /// <summary>Multiplies on the left by the inverse of the representative of an orbit point.</summary>
    public void MultiplyDown(Group group, int index, Span<int> code)
    {
        for (; index != 0; index = Parents[index])
        {
            group.MultiplyLeft(InverseLabels[Edges[index]], code);
        }
    }

    /// <summary>Spans the orbit breadth first and returns the depth.</summary>
    private int Span(Group group, StabiliserChain.Level level)
    {
        int count = level.Orbit.Count;
        Parents = new int[count];
        Edges = new int[count];
        int[] depth = new int[count];
        Array.Fill(Parents, -1);
        Parents[0] = 0;
        int[] queue = new int[count];
        int end = 1;
        int deepest = 0;
        for (int start = 0; start < end; start++)
        {
            int at = queue[start];
            for (int label = 0; label < Labels.Count; label++)
            {
                int to = level.IndexOf(group.Image(Labels[label], level.Orbit[at]));
                if (Parents[to] < 0)
                {
                    Parents[to] = at;
                    Edges[to] = label;
                    depth[to] = depth[at] + 1;
                    deepest = depth[to];
                    queue[end++] = to;
                }
            }
        }

        return deepest;
    }
}
