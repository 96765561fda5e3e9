using Equivariant.Core.Actions;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// Equituning over a group too large to list, by an average over uniform random elements: equivariant in expectation
/// only, with the error that <see cref="PickedAverage.StandardError"/> reports.
/// </summary>
/// <remarks>An explicit choice: no other design approximates unless it is told to draw.</remarks>
public sealed class MonteCarloEquitune : ProbabilisticSymmetrise
{
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
        : base(nameof(MonteCarloEquitune), model, input, output, ElementDistribution.Uniform(), Enough(samples), random, evaluation)
    {
    }

    private static int Enough(int samples) => samples >= 2
        ? samples
        : throw new EquivariantException($"{samples} sample(s) give no standard error: draw at least 2.");
}
