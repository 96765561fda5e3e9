using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>A term in parts: some elements of the transversal at a time, so that no more rows than those of one call are ever there.</summary>
/// <param name="Elements">How many elements a part has; the last may have fewer.</param>
/// <param name="Parts">The parts.</param>
internal sealed record TransversalParts(int Elements, TransversalParts.Part[] Parts)
{
    /// <summary>Parts that are so much smaller than a call may be are made anew.</summary>
    private const long MostCallsForOne = 4;

    /// <summary>Divides a term of more elements than a call has rows.</summary>
    /// <param name="term">The term; its values become a mean, of which a part is the share of its elements.</param>
    /// <param name="batch">The number of inputs, at least 1 and at most the rows of a call.</param>
    /// <param name="chunkRows">The most rows of a call.</param>
    /// <param name="known">Parts made before: they serve where they fit.</param>
    /// <param name="make">Makes the part of some elements, from one on.</param>
    public static TransversalParts Of(
        QuotientTerm term, long batch, int chunkRows, TransversalParts? known, Func<int, int, Part> make)
    {
        if (known is not null && known.Elements * batch <= chunkRows && MostCallsForOne * known.Elements * batch > chunkRows)
        {
            return known;
        }

        int elements = (int)(chunkRows / batch), calls = (term.Evaluations + elements - 1) / elements;
        return new TransversalParts(elements, [.. Enumerable.Range(0, calls).Select(call =>
            make(call * elements, Math.Min(elements, term.Evaluations - (call * elements))))]);
    }

    /// <summary>Some elements of a transversal.</summary>
    /// <param name="From">The first of them.</param>
    /// <param name="Count">How many there are.</param>
    /// <param name="Expand">From an input to its rows, <c>[B, …] → [T·B, …]</c>.</param>
    /// <param name="Collect">
    /// From their values, <c>[T·B, …]</c>, and their weights, <c>[T, B]</c>, of which the plain mean has none, to what they give to the mean of
    /// all that is pulled back, <c>[B, …]</c>.
    /// </param>
    internal sealed record Part(int From, int Count, Func<Tensor, Tensor> Expand, Func<Tensor, Tensor?, Tensor> Collect);
}
