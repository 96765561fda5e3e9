using Equivariant.Core.Groups;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>Permutations of several elements as one index tensor <c>[T, n]</c>, <c>int64</c>.</summary>
internal static class IndexTables
{
    /// <summary>The most entries of a table: 2 GiB.</summary>
    private const long MostEntries = 1L << 28;

    /// <summary>Row <c>t</c> lists the images: <c>table[t, i] = elements[t](i)</c>.</summary>
    public static DeviceTensor Images(IReadOnlyList<GroupElement> elements, PermutationAction action) =>
        Build(elements, action, inverse: false);

    /// <summary>Row <c>t</c> lists the preimages: <c>table[t, elements[t](i)] = i</c>.</summary>
    public static DeviceTensor Preimages(IReadOnlyList<GroupElement> elements, PermutationAction action) =>
        Build(elements, action, inverse: true);

    private static DeviceTensor Build(IReadOnlyList<GroupElement> elements, PermutationAction action, bool inverse)
    {
        int degree = action.Degree;
        long entries = elements.Count * (long)degree;
        if (entries > MostEntries)
        {
            throw new EquivariantException(
                $"{elements.Count} elements of {action.Group.Name} on {action.Name} take a table of {elements.Count} × {degree} numbers, {entries * sizeof(long) >> 20} MiB; " +
                $"at most {MostEntries * sizeof(long) >> 20} MiB are made. Take fewer elements at a time.");
        }

        var table = new long[entries];
        var permutation = new int[degree];
        for (int t = 0; t < elements.Count; t++)
        {
            action.Permutation(elements[t], permutation);
            Span<long> row = table.AsSpan(t * degree, degree);
            for (int i = 0; i < degree; i++)
            {
                row[inverse ? permutation[i] : i] = inverse ? i : permutation[i];
            }
        }

        return new DeviceTensor(tensor(table, [elements.Count, degree], dtype: ScalarType.Int64));
    }
}
