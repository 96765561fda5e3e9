using Equivariant.Core.Actions;
using Equivariant.Core.Orbits;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// Makes any network equivariant under a group, from one input tensor to one output tensor, at the price of the
/// indices of a family of normal subgroups: <c>f(x) = Σᵢ reduce_{t∈Tᵢ} t⁻¹·Sym_{Kᵢ}(Mᵢ(t·Inv_{Kᵢ}(x)))</c>.
/// </summary>
/// <remarks>
/// All terms of a batch that share a model are one call of it. With the trivial subgroup as the only kernel this is
/// <see cref="Equitune"/>; with kernels, "multi-equitune", and with other reductions "multi-λ-equitune" and
/// "multi-equizero". A design is itself a module from one tensor to one tensor, so designs nest.
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024).
/// </remarks>
public class QuotientDesign : SavedModule<Tensor, Tensor>
{
    private readonly nn.IModule<Tensor, Tensor>[] _models;
    private readonly Term[] _terms;
    private readonly FusedTerms? _fused;
    private TransversalParts? _parts;

    /// <summary>Wraps one model that all terms share.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>: a module, or a TorchScript module.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output; linear. <see cref="TrivialAction"/> makes an invariant model.</param>
    /// <param name="terms">The family of kernels, each with a transversal.</param>
    /// <param name="reduction">How a term's values become one; the mean, if left out.</param>
    /// <param name="invariance">What replaces an input under a kernel; the average, if left out.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, there is no term, or the parts do not fit.</exception>
    public QuotientDesign(
        nn.IModule<Tensor, Tensor> model,
        TensorAction input,
        TensorAction output,
        IReadOnlyList<QuotientTerm> terms,
        Reduction? reduction = null,
        Invariance? invariance = null,
        Evaluation? evaluation = null)
        : this([model], input, output, terms, reduction, invariance, evaluation)
    {
    }

    /// <summary>Wraps one model for all terms, or a model of its own for each.</summary>
    /// <param name="models">One network, or as many as there are terms; modules become child modules.</param>
    /// <param name="input">How the group acts on the models' input.</param>
    /// <param name="output">How it acts on their output; linear.</param>
    /// <param name="terms">The family of kernels, each with a transversal.</param>
    /// <param name="reduction">How a term's values become one; the mean, if left out.</param>
    /// <param name="invariance">What replaces an input under a kernel; the average, if left out.</param>
    /// <param name="evaluation">How rows are given to the models; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, there is no term, or the parts do not fit.</exception>
    public QuotientDesign(
        IReadOnlyList<nn.IModule<Tensor, Tensor>> models,
        TensorAction input,
        TensorAction output,
        IReadOnlyList<QuotientTerm> terms,
        Reduction? reduction = null,
        Invariance? invariance = null,
        Evaluation? evaluation = null)
        : base(nameof(QuotientDesign))
    {
        DesignChecks.RequireOneGroup(terms, input.Group, output.Group);
        DesignChecks.RequireModelPerTerm(models.Count, terms.Count);
        Reduction = reduction ?? Reduction.Mean();
        Invariance = invariance ?? Invariance.Average;
        Evaluation = evaluation ?? Evaluation.Plain;
        Input = input;
        Output = output;
        Terms = terms;
        _models = [.. models];
        _fused = _models.Length == 1 ? FusedTerms.Of(terms, input, output, Invariance, Reduction) : null;
        _terms = _fused is null ? [.. terms.Select(term => new Term(term, input, output, Invariance, Reduction))] : [];
        Wrapping.Register(this, _models);
        register_module("reduction", Reduction);
    }

    /// <summary>The family of kernels.</summary>
    public IReadOnlyList<QuotientTerm> Terms { get; }

    /// <summary>How the group acts on the input.</summary>
    public TensorAction Input { get; }

    /// <summary>How the group acts on the output.</summary>
    public TensorAction Output { get; }

    /// <summary>How a term's values become one.</summary>
    public Reduction Reduction { get; }

    /// <summary>What replaces an input under a kernel.</summary>
    public Invariance Invariance { get; }

    /// <summary>How rows are given to the models.</summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>The wrapped models: one, or one for each term.</summary>
    public IReadOnlyList<nn.IModule<Tensor, Tensor>> Models => _models;

    /// <summary>Evaluations of a model for one input: <c>Σ|G/Kᵢ|</c>.</summary>
    public int EvaluationsPerInput => Terms.Sum(term => term.Evaluations);

    /// <summary>Evaluates the equivariant model.</summary>
    /// <param name="input">The batch, <c>[B, …]</c>.</param>
    /// <returns>The outputs, <c>[B, …]</c>.</returns>
    /// <exception cref="EquivariantException">The input or the models' values are not what they have to be.</exception>
    public override Tensor forward(Tensor input)
    {
        DesignChecks.RequireInput(Input, input, EvaluationsPerInput);
        using DisposeScope scope = NewDisposeScope();
        long together = InputsTogether(input.shape[0]);
        if (together == input.shape[0])
        {
            return EvaluateTogether(input).MoveToOuterDisposeScope();
        }

        // A view of one image a billion times takes no memory, but nobody waits for its parts.
        DesignChecks.Transforms(Input, input, () => empty(input.shape, input.dtype)).Dispose();
        return cat([.. input.split(together, 0).Select(EvaluateTogether)], 0).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// How many inputs of a batch are looked at before the next, so that there are no more rows than those of a call: as many as have so
    /// many rows, or one, if that has more. Of one mean over more elements than that, some elements of many inputs are a call.
    /// </summary>
    internal long InputsTogether(long batch)
    {
        if (batch == 0 || MostRows is not int rows)
        {
            return batch;
        }

        long most = IsInParts ? rows : Math.Max(1, rows / EvaluationsPerInput);
        long parts = ((batch - 1) / most) + 1;
        return ((batch - 1) / parts) + 1;
    }

    /// <summary>
    /// Whether what some elements give is added up before the next are looked at: for one mean over more elements than a call has rows,
    /// plain or by a network, which says of a row what it says of it alone.
    /// </summary>
    internal bool IsInParts =>
        Terms.Count == 1 && (Reduction.IsMean || Reduction is RowWeights.ByNetwork) && EvaluationsPerInput > MostRows;

    /// <summary>Whether the rows of a part are made again for the gradient, as what the model makes of them is.</summary>
    internal bool ForgetsRows => (Evaluation.Checkpoint && IsInParts) || IsForgotten;

    /// <summary>Whether inputs whose rows are a call are forgotten with all that becomes of them: what a gradient may go to is registered.</summary>
    private bool IsForgotten =>
        Evaluation.Checkpoint && EvaluationsPerInput <= MostRows
        && Invariance == Invariance.Average && Reduction is not RowWeights.ByFunction && _models.All(model => model is nn.Module);

    /// <summary>The most rows that there are to be at once; null where all are made together.</summary>
    private int? MostRows => Evaluation.IsSeparate ? Evaluation.ChunkRows : null;

    private Tensor EvaluateTogether(Tensor input)
    {
        if (IsInParts && input.shape[0] > 0)
        {
            // Threads that share the design may look for parts of other sizes at once.
            TransversalParts parts = TransversalParts.Of(Terms[0], input.shape[0], MostRows!.Value, _parts, Part);
            _parts = parts;
            return EvaluateParts(parts, input);
        }

        return IsForgotten
            ? Evaluation.Call(new WrappedModel(this, inputs => EvaluateWhole(inputs[0], Evaluation with { Checkpoint = false })), [input])
            : EvaluateWhole(input, Evaluation);
    }

    /// <summary>Evaluates inputs with all their rows there at once.</summary>
    private Tensor EvaluateWhole(Tensor input, Evaluation evaluation)
    {
        using DisposeScope scope = NewDisposeScope();
        if (_fused is not null)
        {
            Tensor all = DesignChecks.Transforms(Input, input, () => _fused.Expand(input));
            return evaluation.Evaluate(_models[0], all, _fused.Collect).MoveToOuterDisposeScope();
        }

        Tensor[] rows = [.. _terms.Select(term => DesignChecks.Transforms(Input, input, () => term.Expand(input)))];
        Tensor[] sums = _models.Length == 1
            ? [Evaluate(evaluation, _models[0], _terms, rows)]
            : [.. _models.Select((model, i) => Evaluate(evaluation, model, [_terms[i]], [rows[i]]))];
        return sums.Aggregate((sum, value) => sum + value).MoveToOuterDisposeScope();
    }

    private TransversalParts.Part Part(int from, int count)
    {
        double share = (double)count / Terms[0].Evaluations;
        if (_fused is not null)
        {
            FusedTerms fused = _fused.Part(from, count);
            return new(from, count, fused.Expand, (values, _) => fused.Collect(values) * share);
        }

        Term term = new(Terms[0].Part(from, count), Input, Output, Invariance, Reduction);
        return new(from, count, term.Expand, (values, weights) =>
            weights is null ? term.Collect(values, values) * share : term.Weigh(weights, values));
    }

    private Tensor EvaluateParts(TransversalParts parts, Tensor input)
    {
        Tensor? weights = (Reduction as RowWeights)?.Weights(cat([.. parts.Parts.Select(part => NumbersOf(part, input))], 1).t());
        WrappedModel model = new(_models[0], rows => _models[0].call(rows[0]));
        Tensor? sum = null;
        foreach (TransversalParts.Part part in parts.Parts)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor[] inputs = weights is null ? [input] : [input, weights.narrow(0, part.From, part.Count)];
            Tensor value = Evaluation.Evaluate(
                model, inputs, given => Transforms(part, given[0]), (values, given) => part.Collect(values, given.ElementAtOrDefault(1)));
            Tensor next = sum is null ? value : sum + value;
            sum?.Dispose();
            sum = next.MoveToOuterDisposeScope();
        }

        return sum!;
    }

    /// <summary>What the weights of some elements follow from, <c>[B, T]</c>.</summary>
    private Tensor NumbersOf(TransversalParts.Part part, Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        RowWeights weights = (RowWeights)Reduction;
        return Evaluation.Evaluate(
            new WrappedModel(weights, rows => weights.Ask(rows[0])), [input],
            given => Transforms(part, given[0]), (numbers, given) => numbers.view(part.Count, given[0].shape[0]).t()).MoveToOuterDisposeScope();
    }

    private Tensor Transforms(TransversalParts.Part part, Tensor input) =>
        DesignChecks.Transforms(Input, input, () => part.Expand(input));

    /// <summary>The sum of the terms that a model serves.</summary>
    private Tensor Evaluate(Evaluation evaluation, nn.IModule<Tensor, Tensor> model, Term[] terms, Tensor[] rows)
    {
        Tensor all = rows.Length == 1 ? rows[0] : cat(rows, 0);
        long[] lengths = [.. rows.Select(row => row.shape[0])];
        // The mean does not look at the rows, so the values may stand for them.
        Tensor Collect(Tensor values, Tensor at) =>
            terms.Zip(at.split(lengths, 0).Zip(values.split(lengths, 0)), (term, pair) => term.Collect(pair.First, pair.Second))
                .Aggregate((sum, value) => sum + value);

        return Reduction.IsMean
            ? evaluation.Evaluate(model, all, values => Collect(values, values))
            : Collect(evaluation.Evaluate(model, all), all);
    }

    /// <summary>A term with its actions prepared, where terms are not fused.</summary>
    private sealed class Term(QuotientTerm term, TensorAction input, TensorAction output, Invariance invariance, Reduction reduction)
    {
        private readonly Func<Tensor, Tensor>? _invariant = term.Kernel.Order.IsOne ? null : invariance.Over(term.Kernel, input);
        private readonly OrbitMap _expand = input.Over(term.Transversal);
        private readonly OrbitReduction _collect = new(term, output, reduction);

        public Tensor Expand(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor invariant = _invariant is null ? x : _invariant(x);
            if (invariant.dim() == 0 || invariant.shape[0] != x.shape[0])
            {
                throw new EquivariantException(
                    $"An invariant map has to give one value for each input, but {invariance} takes {DesignChecks.Shape(x)} to {DesignChecks.Shape(invariant)}.");
            }

            return _expand.Expand(invariant).MoveToOuterDisposeScope();
        }

        public Tensor Collect(Tensor rows, Tensor values) => _collect.Apply(rows, values);

        public Tensor Weigh(Tensor weights, Tensor values) => _collect.Weigh(weights, values);
    }
}
