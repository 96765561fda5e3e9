using Equivariant.Core.Actions;
using Equivariant.Core.Designs;
using Equivariant.Core.Distributed;
using Equivariant.Core.Groups;
using Equivariant.Core.Native;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Sequences;

/// <summary>
/// Makes any sequence model equivariant under a group that permutes its vocabularies: what it says of a translated
/// sentence is the translation of what it says of the sentence, token by token.
/// </summary>
/// <remarks>
/// The quotient design <c>Σᵢ 1/|Tᵢ| Σ_{t∈Tᵢ} t⁻¹·Sym_{Kᵢ}(M(t·Inv_{Kᵢ}(x, y)))</c> with the logits as output, where
/// <c>(x, y)</c> are the source and the target so far. In a batch, and at every step of decoding, all rows of all
/// terms that share a model are one call of it.
/// With another reduction than the mean, each sentence has weights of its own, which are decided before the first target
/// token is known: by its source (λ-equituning), or by the scores of that first token (equizero). So a known target is scored
/// as it is decoded, from left to right.
/// </remarks>
public class QuotientSequenceModel : SequenceModel
{
    private readonly TorchSharp.Modules.ModuleList<SequenceModel> _models;
    private readonly Term[] _terms;
    private readonly PermutationAction _source;
    private readonly PermutationAction _target;
    private readonly SequenceSymmetry _symmetry;

    /// <summary>Wraps one model that all terms share.</summary>
    /// <param name="model">The network; it becomes a child module.</param>
    /// <param name="source">How the group permutes the source vocabulary.</param>
    /// <param name="target">How it permutes the target vocabulary, and with it the logits.</param>
    /// <param name="terms">The family of kernels; nontrivial kernels need a complement (<see cref="QuotientTerm.Split"/>).</param>
    /// <param name="invariance">What represents a sentence under the kernels.</param>
    /// <param name="evaluation">How rows are given to the model in <see cref="forward"/>; plainly, if left out.</param>
    /// <param name="reduction">How a term's logits become one; the mean, if left out. It sees source tokens as rows.</param>
    /// <exception cref="EquivariantException">The groups differ, or representatives do not commute with a complement.</exception>
    public QuotientSequenceModel(
        SequenceModel model,
        PermutationAction source,
        PermutationAction target,
        IReadOnlyList<QuotientTerm> terms,
        SequenceInvariance invariance,
        Evaluation? evaluation = null,
        Reduction? reduction = null)
        : this([model], source, target, terms, invariance, evaluation, reduction)
    {
    }

    /// <summary>Wraps one model for all terms, or a model of its own for each.</summary>
    /// <param name="models">One network, or as many as there are terms; they become child modules.</param>
    /// <param name="source">How the group permutes the source vocabulary.</param>
    /// <param name="target">How it permutes the target vocabulary, and with it the logits.</param>
    /// <param name="terms">The family of kernels.</param>
    /// <param name="invariance">What represents a sentence under the kernels.</param>
    /// <param name="evaluation">How rows are given to the models in <see cref="forward"/>; plainly, if left out.</param>
    /// <param name="reduction">How a term's logits become one; the mean, if left out. It sees source tokens as rows.</param>
    /// <exception cref="EquivariantException">The groups differ, or the models do not match the terms.</exception>
    public QuotientSequenceModel(
        IReadOnlyList<SequenceModel> models,
        PermutationAction source,
        PermutationAction target,
        IReadOnlyList<QuotientTerm> terms,
        SequenceInvariance invariance,
        Evaluation? evaluation = null,
        Reduction? reduction = null)
        : base(nameof(QuotientSequenceModel))
    {
        DesignChecks.RequireOneGroup(terms, source.Group, target.Group);
        DesignChecks.RequireModelPerTerm(models.Count, terms.Count);
        Terms = terms;
        _source = source;
        _target = target;
        _symmetry = new SequenceSymmetry(source, target);
        Evaluation = evaluation ?? Evaluation.Plain;
        Reduction = reduction ?? Reduction.Mean();
        _terms = [.. terms.Select(term => new Term(term, source, target, invariance, Reduction))];
        _models = nn.ModuleList([.. models]);
        RegisterComponents();
        register_module("reduction", Reduction);
    }

    /// <summary>The family of kernels.</summary>
    public IReadOnlyList<QuotientTerm> Terms { get; }

    /// <summary>
    /// How rows are given to the models in <see cref="forward"/>. Its <see cref="Evaluation.Ranks"/> also share those of decoding, where
    /// every rank takes every step and no gradient flows.
    /// </summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>How the logits of a term become one.</summary>
    public Reduction Reduction { get; }

    /// <summary>The wrapped models: one, or one for each term.</summary>
    public IReadOnlyList<SequenceModel> Models => [.. _models];

    /// <summary>Evaluations of a model for one sentence: <c>Σ|G/Kᵢ|</c>.</summary>
    public int EvaluationsPerInput => Terms.Sum(term => term.Evaluations);

    /// <inheritdoc/>
    public override SequenceSymmetry? Symmetry => _symmetry;

    /// <summary>The wrapped models' padding token; the group must not move it.</summary>
    public override long? PaddingToken
    {
        get => _models[0].PaddingToken;
        set
        {
            foreach (SequenceModel model in _models)
            {
                model.PaddingToken = value;
            }
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor source, Tensor prefix)
    {
        RequireSources(source);
        DesignChecks.RequireSentences(_target, prefix, "target token");
        if (source.shape[0] != prefix.shape[0])
        {
            throw new EquivariantException(
                $"Every source sentence needs a target, but a source of shape {DesignChecks.Shape(source)} and a target of shape {DesignChecks.Shape(prefix)} were given.");
        }

        using DisposeScope scope = NewDisposeScope();
        (Tensor Source, Tensor Prefix)[] rows = [.. _terms.Select(term => term.Expand(source, prefix))];
        return Shares().Select(share =>
        {
            (Tensor Source, Tensor Prefix)[] own = rows[share.Terms];
            long[] lengths = [.. own.Select(row => row.Source.shape[0])];
            Tensor sources = cat([.. own.Select(row => row.Source)], 0);
            Tensor prefixes = cat([.. own.Select(row => row.Prefix)], 0);
            if (Reduction.IsMean)
            {
                return Evaluation.Evaluate(
                    share.Model, sources, prefixes, logits => Collect(share.Terms, Scored(logits, prefix.shape[1]).split(lengths, 0), null));
            }

            Tensor[] values = Scored(Evaluation.Evaluate(share.Model, sources, prefixes), prefix.shape[1]).split(lengths, 0);
            Evidence[]? evidence = prefix.shape[1] == 0
                ? null
                : [.. own.Zip(values, (row, logits) => new Evidence(row.Source, logits.select(1, 0)))];
            return Collect(share.Terms, values, evidence);
        }).Aggregate((sum, value) => sum + value).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override DecoderState Start(Tensor source)
    {
        RequireSources(source);
        using DisposeScope scope = NewDisposeScope();
        ISequenceReader[] readers = [.. _terms.Select(term => term.Read(source))];
        Tensor[] rows = [.. _terms.Zip(readers, (term, reader) => term.ExpandSource(reader.Source(source)))];
        Tensor[] evidence = Reduction.IsMean ? [] : rows;
        (SequenceModel Model, Tensor Rows)[] shares = [.. Shares().Select(share => (share.Model, cat(rows[share.Terms], 0)))];
        if (Evaluation.Ranks is not { Count: > 1, IsApart: false } ranks)
        {
            return new State(this, source.shape[0], readers, [.. shares.Select(share => Start(share.Model, share.Rows))], evidence);
        }

        RequireNoGradient();
        WrappedModel whole = Whole();
        ranks.RequireSameCall(this, [source], whole.State);
        SharedRows[] own = [.. shares.Select(share => new SharedRows(ranks, share.Rows.shape[0], source.device))];
        DecoderState[] states = [];
        RankRegion.Run(ranks, whole, [], _ =>
        {
            states = [.. shares.Zip(own, (share, mine) => Start(share.Model, mine.Own(share.Rows)))];
            return [zeros(1)];
        });
        return new State(this, source.shape[0], readers, states, evidence, ranks, own);
    }

    /// <inheritdoc/>
    public override Tensor Step(DecoderState state, Tensor tokens)
    {
        if (state is not State batch || batch.Owner != this)
        {
            throw new EquivariantException($"A design steps with the state that its own {nameof(Start)} gave, but another one was given.");
        }

        TensorChecks.RequireTokens(_target, tokens, "target token");
        if (tokens.dim() != 1 || tokens.shape[0] != batch.Sentences)
        {
            throw new EquivariantException($"A step takes one token for each of {batch.Sentences} sentences, but a tensor of shape {DesignChecks.Shape(tokens)} was given.");
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor[] rows = [.. _terms.Zip(batch.Readers, (term, reader) => term.ExpandTarget(reader.Target(tokens.unsqueeze(-1))).squeeze(-1))];
        Tensor[] Logits() =>
        [
            .. Shares().Select((share, i) =>
            {
                Tensor all = cat(rows[share.Terms], 0);
                return batch.Ranks is null
                    ? Step(share.Model, batch.Models[i], all)
                    : batch.Shared[i].Whole(Step(share.Model, batch.Models[i], batch.Shared[i].Own(all)));
            }),
        ];
        Tensor Sum(Tensor[] logits)
        {
            Tensor[] values =
                [.. Shares().Zip(logits, (share, all) => all.split([.. rows[share.Terms].Select(row => row.shape[0])], 0)).SelectMany(parts => parts)];
            return Collect(.., values, Reduction.IsMean ? null : batch.EvidenceOr(values));
        }

        if (batch.Ranks is null)
        {
            return Sum(Logits()).MoveToOuterDisposeScope();
        }

        RequireNoGradient();
        Tensor sum = Reduction.IsMean
            ? RankRegion.Run(batch.Ranks, Whole(), [], _ => [Sum(Logits())])[0]
            : Sum(RankRegion.Run(batch.Ranks, Whole(), [], _ => Logits()));
        return sum.MoveToOuterDisposeScope();
    }

    private static void RequireNoGradient()
    {
        if (is_grad_enabled())
        {
            throw new EquivariantException("Decoding across ranks passes no gradient: decode under torch.no_grad(), and train by forward.");
        }
    }

    /// <summary>Refuses what are no sources, and padding that the group would turn into words.</summary>
    private void RequireSources(Tensor source)
    {
        DesignChecks.RequireSentences(_source, source, "source token");
        foreach (SequenceModel model in _models)
        {
            if (model.PaddingToken is long padding && !_symmetry.Fixes(padding))
            {
                throw new EquivariantException(
                    $"The padding token {padding} of '{model.GetName()}' is moved by {_source.Group}, which would make words of padding: pad with a token that it does not move.");
            }
        }
    }

    /// <summary>All models at once, as what ranks share.</summary>
    private WrappedModel Whole() => new(this, inputs => inputs[0]);

    private static DecoderState Start(SequenceModel model, Tensor rows) => TorchErrors.Explain(
        () => model.Start(rows), () => $"The model '{model.GetName()}' can't start on {rows.dtype} tokens of shape {DesignChecks.Shape(rows)}");

    private static Tensor Step(SequenceModel model, DecoderState state, Tensor rows)
    {
        Tensor logits = new WrappedModel(model, inputs => model.Step(state, inputs[0])).Call([rows]);
        return logits.dim() == 2
            ? logits
            : throw new EquivariantException($"The model has to score one position a step, [{rows.shape[0]}, …], but gives logits of shape {DesignChecks.Shape(logits)}.");
    }

    private Tensor Scored(Tensor logits, long positions) =>
        logits.dim() == 3 && logits.shape[1] == positions
            ? logits
            : throw new EquivariantException(
                $"The model has to score every position of {positions}, [{logits.shape[0]}, {positions}, {_target.Degree}], but gives logits of shape {DesignChecks.Shape(logits)}.");

    /// <summary>Each model with the terms that it serves.</summary>
    private IEnumerable<(SequenceModel Model, Range Terms)> Shares() =>
        _models.Count == 1
            ? [(_models[0], 0.._terms.Length)]
            : _models.Select((model, i) => (model, i..(i + 1)));

    /// <summary>The sum of some terms.</summary>
    private Tensor Collect(Range terms, Tensor[] values, Evidence[]? evidence) =>
        _terms[terms].Select((term, i) => term.Collect(values[i], evidence?[i])).Aggregate((sum, value) => sum + value);

    /// <summary>What a term's weights are decided by: its source rows <c>[T·B, S]</c>, and what is said of the first target token, <c>[T·B, V]</c>.</summary>
    private readonly record struct Evidence(Tensor Source, Tensor First);

    /// <summary>A term with its actions and representatives prepared.</summary>
    private sealed class Term(
        QuotientTerm term, PermutationAction source, PermutationAction target, SequenceInvariance invariance, Reduction reduction)
    {
        private readonly ISequenceRepresentative _representative = invariance.Over(term, source, target);
        private readonly OrbitMap _source = new TokenAction(source).Over(term.Transversal);
        private readonly OrbitMap _target = new TokenAction(target).Over(term.Transversal);
        private readonly OrbitReduction _logits = new(term, new AxisAction(target, -1), reduction);

        public int Count => term.Evaluations;

        public ISequenceReader Read(Tensor tokens) => _representative.Read(tokens);

        public Tensor ExpandSource(Tensor tokens) => _source.Expand(tokens);

        public Tensor ExpandTarget(Tensor tokens) => _target.Expand(tokens);

        public (Tensor Source, Tensor Prefix) Expand(Tensor sourceTokens, Tensor prefix)
        {
            using ISequenceReader reader = Read(sourceTokens);
            return (ExpandSource(reader.Source(sourceTokens)), ExpandTarget(reader.Target(prefix)));
        }

        // The mean looks at nothing, so the logits may stand for the rows.
        public Tensor Collect(Tensor logits, Evidence? evidence) => _logits.Apply(evidence?.Source ?? logits, logits, evidence?.First);
    }

    /// <summary>The states of the wrapped models, whose rows are those of every term, one element after the other.</summary>
    private sealed class State : DecoderState
    {
        private readonly QuotientSequenceModel _owner;
        private readonly ISequenceReader[] _readers;
        private readonly DecoderState[] _models;
        private readonly Tensor[] _sources;
        private readonly SharedRows[] _shared;
        private Tensor[] _firsts = [];
        private long _batch;

        /// <param name="owner">The design.</param>
        /// <param name="batch">How many sentences there are.</param>
        /// <param name="readers">What reads each term's sentences.</param>
        /// <param name="models">The models' states.</param>
        /// <param name="sources">Each term's source rows, where its weights are decided by them.</param>
        /// <param name="ranks">The ranks that share the rows, or null.</param>
        /// <param name="shared">Which rows of each model are this rank's.</param>
        public State(
            QuotientSequenceModel owner,
            long batch,
            ISequenceReader[] readers,
            DecoderState[] models,
            Tensor[] sources,
            Ranks? ranks = null,
            params SharedRows[] shared)
        {
            (Ranks, _shared) = (ranks, shared);
            (_owner, _batch, _readers, _models) = (owner, batch, readers, models);
            _sources = [.. sources.Select(Own)];
        }

        public QuotientSequenceModel Owner => _owner;

        public long Sentences => _batch;

        public ISequenceReader[] Readers => _readers;

        public DecoderState[] Models => _models;

        /// <summary>What the weights are decided by; the logits of the first step are kept for those that follow.</summary>
        public Evidence[] EvidenceOr(Tensor[] logits)
        {
            if (_firsts.Length == 0)
            {
                _firsts = [.. logits.Select(value => Own(value.detach().clone()))];
            }

            return [.. _sources.Zip(_firsts, (source, first) => new Evidence(source, first))];
        }

        /// <summary>The ranks that share the rows, or null.</summary>
        public Ranks? Ranks { get; }

        /// <summary>Which rows of each model are this rank's, where they are shared.</summary>
        public SharedRows[] Shared => _shared;

        public override void Select(Tensor rows)
        {
            foreach (ISequenceReader reader in _readers)
            {
                reader.Select(rows);
            }

            foreach ((int i, (_, Range terms)) in _owner.Shares().Index())
            {
                using Tensor expanded = Copies(_owner._terms[terms].Sum(term => term.Count), rows);
                using Tensor kept = Ranks is null ? expanded.alias() : _shared[i].Select(expanded);
                _models[i].Select(kept);
            }

            foreach (Tensor[] kept in new[] { _sources, _firsts })
            {
                for (int i = 0; i < kept.Length; i++)
                {
                    using Tensor expanded = Copies(_owner._terms[i].Count, rows);
                    using Tensor old = kept[i];
                    kept[i] = Own(old.index_select(0, expanded));
                }
            }

            _batch = rows.shape[0];
        }

        private static Tensor Own(Tensor tensor) => tensor.DetachFromDisposeScope();

        /// <summary>The rows of some sentences, for each of so many elements.</summary>
        private Tensor Copies(int count, Tensor rows)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor offsets = arange(count, ScalarType.Int64, rows.device).mul(_batch).unsqueeze(-1);
            return (offsets + rows).flatten().MoveToOuterDisposeScope();
        }

        protected override void Dispose(bool disposing)
        {
            foreach (IDisposable part in _readers.Concat<IDisposable>(_models).Concat(_sources).Concat(_firsts).Concat(_shared))
            {
                part.Dispose();
            }
        }
    }
}
