using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Actions;

/// <summary>Permutations of several elements as one index tensor <c>[T, n]</c>, <c>int64</c>.</summary>
internal static class IndexTables
{
    /// <summary>Writes a row of a table.</summary>
    /// <param name="element">The element's place in the list.</param>
    /// <param name="permutation">How it moves the points.</param>
    /// <param name="row">A number for each point, to be written.</param>
    public delegate void Row(int element, ReadOnlySpan<int> permutation, Span<long> row);

    /// <summary>Row <c>t</c> lists the images: <c>table[t, i] = elements[t](i)</c>.</summary>
    public static DeviceTensor Images(IReadOnlyList<GroupElement> elements, PermutationAction action) => Of(elements, action, (_, permutation, row) =>
    {
        for (int i = 0; i < row.Length; i++)
        {
            row[i] = permutation[i];
        }
    });

    /// <summary>Row <c>t</c> lists the preimages: <c>table[t, elements[t](i)] = i</c>.</summary>
    public static DeviceTensor Preimages(IReadOnlyList<GroupElement> elements, PermutationAction action) => Of(elements, action, (_, permutation, row) =>
    {
        for (int i = 0; i < row.Length; i++)
        {
            row[permutation[i]] = i;
        }
    });

    /// <summary>A row for every element, <c>[T, n]</c>, written from the permutation by which it acts.</summary>
    /// <exception cref="EquivariantException">The table would be too large.</exception>
    public static DeviceTensor Of(IReadOnlyList<GroupElement> elements, PermutationAction action, Row write)
    {
        int degree = action.Degree;
        TableLimit.Require(elements.Count, degree, sizeof(long), $"{action.Group} on {action.Name}");
        var table = new long[elements.Count * degree];
        var permutation = new int[degree];
        for (int t = 0; t < elements.Count; t++)
        {
            action.Permutation(elements[t], permutation);
            write(t, permutation, table.AsSpan(t * degree, degree));
        }

        return new DeviceTensor(tensor(table, [elements.Count, degree], dtype: ScalarType.Int64));
    }

    /// <summary>The inverses of permutations, <c>[T, n]</c>: images become preimages.</summary>
    public static Tensor Inverse(Tensor permutations)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor places = arange(permutations.shape[1], device: permutations.device).expand(permutations.shape);
        return empty_like(permutations).scatter_(1, permutations, places).MoveToOuterDisposeScope();
    }
}
