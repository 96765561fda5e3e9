using Equivariant.Core.Actions;
using Equivariant.Core.Orbits;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>
/// Makes any network invariant under the group of its input and symmetric under the group of its output:
/// <c>M^IS(x) = Sym_{G₁}(1/|G₂| Σ M(g x))</c>, the sum over <c>g ∈ G₂</c>.
/// </summary>
/// <remarks>
/// It costs <c>|G₂|</c> evaluations for one input, whatever the order of <c>G₁</c>: symmetrising is linear and comes after.
/// Source: Baltaji, Basu, Varshney, "Efficient Model-Agnostic Multi-Group Equivariant Networks" (TMLR 2024).
/// </remarks>
public sealed class InvariantSymmetricBlock : SavedModule<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> _model;
    private readonly OrbitMap _expand;
    private readonly GroupAverage _symmetrise;

    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>; it becomes a child module.</param>
    /// <param name="input">How <c>G₂</c> acts on the model's input; need not be linear.</param>
    /// <param name="output">How <c>G₁</c> acts on its output; linear.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The group of the input is too large to list, or the output's action is not linear.</exception>
    public InvariantSymmetricBlock(
        nn.Module<Tensor, Tensor> model, TensorAction input, TensorAction output, Evaluation? evaluation = null)
        : this(model, input, output, evaluation ?? Evaluation.Plain, Elements(input))
    {
    }

    private InvariantSymmetricBlock(
        nn.Module<Tensor, Tensor> model, TensorAction input, TensorAction output, Evaluation evaluation, OrbitMap expand)
        : base(nameof(InvariantSymmetricBlock))
    {
        _model = model;
        _expand = expand;
        _symmetrise = output.Average(output.Group);
        Input = input;
        Output = output;
        Evaluation = evaluation;
        RegisterComponents();
    }

    /// <summary>Gets how the input's group acts.</summary>
    public TensorAction Input { get; }

    /// <summary>Gets how the output's group acts.</summary>
    public TensorAction Output { get; }

    /// <summary>Gets or sets how rows are given to the model.</summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>Gets the wrapped model.</summary>
    public nn.Module<Tensor, Tensor> Model => _model;

    /// <summary>Gets the evaluations of the model for one input: the order of the input's group.</summary>
    public int EvaluationsPerInput => _expand.Count;

    /// <summary>Evaluates the block.</summary>
    /// <param name="input">The batch, <c>[B, …]</c>.</param>
    /// <returns>The outputs, <c>[B, …]</c>.</returns>
    /// <exception cref="EquivariantException">The model does not return one value for each row.</exception>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        return Symmetrise(Mean(input)).MoveToOuterDisposeScope();
    }

    /// <summary>The block from the same input by the same model to another output: its <see cref="Mean"/> is this one's.</summary>
    internal InvariantSymmetricBlock To(TensorAction output) => new(_model, Input, output, Evaluation, _expand);

    /// <summary>The invariant part, which costs all evaluations: <c>1/|G₂| Σ M(g x)</c>.</summary>
    internal Tensor Mean(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = _expand.Expand(input);
        Tensor values = Evaluation.Evaluate(rows => _model.call(rows[0]), rows);
        if (values.dim() == 0 || values.shape[0] != rows.shape[0])
        {
            throw new EquivariantException(
                $"The model of an invariant-symmetric block, {_model.GetName()}, was given {rows.shape[0]} rows and returned a tensor of shape [{string.Join(", ", values.shape)}]; it has to return one value for each row.");
        }

        return values.unflatten(0, _expand.Count, input.shape[0]).mean([0L]).MoveToOuterDisposeScope();
    }

    /// <summary>The symmetric part, which is linear: <c>Sym_{G₁}</c> of a mean.</summary>
    internal Tensor Symmetrise(Tensor mean) => _symmetrise.Apply(mean);

    private static OrbitMap Elements(TensorAction input)
    {
        if (input.Group.Order > OrbitLimit.MostElements)
        {
            throw new EquivariantException(
                $"An invariant-symmetric block over {input.Group} would evaluate its model {input.Group.Order} times for each input, more than {OrbitLimit.MostElements}; take a smaller group, or an invariant model.");
        }

        return input.Over([.. input.Group.Elements]);
    }
}
