using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Which elements of a group an input picks: an equivariant frame <c>F(hx) = F(x)h⁻¹</c>.</summary>
/// <remarks>
/// The elements need not be listed: a frame says for each input which it picks, so that groups as large as those of sets and graphs have
/// one. Source: Puny et al., "Frame Averaging for Invariant and Equivariant Network Design" (ICLR 2022).
/// </remarks>
public abstract class Frame : nn.Module
{
    /// <summary>Names the module.</summary>
    /// <param name="name">The module's name.</param>
    protected Frame(string name)
        : base(name)
    {
    }

    /// <summary>The transforms of least energy: one as a rule, and all of them where several tie.</summary>
    /// <param name="energy">
    /// From transforms <c>[R, …]</c> to <c>[R]</c> or <c>[R, 1]</c>. As a module it is learned: in train mode
    /// gradients flow to it as if the softmax of the negative energies weighed the transforms.
    /// </param>
    /// <param name="tolerance">Energies this close to the least count as ties.</param>
    public static Frame LeastEnergy(nn.Module<Tensor, Tensor> energy, double tolerance = 0) => LeastEnergy(TransformEnergy.Of(energy), tolerance);

    /// <summary>The transforms of least energy, for an energy without parameters.</summary>
    /// <param name="energy">From transforms <c>[R, …]</c> to <c>[R]</c>.</param>
    /// <param name="tolerance">Energies this close to the least count as ties.</param>
    public static Frame LeastEnergy(Func<Tensor, Tensor> energy, double tolerance = 0) => LeastEnergy(TransformEnergy.Of(energy), tolerance);

    /// <summary>The transforms of least energy, for an energy that need not look at every transform.</summary>
    /// <param name="energy">
    /// The energy. What is learned of it is trained as if the softmax of the negative energies weighed the transforms.
    /// </param>
    /// <param name="tolerance">Energies this close to the least count as ties.</param>
    public static Frame LeastEnergy(TransformEnergy energy, double tolerance = 0) => new LeastEnergyFrame(energy, tolerance);

    /// <summary>
    /// The transforms of nearly least energy, weighed so that the design stays continuous where the energy is: a transform that comes
    /// within reach counts for little at first, where a plain frame jumps.
    /// </summary>
    /// <param name="energy">From transforms <c>[R, …]</c> to <c>[R]</c> or <c>[R, 1]</c>; continuous.</param>
    /// <param name="width">How far above the least an energy may be; a transform's weight falls linearly to zero there.</param>
    /// <remarks>Source: Dym, Lawrence and Siegel, "Equivariant Frames and the Impossibility of Continuous Canonicalization" (ICML 2024).</remarks>
    /// <exception cref="EquivariantException">The width is not positive.</exception>
    public static Frame Continuous(Func<Tensor, Tensor> energy, double width) => Continuous(TransformEnergy.Of(energy), width);

    /// <inheritdoc cref="Continuous(Func{Tensor, Tensor}, double)"/>
    /// <param name="energy">The energy; continuous.</param>
    /// <param name="width">How far above the least an energy may be; a transform's weight falls linearly to zero there.</param>
    public static Frame Continuous(TransformEnergy energy, double width) => new ContinuousFrame(energy, width);

    /// <summary>Sorts the points of a set by their features, the first first, then the next among those that tie.</summary>
    /// <param name="ties">What is done about points that are equal: their order is open.</param>
    public static RankingFrame Sorting(TieBreaks ties) => new SortingFrame(ties);

    /// <summary>Sorts the points of a set, or the nodes of a graph, by numbers of the user's.</summary>
    /// <param name="keys">From a batch <c>[B, …]</c> to <c>[B, n]</c>; has to move with the points.</param>
    /// <param name="ties">What is done about points whose numbers are equal.</param>
    /// <param name="tolerance">Numbers this close to the next count as ties.</param>
    public static RankingFrame SortingBy(Func<Tensor, Tensor> keys, TieBreaks ties, double tolerance = 0) => new KeyFrame(keys, ties, tolerance);

    /// <summary>Sorts the nodes of a graph by the colours of colour refinement, 1-WL.</summary>
    /// <param name="ties">What is done about nodes of one colour.</param>
    /// <param name="rounds">How often colours are refined; until there are no more, <c>n</c> times at most, if left out.</param>
    /// <remarks>In whole numbers throughout, and so equivariant to the last bit. Adjacencies may be directed and weighted.</remarks>
    public static RankingFrame ColourRefinement(TieBreaks ties, int? rounds = null) => new ColourFrame(ties, rounds);

    /// <summary>Sorts the nodes of an undirected graph by their heat kernel signatures, the diagonals of <c>exp(−tL)</c>.</summary>
    /// <param name="ties">What is done about nodes whose signatures are equal.</param>
    /// <param name="tolerance">Signatures this close to the next count as ties.</param>
    /// <remarks>
    /// Unlike eigenvectors they have no sign and no basis to choose, however degenerate the spectrum. Source: Sun, Ovsjanikov and
    /// Guibas, "A Concise and Provably Informative Multi-Scale Signature Based on Heat Diffusion" (SGP 2009).
    /// </remarks>
    public static RankingFrame Spectral(TieBreaks ties, double tolerance = 1e-6) => new SpectralFrame(ties, tolerance);

    /// <summary>A frame for each factor of a direct product, the first applied first.</summary>
    /// <param name="parts">
    /// One for each factor, in order. What it picks must not change when the factors after it act, which is so for those before it by
    /// their frames.
    /// </param>
    public static Frame Product(params IReadOnlyList<Frame> parts) => new ProductFrame(parts);

    /// <summary>A frame of a wreath product <c>K ≀ S</c> that moves blocks of coordinates: each block is turned by K, then S orders the blocks by what is in them.</summary>
    /// <param name="inner">The frame of K, on a block <c>[…, d, within]</c>.</param>
    /// <param name="outer">The frame of S, to which the blocks are points, <c>[…, m, features]</c>.</param>
    /// <param name="ties">
    /// Where K's frame has several picks for some blocks: up to how many ways to combine them are all taken, and how many are drawn
    /// where there are more.
    /// </param>
    public static Frame Wreath(Frame inner, Frame outer, TieBreaks ties) => new WreathFrame(inner, outer, ties);

    /// <summary>Picks elements for every input.</summary>
    /// <param name="action">How the group acts on the inputs.</param>
    /// <param name="x">The batch, <c>[B, …]</c>.</param>
    /// <returns>The elements <c>g</c> whose transforms <c>g·x</c> the model is to be evaluated on.</returns>
    public abstract Picks Pick(TensorAction action, Tensor x);

    /// <summary>Refuses what the frame is not for, before there is an input.</summary>
    /// <param name="input">How the group acts on the inputs.</param>
    /// <exception cref="EquivariantException">The frame is for other groups or actions.</exception>
    public virtual void Require(TensorAction input)
    {
    }

    /// <summary>How many elements are drawn for each input, where what it picks is a sample; null where it is not.</summary>
    internal virtual int? Samples => null;

    /// <summary>How many transforms of an input are made at once.</summary>
    internal virtual int TransformsPerInput(TensorAction input) => 1;
}
