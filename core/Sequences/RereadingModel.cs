using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>
/// Any module that scores whole texts as a <see cref="SequenceModel"/>, which keeps no more of a text than its tokens and reads it again at
/// every step: for designs that look at all of their input, such as canonical poses.
/// </summary>
/// <remarks>
/// The source is a text and the target its continuation, over one vocabulary, as with a language model. A module that looks at a whole text
/// may score a place by what comes later; here it is given no more than what comes before, in <see cref="forward"/> too.
/// </remarks>
public sealed class RereadingModel : SequenceModel
{
    private readonly nn.Module<Tensor, Tensor> model;

    /// <summary>Wraps a module.</summary>
    /// <param name="model">From texts <c>[B, T]</c> of any length to logits <c>[B, T, V]</c>; it becomes a child module.</param>
    public RereadingModel(nn.Module<Tensor, Tensor> model)
        : base(nameof(RereadingModel))
    {
        this.model = model;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor source, Tensor prefix)
    {
        if (prefix.shape[1] == 0)
        {
            throw new EquivariantException($"{nameof(RereadingModel)} needs at least one target token to score what follows it.");
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor text = cat([source, prefix], 1);
        return stack([.. Enumerable.Range(1, (int)prefix.shape[1]).Select(read => Score(text.narrow(1, 0, source.shape[1] + read)))], 1)
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override DecoderState Start(Tensor source) => new Text(source.clone());

    /// <inheritdoc/>
    public override Tensor Step(DecoderState state, Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        var text = (Text)state;
        text.Replace(cat([text.Tokens, tokens.unsqueeze(-1)], 1));
        return Score(text.Tokens).MoveToOuterDisposeScope();
    }

    /// <summary>Scores what follows texts, <c>[B, V]</c>.</summary>
    private Tensor Score(Tensor ids)
    {
        Tensor logits = TorchErrors.Explain(() => model.call(ids), () => $"The model '{model.GetName()}' can't score texts of {ids.shape[1]} tokens");
        return logits.dim() == 3 && logits.shape[1] == ids.shape[1]
            ? logits.select(1, -1)
            : throw new EquivariantException(
                $"The model '{model.GetName()}' has to score every token of {ids.shape[1]}, [{ids.shape[0]}, {ids.shape[1]}, …], but gives a tensor of shape [{string.Join(", ", logits.shape)}].");
    }

    private sealed class Text : DecoderState
    {
        public Text(Tensor tokens) => Tokens = tokens.DetachFromDisposeScope();

        public Tensor Tokens { get; private set; }

        public override void Select(Tensor rows) => Replace(Tokens.index_select(0, rows));

        public void Replace(Tensor tokens)
        {
            Tokens.Dispose();
            Tokens = tokens.DetachFromDisposeScope();
        }

        protected override void Dispose(bool disposing) => Tokens.Dispose();
    }
}
