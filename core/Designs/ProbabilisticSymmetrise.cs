using Equivariant.Core.Actions;
using Equivariant.Core.Orbits;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>
/// Makes any network equivariant by an average over elements that are drawn from a distribution which the input decides,
/// <c>f(x) = E_{g ~ p(g|x)} g⁻¹·M(g·x)</c>: exactly in expectation, and by some samples with the error that <see cref="PickedAverage.StandardError"/> reports.
/// </summary>
/// <remarks>
/// <para>The distribution has to be equivariant, <c>p(gh⁻¹|hx) = p(g|x)</c>, and may be learned with the model. Uniform it is
/// <see cref="MonteCarloEquitune"/>, whose mean over all samples is <see cref="Equitune"/>; all on some elements that the input picks, a
/// <see cref="FrameAverage"/>, which this one is over the elements that were drawn.</para>
/// <para>Source: Kim et al., "Learning Probabilistic Symmetrization for Architecture Agnostic Equivariance" (NeurIPS 2023). Threads may
/// share it; its generator then serves them in the order in which they come.</para>
/// </remarks>
public class ProbabilisticSymmetrise : FrameAverage
{
    /// <summary>Wraps a model.</summary>
    /// <param name="model">The network, from <c>[R, …]</c> to <c>[R, …]</c>.</param>
    /// <param name="input">How the group acts on the model's input.</param>
    /// <param name="output">How it acts on the output; linear.</param>
    /// <param name="distribution">The distribution of elements.</param>
    /// <param name="samples">Elements drawn for each input, at least 1; from 2 on there is an error to report.</param>
    /// <param name="random">Draws all that is drawn.</param>
    /// <param name="evaluation">How rows are given to the model; plainly, if left out.</param>
    /// <exception cref="EquivariantException">The groups differ, the distribution is not for this one, or there are no samples.</exception>
    public ProbabilisticSymmetrise(
        nn.IModule<Tensor, Tensor> model,
        TensorAction input,
        TensorAction output,
        ElementDistribution distribution,
        int samples,
        Random random,
        Evaluation? evaluation = null)
        : this(nameof(ProbabilisticSymmetrise), model, input, output, distribution, samples, random, evaluation)
    {
    }

    /// <summary>Wraps a model in a design that has a name of its own.</summary>
    private protected ProbabilisticSymmetrise(
        string name,
        nn.IModule<Tensor, Tensor> model,
        TensorAction input,
        TensorAction output,
        ElementDistribution distribution,
        int samples,
        Random random,
        Evaluation? evaluation)
        : base(name, model, input, output, new SampledFrame(distribution, samples, random), evaluation)
    {
        Distribution = distribution;
        Samples = samples;
    }

    /// <summary>The distribution of elements.</summary>
    public ElementDistribution Distribution { get; }

    /// <summary>Elements drawn for each input.</summary>
    public int Samples { get; }

    /// <summary>The frame of the elements that are drawn: another one each time, equivariant in distribution.</summary>
    private sealed class SampledFrame : Frame
    {
        private readonly ElementDistribution _distribution;
        private readonly int _samples;
        private readonly Random _random;

        public SampledFrame(ElementDistribution distribution, int samples, Random random)
            : base("sampled frame")
        {
            if (samples < 1)
            {
                throw new EquivariantException($"A mean over {samples} samples says nothing: draw at least 1.");
            }

            _distribution = distribution;
            _samples = samples;
            _random = random;
            register_module("distribution", distribution);
        }

        public override void Require(TensorAction input) => _distribution.Require(input);

        public override Picks Pick(TensorAction action, Tensor x) => _distribution.Draw(action, x, _samples, _random);

        internal override int? Samples => _samples;

        internal override int TransformsPerInput(TensorAction input) => _samples;
    }
}
