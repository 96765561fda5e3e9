using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>Permutations of several elements as one index tensor <c>[T, n]</c>, <c>int64</c>.</summary>
internal static class IndexTables
{
    /// <summary>Row <c>t</c> lists the images: <c>table[t, i] = elements[t](i)</c>.</summary>
    public static DeviceTensor Images(IReadOnlyList<GroupElement> elements, PermutationAction action) =>
        Build(elements, action, inverse: false);

    /// <summary>Row <c>t</c> lists the preimages: <c>table[t, elements[t](i)] = i</c>.</summary>
    public static DeviceTensor Preimages(IReadOnlyList<GroupElement> elements, PermutationAction action) =>
        Build(elements, action, inverse: true);

    /// <summary>The inverses of permutations, <c>[T, n]</c>: images become preimages.</summary>
    public static Tensor Inverse(Tensor permutations)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor places = arange(permutations.shape[1], device: permutations.device).expand(permutations.shape);
        return empty_like(permutations).scatter_(1, permutations, places).MoveToOuterDisposeScope();
    }

    private static DeviceTensor Build(IReadOnlyList<GroupElement> elements, PermutationAction action, bool inverse)
    {
        int degree = action.Degree;
        TableLimit.Require(elements.Count, degree, sizeof(long), $"{action.Group} on {action.Name}");
        var table = new long[elements.Count * degree];
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
