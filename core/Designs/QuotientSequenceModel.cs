using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// Makes any sequence model equivariant under a group that permutes its vocabularies: what it says of a translated
/// sentence is the translation of what it says of the sentence, token by token.
/// </summary>
/// <remarks>
/// The quotient design <c>Σᵢ 1/|Tᵢ| Σ_{t∈Tᵢ} t⁻¹·Sym_{Kᵢ}(M(t·Inv_{Kᵢ}(x, y)))</c> with the logits as output, where
/// <c>(x, y)</c> are the source and the target so far. In a batch, and at every step of decoding, all rows of all
/// terms that share a model are one call of it.
/// </remarks>
public class QuotientSequenceModel : SequenceModel
{
    private readonly TorchSharp.Modules.ModuleList<SequenceModel> _models;
    private readonly Term[] _terms;

    /// <summary>Wraps one model that all terms share.</summary>
    /// <param name="model">The network; it becomes a child module.</param>
    /// <param name="source">How the group permutes the source vocabulary.</param>
    /// <param name="target">How it permutes the target vocabulary, and with it the logits.</param>
    /// <param name="terms">The family of kernels; nontrivial kernels need a complement (<see cref="QuotientTerm.Split"/>).</param>
    /// <param name="invariance">What represents a sentence under the kernels.</param>
    /// <param name="evaluation">How rows are given to the model in <see cref="forward"/>; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or representatives do not commute with a complement.</exception>
    public QuotientSequenceModel(
        SequenceModel model,
        PermutationAction source,
        PermutationAction target,
        IReadOnlyList<QuotientTerm> terms,
        SequenceInvariance invariance,
        Evaluation? evaluation = null)
        : this([model], source, target, terms, invariance, evaluation)
    {
    }

    /// <summary>Wraps one model for all terms, or a model of its own for each.</summary>
    /// <param name="models">One network, or as many as there are terms; they become child modules.</param>
    /// <param name="source">How the group permutes the source vocabulary.</param>
    /// <param name="target">How it permutes the target vocabulary, and with it the logits.</param>
    /// <param name="terms">The family of kernels.</param>
    /// <param name="invariance">What represents a sentence under the kernels.</param>
    /// <param name="evaluation">How rows are given to the models in <see cref="forward"/>; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or the models do not match the terms.</exception>
    public QuotientSequenceModel(
        IReadOnlyList<SequenceModel> models,
        PermutationAction source,
        PermutationAction target,
        IReadOnlyList<QuotientTerm> terms,
        SequenceInvariance invariance,
        Evaluation? evaluation = null)
        : base(nameof(QuotientSequenceModel))
    {
        DesignChecks.RequireOneGroup(terms, source.Group, target.Group);
        DesignChecks.RequireModelPerTerm(models.Count, terms.Count);
        Terms = terms;
        Evaluation = evaluation ?? Evaluation.Plain;
        _terms = [.. terms.Select(term => new Term(term, source, target, invariance))];
        _models = nn.ModuleList([.. models]);
        RegisterComponents();
    }

    /// <summary>The family of kernels.</summary>
    public IReadOnlyList<QuotientTerm> Terms { get; }

    /// <summary>How rows are given to the models in <see cref="forward"/>.</summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>The wrapped models: one, or one for each term.</summary>
    public IReadOnlyList<SequenceModel> Models => [.. _models];

    /// <summary>Evaluations of a model for one sentence: <c>Σ|G/Kᵢ|</c>.</summary>
    public int EvaluationsPerInput => Terms.Sum(term => term.Evaluations);

    /// <inheritdoc/>
    public override Tensor forward(Tensor source, Tensor prefix)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor Source, Tensor Prefix)[] rows = [.. _terms.Select(term => term.Expand(source, prefix))];
        Tensor[] values = [.. Shares().SelectMany(share => Evaluation.Evaluate(
            inputs => share.Model.call(inputs[0], inputs[1]),
            cat([.. rows[share.Terms].Select(r => r.Source)], 0),
            cat([.. rows[share.Terms].Select(r => r.Prefix)], 0))
            .split([.. rows[share.Terms].Select(r => r.Source.shape[0])], 0))];
        return Collect(values).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override DecoderState Start(Tensor source)
    {
        using DisposeScope scope = NewDisposeScope();
        ISequenceReader[] readers = [.. _terms.Select(term => term.Read(source))];
        Tensor[] rows = [.. _terms.Zip(readers, (term, reader) => term.ExpandSource(reader.Source(source)))];
        DecoderState[] states = [.. Shares().Select(share => share.Model.Start(cat(rows[share.Terms], 0)))];
        return new State(this, source.shape[0], readers, states);
    }

    /// <inheritdoc/>
    public override Tensor Step(DecoderState state, Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        var batch = (State)state;
        Tensor[] rows = [.. _terms.Zip(batch.Readers, (term, reader) => term.ExpandTarget(reader.Target(tokens.unsqueeze(-1))).squeeze(-1))];
        Tensor[] values = [.. Shares().Zip(batch.Models, (share, model) =>
            share.Model.Step(model, cat(rows[share.Terms], 0)).split([.. rows[share.Terms].Select(r => r.shape[0])], 0)).SelectMany(parts => parts)];
        return Collect(values).MoveToOuterDisposeScope();
    }

    /// <summary>Each model with the terms that it serves.</summary>
    private IEnumerable<(SequenceModel Model, Range Terms)> Shares() =>
        _models.Count == 1
            ? [(_models[0], 0.._terms.Length)]
            : _models.Select((model, i) => (model, i..(i + 1)));

    private Tensor Collect(Tensor[] values) =>
        _terms.Zip(values, (term, value) => term.Collect(value)).Aggregate((sum, value) => sum + value);

    /// <summary>A term with its actions and representatives prepared.</summary>
    private sealed class Term(QuotientTerm term, PermutationAction source, PermutationAction target, SequenceInvariance invariance)
    {
        private readonly ISequenceRepresentative _representative = invariance.Over(term, source, target);
        private readonly OrbitMap _source = new TokenAction(source).Over(term.Transversal);
        private readonly OrbitMap _target = new TokenAction(target).Over(term.Transversal);
        private readonly OrbitReduction _logits = new(term, new AxisAction(target, -1), Reduction.Mean());

        public int Count => term.Evaluations;

        public ISequenceReader Read(Tensor tokens) => _representative.Read(tokens);

        public Tensor ExpandSource(Tensor tokens) => _source.Expand(tokens);

        public Tensor ExpandTarget(Tensor tokens) => _target.Expand(tokens);

        public (Tensor Source, Tensor Prefix) Expand(Tensor sourceTokens, Tensor prefix)
        {
            using ISequenceReader reader = Read(sourceTokens);
            return (ExpandSource(reader.Source(sourceTokens)), ExpandTarget(reader.Target(prefix)));
        }

        // The mean does not look at the rows, so the logits may stand for them.
        public Tensor Collect(Tensor logits) => _logits.Apply(logits, logits);
    }

    /// <summary>The states of the wrapped models, whose rows are those of every term, one element after the other.</summary>
    private sealed class State(QuotientSequenceModel owner, long batch, ISequenceReader[] readers, DecoderState[] models) : DecoderState
    {
        private long _batch = batch;

        public ISequenceReader[] Readers => readers;

        public DecoderState[] Models => models;

        public override void Select(Tensor rows)
        {
            foreach (ISequenceReader reader in readers)
            {
                reader.Select(rows);
            }

            foreach ((DecoderState model, (_, Range terms)) in models.Zip(owner.Shares()))
            {
                int copies = owner._terms[terms].Sum(term => term.Count);
                using Tensor offsets = arange(copies, ScalarType.Int64, rows.device).mul(_batch).unsqueeze(-1);
                using Tensor expanded = (offsets + rows).flatten();
                model.Select(expanded);
            }

            _batch = rows.shape[0];
        }

        protected override void Dispose(bool disposing)
        {
            foreach (IDisposable part in readers.Concat<IDisposable>(models))
            {
                part.Dispose();
            }
        }
    }
}
