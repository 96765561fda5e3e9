using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>A term in parts: some elements of the transversal at a time, so that no more rows than those of one call are ever there.</summary>
/// <param name="Elements">How many elements a part has; the last may have fewer.</param>
/// <param name="Parts">The parts.</param>
internal sealed record TransversalParts(int Elements, TransversalParts.Part[] Parts)
{
    /// <summary>Parts that are so much smaller than a call may be are made anew.</summary>
    private const long MostCallsForOne = 4;

    /// <summary>Divides a term.</summary>
    /// <param name="term">The term; its values become their mean.</param>
    /// <param name="batch">The number of inputs.</param>
    /// <param name="chunkRows">The most rows of a call.</param>
    /// <param name="known">Parts made before: they serve where they fit.</param>
    /// <param name="make">Makes the maps of some elements, from one on: to the rows of an input, and from their values.</param>
    /// <returns>The parts; null where the term is one call, or an input alone is too many rows.</returns>
    public static TransversalParts? Of(
        QuotientTerm term, long batch, int chunkRows, TransversalParts? known, Func<int, int, (Func<Tensor, Tensor> Expand, Func<Tensor, Tensor> Collect)> make)
    {
        if (batch == 0 || batch > chunkRows || batch * term.Evaluations <= chunkRows)
        {
            return null;
        }

        if (known is not null && known.Elements * batch <= chunkRows && MostCallsForOne * known.Elements * batch > chunkRows)
        {
            return known;
        }

        int elements = (int)(chunkRows / batch), calls = (term.Evaluations + elements - 1) / elements;
        return new TransversalParts(elements, [.. Enumerable.Range(0, calls).Select(call =>
        {
            int from = call * elements, count = Math.Min(elements, term.Evaluations - from);
            (Func<Tensor, Tensor> expand, Func<Tensor, Tensor> collect) = make(from, count);
            return new Part(expand, collect, (double)count / term.Evaluations);
        })]);
    }

    /// <summary>Some elements of a transversal.</summary>
    /// <param name="Expand">From an input to its rows, <c>[B, …] → [T·B, …]</c>.</param>
    /// <param name="Collect">From their values to the mean of what is pulled back, <c>[T·B, …] → [B, …]</c>.</param>
    /// <param name="Share">The share of the elements that are in this part.</param>
    internal sealed record Part(Func<Tensor, Tensor> Expand, Func<Tensor, Tensor> Collect, double Share);
}
