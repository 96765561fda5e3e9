using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using Equivariant.Core.Orbits;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// Equituning over a group too large to list, by an average over uniform random elements: equivariant in expectation
/// only, with the error that <see cref="StandardError"/> reports.
/// </summary>
/// <remarks>An explicit choice: no other design approximates.</remarks>
public sealed class MonteCarloEquitune : SavedModule<Tensor, Tensor>
{
    private readonly nn.IModule<Tensor, Tensor> _model;
    private readonly Random _random;
    private Tensor? _variance;

    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output; linear.</param>
    /// <param name="samples">Elements drawn for each batch, at least 2.</param>
    /// <param name="random">Draws them.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, or there are too few samples for an error.</exception>
    public MonteCarloEquitune(
        nn.IModule<Tensor, Tensor> model, TensorAction input, TensorAction output, int samples, Random random, Evaluation? evaluation = null)
        : base(nameof(MonteCarloEquitune))
    {
        DesignChecks.RequireOneGroup(input, output);

        if (samples < 2)
        {
            throw new EquivariantException($"{samples} sample(s) give no standard error: draw at least 2.");
        }

        _model = model;
        _random = random;
        Input = input;
        Output = output;
        Samples = samples;
        Evaluation = evaluation ?? Evaluation.Plain;
        Wrapping.Register(this, [model]);
    }

    /// <summary>How the group acts on the input.</summary>
    public TensorAction Input { get; }

    /// <summary>How the group acts on the output.</summary>
    public TensorAction Output { get; }

    /// <summary>Elements drawn for each batch.</summary>
    public int Samples { get; }

    /// <summary>How rows are given to the model.</summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>
    /// The standard error of the last batch's outputs, the root of its mean square over all components; NaN before
    /// the first. It shrinks with the root of the number of samples.
    /// </summary>
    /// <remarks>Reading it waits for the device; evaluating the model does not.</remarks>
    public double StandardError => _variance is null ? double.NaN : Math.Sqrt(_variance.item<double>() / Samples);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _variance?.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Evaluates the model on random transforms of the batch.</summary>
    /// <param name="input">The batch, <c>[B, …]</c>.</param>
    /// <returns>The averaged outputs, <c>[B, …]</c>.</returns>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        GroupElement[] elements = [.. Enumerable.Range(0, Samples).Select(_ => Input.Group.Random(_random))];
        Tensor values = Evaluation.Evaluate(inputs => _model.call(inputs[0]), Input.Over(elements).Expand(input));
        Tensor pulledBack = Output.Over(elements).PullBack(values).unflatten(0, Samples, input.shape[0]);
        _variance?.Dispose();
        _variance = pulledBack.detach().var(0).mean().to(ScalarType.Float64).DetachFromDisposeScope();
        return pulledBack.mean([0L]).MoveToOuterDisposeScope();
    }
}
