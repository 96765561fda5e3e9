using Equivariant.Core.Designs;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>
/// A network that reads a source sentence and a target prefix and scores the next target token: what the sequence
/// designs wrap, and what they are themselves, so that they nest.
/// </summary>
/// <remarks>
/// One network, two ways to run it. <c>forward(source, prefix)</c> scores all positions of a known target at once
/// (teacher forcing): source tokens <c>[B, S]</c> and target tokens from the start token on <c>[B, T]</c> give logits
/// <c>[B, T, V]</c>, at position <c>t</c> for the token that follows <c>prefix[:, t]</c>. (It is not declared again
/// here: F# cannot override a member that was abstract twice.) <see cref="Start"/> and <see cref="Step"/> score one position at a time, each step costing the same,
/// for decoding. Both must give the same logits for the same tokens.
/// Tokens are <c>int64</c>; shorter sentences are padded at the end with <see cref="PaddingToken"/>.
/// </remarks>
public abstract class SequenceModel : nn.Module<Tensor, Tensor, Tensor>
{
    /// <summary>Gives the module its name.</summary>
    /// <param name="name">The module's name, as in any TorchSharp module.</param>
    protected SequenceModel(string name)
        : base(name)
    {
    }

    /// <summary>A token that pads shorter sources at their end; null where all sources of a batch have one length.</summary>
    public virtual long? PaddingToken { get; set; }

    /// <summary>The group that the scores move with; null where none is known. <see cref="Decoding"/> keeps to it.</summary>
    public virtual SequenceSymmetry? Symmetry => null;

    /// <inheritdoc/>
    /// <exception cref="EquivariantException">The file was saved from another network, or is damaged; the model is as it was.</exception>
    public override nn.Module load(
        BinaryReader reader, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null) =>
        SavedState.Guard(this, () => base.load(reader, strict, skip, loadedParameters));

    /// <summary>Reads the source sentences.</summary>
    /// <param name="source">Source tokens, <c>[B, S]</c>, <c>int64</c>.</param>
    /// <returns>The state before the first target token, owned by the caller.</returns>
    public abstract DecoderState Start(Tensor source);

    /// <summary>Feeds one target token to each sentence and scores the next.</summary>
    /// <param name="state">The state, which the step advances.</param>
    /// <param name="tokens">One token a sentence, <c>[B]</c>, <c>int64</c>; the start token at first.</param>
    /// <returns>Logits <c>[B, V]</c>.</returns>
    public abstract Tensor Step(DecoderState state, Tensor tokens);
}

/// <summary>What a <see cref="SequenceModel"/> remembers between two decoding steps, for a batch of sentences.</summary>
public abstract class DecoderState : IDisposable
{
    /// <summary>Keeps some of the sentences: a decoder drops those that are finished.</summary>
    /// <param name="rows">The rows to keep, in their new order, <c>[B']</c>, <c>int64</c>.</param>
    public abstract void Select(Tensor rows);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the state's tensors.</summary>
    /// <param name="disposing">Always true: tensors have finalisers of their own.</param>
    protected abstract void Dispose(bool disposing);
}
