namespace Equivariant.Core.Representations;

/// <summary>Why a numerical dimension can be trusted.</summary>
/// <param name="Rank">The dimension found.</param>
/// <param name="SmallestKept">The smallest singular value counted as not zero; infinity where all were zero.</param>
/// <param name="LargestDropped">The largest singular value counted as zero; 0 where none was.</param>
/// <param name="CrossChecked">
/// Whether random matrices, averaged over the group along its transversals, were seen to lie in the space found, and
/// the space found to be fixed by the generators: with probability one the dimension then is exact.
/// </param>
public sealed record RankCertificate(int Rank, double SmallestKept, double LargestDropped, bool CrossChecked)
{
    /// <summary>Gets the ratio of the two singular values on either side of the cut; infinity where there is no cut.</summary>
    public double Gap => LargestDropped == 0 ? double.PositiveInfinity : SmallestKept / LargestDropped;

    /// <summary>Says the dimension, the gap and whether it was cross-checked.</summary>
    public override string ToString() =>
        $"dimension {Rank}, singular values {SmallestKept:G3} | {LargestDropped:G3} (gap {Gap:G3}){(CrossChecked ? ", cross-checked by averaging" : "")}";
}
