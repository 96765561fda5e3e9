using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>
/// A language model, a <see cref="SequenceModel"/> whose source and target are one text, as a module that scores whole texts at once: so
/// tensor designs wrap it.
/// </summary>
public sealed class TextScores : nn.Module<Tensor, Tensor>
{
    private readonly SequenceModel model;

    /// <summary>Wraps a model.</summary>
    /// <param name="model">The model, of one vocabulary for source and target; it becomes a child module. It has to take empty sources.</param>
    public TextScores(SequenceModel model)
        : base(nameof(TextScores))
    {
        this.model = model;
        RegisterComponents();
    }

    /// <summary>Gets the language model.</summary>
    public SequenceModel Model => model;

    /// <summary>Scores the token that follows, after each token of texts.</summary>
    /// <param name="ids">The texts, <c>[B, T]</c>, <c>int64</c>.</param>
    /// <returns>Logits <c>[B, T, V]</c>.</returns>
    public override Tensor forward(Tensor ids)
    {
        // All of a text is target: every token of it is scored.
        using Tensor empty = ids.narrow(1, 0, 0);
        return model.call(empty, ids);
    }
}
