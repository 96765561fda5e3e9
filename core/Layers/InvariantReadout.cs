using Equivariant.Core.Actions;
using Equivariant.Core.Representations;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>How a readout gathers an orbit of coordinates into one number.</summary>
public enum OrbitPooling
{
    /// <summary>The mean over the orbit.</summary>
    Mean,

    /// <summary>The sum over the orbit.</summary>
    Sum,

    /// <summary>The largest of the orbit.</summary>
    Max,
}

/// <summary>
/// Reads features that do not change when the group acts: one for each orbit of coordinates; for summands that
/// are not permutations, the coordinates of their projection to the invariants and, if asked for, their length.
/// </summary>
public sealed class InvariantReadout : EquivariantModule
{
    private readonly OrbitPooling _pooling;
    private readonly SummandNorm?[] _norms;
    private readonly DeviceTensor?[] _orbitSizes;
    private readonly DeviceTensor[]?[] _orbits;

    /// <summary>Makes the readout of a representation.</summary>
    /// <param name="representation">The representation.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="pooling">How orbits of coordinates are pooled.</param>
    /// <param name="lengths">Whether to add the root mean square of each summand that is not a permutation representation.</param>
    public InvariantReadout(Representation representation, long channels = 1, OrbitPooling pooling = OrbitPooling.Mean, bool lengths = true)
        : base(nameof(InvariantReadout), representation, channels, Features(representation, lengths), channels)
    {
        _pooling = pooling;
        _norms = [.. representation.Summands.Select(part => part.IsPermutation || !lengths ? null : new SummandNorm(part))];
        PermutationAction?[] actions = [.. representation.Summands.Select(part => part.Permutation)];
        _orbitSizes = [.. actions.Select(a => a is null ? null : new DeviceTensor(tensor(a.Orbits.Select(o => (double)o.Length).ToArray())))];
        _orbits = [.. actions.Select(a => a?.Orbits.Select(o => new DeviceTensor(tensor(o, dtype: ScalarType.Int64))).ToArray())];
    }

    /// <summary>Reads the features.</summary>
    /// <param name="input">The batch, <c>[B, c, n]</c>.</param>
    /// <returns><c>[B, c, r]</c>, summand by summand.</returns>
    public override Tensor forward(Tensor input)
    {
        RequireInput(input);
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = input.split([.. Input.Summands.Select(part => (long)part.Dimension)], -1);
        var features = new List<Tensor>();
        for (int i = 0; i < parts.Length; i++)
        {
            features.Add(Pooled(parts[i], i));
            if (_norms[i] is { } norm)
            {
                const double Small = 1e-12;
                features.Add((norm.MeanSquare(parts[i]) + Small).sqrt());
            }
        }

        return cat(features, -1).MoveToOuterDisposeScope();
    }

    private static Representation Features(Representation representation, bool lengths)
    {
        int count = representation.Summands.Sum(part => part.Invariants.Count + (lengths && !part.IsPermutation ? 1 : 0));
        return count > 0 ? Representation.Trivial(representation.Group, count) : throw new EquivariantException(
            $"{representation} has no invariants to read out; ask for the lengths of its summands.");
    }

    private Tensor Pooled(Tensor x, int summand)
    {
        InvariantBasis invariants = Input.Summands[summand].Invariants;
        if (_orbits[summand] is not { } orbits || _pooling == OrbitPooling.Mean)
        {
            return invariants.Pool(x);
        }

        if (_pooling == OrbitPooling.Sum)
        {
            return invariants.Pool(x) * _orbitSizes[summand]!.On(x.device).to(x.dtype);
        }

        return cat([.. orbits.Select(orbit => x.index_select(-1, orbit.On(x.device)).amax([-1L], keepdim: true))], -1);
    }
}
