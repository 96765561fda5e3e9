using Equivariant.Core.Actions;
using Equivariant.Core.Representations;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>
/// The finest division of coordinates into parts that any element maps to themselves: the orbits of permutation
/// summands, and each other summand as a whole. A number for each part times the coordinates in it is equivariant.
/// </summary>
internal sealed class CoordinateParts
{
    private readonly DeviceTensor _partOf;

    public CoordinateParts(Representation representation)
    {
        List<long> parts = [];
        foreach (Representation summand in representation.Summands)
        {
            int first = Count;
            parts.AddRange(summand.Permutation is { } action
                ? action.OrbitIndex.Select(orbit => (long)first + orbit)
                : Enumerable.Repeat((long)first, summand.Dimension));
            Count += summand.Permutation?.OrbitCount ?? 1;
        }

        _partOf = new DeviceTensor(tensor(parts.ToArray(), dtype: ScalarType.Int64));
    }

    /// <summary>Gets the number of parts.</summary>
    public int Count { get; }

    /// <summary>Copies <c>[…, parts]</c> to the coordinates, <c>[…, n]</c>.</summary>
    public Tensor Spread(Tensor values) => values.index_select(-1, _partOf.On(values.device));
}
