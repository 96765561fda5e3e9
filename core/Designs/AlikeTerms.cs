using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// Terms of a quotient design with as many evaluations each, and kernels whose orbits have the same lengths: their values, pulled back,
/// become means in the same kernels.
/// </summary>
internal sealed class AlikeTerms
{
    private readonly int _terms;
    private readonly CoordinateMeans[] _orbits;

    /// <summary>For each term and coordinate, where the mean over its orbit is, <c>[terms, n]</c>; null where orbits are single coordinates.</summary>
    private readonly DeviceTensor? _spread;

    /// <summary>Prepares terms with as many evaluations each, by how their kernels move the output.</summary>
    /// <param name="evaluations">The evaluations of each term.</param>
    /// <param name="kernels">The action of each term's kernel on coordinates; the lengths of orbits are the same in each.</param>
    public AlikeTerms(int evaluations, IReadOnlyList<PermutationAction> kernels)
    {
        Evaluations = evaluations;
        _terms = kernels.Count;
        _orbits = [.. kernels.Select(kernel => new CoordinateMeans(kernel.Orbits))];
        if (kernels[0].OrbitCount < kernels[0].Degree)
        {
            long[] places = [.. kernels.SelectMany((kernel, term) => kernel.OrbitIndex.Select(orbit => (long)_orbits[term].Places[orbit]))];
            _spread = new DeviceTensor(tensor(places, [_terms, kernels[0].Degree]));
        }
    }

    private AlikeTerms(AlikeTerms other, int evaluations)
    {
        (_terms, _orbits, _spread) = (other._terms, other._orbits, other._spread);
        Evaluations = evaluations;
    }

    /// <summary>The evaluations of each term, <c>T</c>.</summary>
    public int Evaluations { get; }

    /// <summary>The rows of all of them.</summary>
    public long Rows => (long)_terms * Evaluations;

    /// <summary>The same terms with another number of evaluations.</summary>
    public AlikeTerms With(int evaluations) => new(this, evaluations);

    /// <summary>The order in which a term's coordinates have to lie: orbit by orbit.</summary>
    public int[] Order(int term) => _orbits[term].Members;

    /// <summary>The sum of the terms' values, from what is pulled back to coordinates in their order, <c>[terms·T, B, P, n, …] → [B, P, n, …]</c>.</summary>
    public Tensor Sum(Tensor pulledBack)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor means = Evaluations == 1 ? pulledBack : pulledBack.unflatten(0, _terms, Evaluations).mean([1L]);
        Tensor values = _spread is null
            ? means
            : Coordinates.GatherEach(_orbits[0].OfMembers(means, Coordinates.Axis + 1), _spread.On(means.device));
        return (_terms == 1 ? values.squeeze(0) : values.sum([0L])).MoveToOuterDisposeScope();
    }
}
