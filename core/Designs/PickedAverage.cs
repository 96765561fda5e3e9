using Equivariant.Core.Orbits;
using Equivariant.Core.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Makes any network equivariant by the mean <c>1/K Σ g⁻¹·M(g·x)</c> over members of a group that each input picks.</summary>
public abstract class PickedAverage : SavedModule<Tensor, Tensor>
{
    private readonly nn.IModule<Tensor, Tensor> _model;
    private readonly int? _samples;
    private readonly Lock _lock = new();
    private Tensor? _variance;

    /// <summary>Wraps a model.</summary>
    /// <param name="name">The design's name.</param>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="frame">What picks.</param>
    /// <param name="samples">How many members are drawn for each input, where what is picked is a sample; null where it is not.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    private protected PickedAverage(string name, nn.IModule<Tensor, Tensor> model, nn.Module frame, int? samples, Evaluation? evaluation)
        : base(name)
    {
        _model = model;
        _samples = samples;
        Evaluation = evaluation ?? Evaluation.Plain;
        Wrapping.Register(this, [model]);
        register_module("frame", frame);
    }

    /// <summary>How rows are given to the model.</summary>
    public Evaluation Evaluation { get; set; }

    /// <summary>Evaluations of the model in the last batch, over its number of inputs; 0 before the first.</summary>
    public double EvaluationsPerInput { get; private set; }

    /// <summary>
    /// The standard error of the last batch's outputs, the root of its mean square over all components; NaN before the first, for one
    /// sample, and where what inputs pick is not a sample. It shrinks with the root of the number of samples.
    /// </summary>
    /// <remarks>Reading it waits for the device; evaluating the model does not.</remarks>
    public double StandardError
    {
        get
        {
            lock (_lock)
            {
                return _variance is null ? double.NaN : Math.Sqrt(_variance.item<double>() / _samples!.Value);
            }
        }
    }

    /// <summary>Evaluates the equivariant model.</summary>
    /// <param name="input">The batch, <c>[B, …]</c>.</param>
    /// <returns>The outputs, <c>[B, …]</c>.</returns>
    /// <exception cref="EquivariantException">The input, what it picks, or the model's values are not what they have to be.</exception>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Picked picked = Pick(input);
        Tensor pulledBack = picked.PullBack(Evaluation.Evaluate(_model, picked.Transforms));
        EvaluationsPerInput = input.shape[0] == 0 ? 0 : picked.Rows.Count / (double)input.shape[0];
        Tensor mean = picked.Rows.Mean(pulledBack);
        if (_samples > 1)
        {
            Observe(pulledBack, mean, _samples.Value);
        }

        return mean.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Keep(null);
        }

        base.Dispose(disposing);
    }

    /// <summary>Lets every input pick.</summary>
    private protected abstract Picked Pick(Tensor input);

    private void Observe(Tensor pulledBack, Tensor mean, int samples)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        // In two passes, of which a CPU takes a fiftieth of the time that it takes for var over the first axis.
        Tensor residual = pulledBack.unflatten(0, samples, mean.shape[0]) - mean;
        Tensor precise = residual.element_size() < sizeof(float) ? residual.to(ScalarType.Float32) : residual;
        Keep((precise.norm().to(ScalarType.Float64).square() / ((samples - 1.0) * mean.numel())).DetachFromDisposeScope());
    }

    private void Keep(Tensor? variance)
    {
        lock (_lock)
        {
            _variance?.Dispose();
            _variance = variance;
        }
    }

    /// <summary>What the inputs of a batch picked.</summary>
    /// <param name="Rows">The input of each row, and how much it counts.</param>
    /// <param name="Transforms">The rows that the model is evaluated on, <c>[R, …]</c>.</param>
    /// <param name="PullBack">Turns the model's values back, <c>[R, …]</c>.</param>
    private protected readonly record struct Picked(PickedRows Rows, Tensor Transforms, Func<Tensor, Tensor> PullBack);
}
