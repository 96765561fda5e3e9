using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <inheritdoc cref="Frame.ColourRefinement"/>
/// <remarks>
/// A colour is a hash of 64 bits. Sums that wrap around are exact and do not depend on the order of their terms; two colours that
/// happen to get one hash make a tie more, never a wrong order.
/// </remarks>
internal sealed class ColourFrame : RankingFrame
{
    private readonly int? _rounds;

    public ColourFrame(TieBreaks ties, int? rounds)
        : base("colour refinement", ties)
    {
        if (rounds < 0)
        {
            throw new EquivariantException($"Colours can't be refined {rounds} times: give 0 or more, or nothing for as often as it takes.");
        }

        _rounds = rounds;
    }

    private protected override void Require(PointSignal points) => points.RequireGraph();

    protected override Tensor Ranks(PointSignal points, Tensor x)
    {
        Tensor adjacency = Hash(points.Adjacency(x), "The adjacency matrices");
        Tensor features = Hash(points.Features(x), "The nodes' features");
        Tensor colours = adjacency.diagonal(0, 1, 2);
        for (long feature = 0; feature < features.shape[2]; feature++)
        {
            colours = Mix(colours * 3 + features.select(2, feature));
        }

        // An edge looks different from its two ends, in directed graphs.
        Tensor edges = Mix((adjacency * 5) + Mix(adjacency.transpose(1, 2)));
        // Ranks are refined, not made anew, so that a graph's do not depend on how many rounds others of its batch need.
        Tensor ranks = Ranking.Of(colours);
        for (int round = 0; round < (_rounds ?? points.Points) && !Ranking.AreAllDistinct(ranks); round++)
        {
            Tensor seen = Mix(edges + Mix(colours).unsqueeze(1)).sum(2);
            colours = Mix((colours * 7) + Mix(seen));
            Tensor refined = Ranking.Refine(ranks, colours);
            if (refined.eq(ranks).all().item<bool>())
            {
                // No colour was split, and none will be.
                break;
            }

            ranks = refined;
        }

        return ranks;
    }

    /// <summary>Numbers as whole numbers, different for different ones.</summary>
    private static Tensor Hash(Tensor x, string what)
    {
        if (!x.is_floating_point())
        {
            RequireComparable(x, what);
            return Mix(x.to(ScalarType.Int64));
        }

        if (!x.isfinite().all().item<bool>())
        {
            throw new EquivariantException($"{what} have NaN or infinity among them, of which no colours can be made: look at what they are computed from.");
        }

        // A double is a whole number of 53 bits times a power of two; 0 and −0 are both 0.
        (Tensor mantissa, Tensor exponent) = x.to(ScalarType.Float64).frexp();
        return Mix((Mix((mantissa * (1L << 53)).to(ScalarType.Int64)) * 11) + exponent.to(ScalarType.Int64));
    }

    /// <summary>Spreads the bits of whole numbers, one to one.</summary>
    /// <remarks>Source: the finaliser of Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014), with shifts that keep the sign.</remarks>
    private static Tensor Mix(Tensor x)
    {
        Tensor once = x.bitwise_xor(Shifted(x, 30)) * unchecked((long)0xBF58476D1CE4E5B9);
        Tensor twice = once.bitwise_xor(Shifted(once, 27)) * unchecked((long)0x94D049BB133111EB);
        return twice.bitwise_xor(Shifted(twice, 31)) + 0x9E3779B97F4A7C1;
    }

    private static Tensor Shifted(Tensor x, long bits) => x.bitwise_right_shift(tensor(bits, device: x.device));
}

/// <inheritdoc cref="Frame.Spectral"/>
internal sealed class SpectralFrame(TieBreaks ties, double tolerance) : RankingFrame("spectral", ties)
{
    /// <summary>How long heat spreads, from a look at neighbours to one at the whole graph.</summary>
    private static readonly double[] s_times = [0.05, 0.2, 0.7, 2.5];

    private protected override void Require(PointSignal points) => points.RequireGraph();

    protected override Tensor Ranks(PointSignal points, Tensor x)
    {
        Tensor adjacency = points.Adjacency(x).to(ScalarType.Float64);
        Tensor features = points.Features(x);
        RequireComparable(adjacency, "The adjacency matrices");
        RequireComparable(features, "The nodes' features");
        if (!adjacency.isfinite().all().item<bool>() || adjacency.ne(adjacency.transpose(1, 2)).any().item<bool>())
        {
            throw new EquivariantException(
                "The spectral frame is for undirected graphs, but some adjacency matrix is not symmetric, or not finite: symmetrise it, or take colour refinement, which knows directions.");
        }

        Tensor laplacian = adjacency.sum(2).diag_embed() - adjacency;
        (Tensor values, Tensor vectors) = linalg.eigh(laplacian);
        Tensor ranks = Ranking.Lexicographic(features);
        foreach (double time in s_times)
        {
            Tensor signature = vectors.square().matmul((values * -time).exp().unsqueeze(2)).squeeze(2);
            ranks = Ranking.Refine(ranks, signature, tolerance);
        }

        return ranks;
    }
}
