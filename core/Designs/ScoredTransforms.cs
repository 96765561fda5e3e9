using Equivariant.Core.Actions;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <inheritdoc cref="ElementDistribution.Scored"/>
internal sealed class ScoredTransforms : ElementDistribution
{
    private readonly nn.Module<Tensor, Tensor> _scores;
    private readonly double _temperature;

    public ScoredTransforms(nn.Module<Tensor, Tensor> scores, double temperature)
        : base("scored transforms")
    {
        _scores = scores;
        _temperature = Checked(temperature);
        register_module("scores", scores);
    }

    public override void Require(TensorAction input) => _ = ListedGroup.Of(input.Group).Of(input);

    public override Picks Draw(TensorAction action, Tensor x, int samples, Random random)
    {
        (ElementList list, long batch) = (ListedGroup.Of(action.Group), x.shape[0]);
        Tensor transforms = list.Of(action).Expand(x);
        Tensor numbers = TorchErrors.Explain(
            () => _scores.call(transforms), () => $"The scores can't be computed on {transforms.dtype} rows of shape {DesignChecks.Shape(transforms)}");
        Tensor scores = DesignChecks.ComparablePerRow(numbers, transforms.shape[0], "The network of scores").view(list.Count, batch);
        Tensor noisy = (scores.t() + Noise.Gumbel(random, [samples, batch, list.Count], scores.dtype, x.device)).flatten(0, 1);
        ElementBatch elements = ElementBatch.Of(list, noisy.detach().argmax(1));
        bool learns = training && is_grad_enabled() && scores.requires_grad;
        return Picks.Each(elements, batch, learns ? new RelaxedElements.Choices(list, (noisy / _temperature).softmax(1)) : null);
    }
}
