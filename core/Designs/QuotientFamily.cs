namespace Equivariant.Core.Designs;

/// <summary>How a family of terms was chosen that no user named.</summary>
/// <param name="Origin">In words for reports, such as "found within 4 evaluations, proved best".</param>
/// <param name="IsOptimal">
/// Whether it is proved that no other family within its price captures more, or as much at a lower price; null where nothing was searched for.
/// </param>
public sealed record QuotientFamily(string Origin, bool? IsOptimal);
