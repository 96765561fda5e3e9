using Equivariant.Core.Actions;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <inheritdoc cref="Frame.Product"/>
internal sealed class ProductFrame : Frame
{
    private readonly IReadOnlyList<Frame> _parts;

    public ProductFrame(IReadOnlyList<Frame> parts)
        : base("product frame")
    {
        _parts = parts;
        for (int i = 0; i < parts.Count; i++)
        {
            register_module($"part{i}", parts[i]);
        }
    }

    public override void Require(TensorAction input) => Split(input).Require(_parts, (part, own) => part.Require(own));

    public override Picks Pick(TensorAction action, Tensor x) => Split(action).Pick(x, (factor, own, rows) => _parts[factor].Pick(own, rows));

    internal override int TransformsPerInput(TensorAction input) =>
        Split(input).Factors.Select((own, i) => _parts[i].TransformsPerInput(own)).Max();

    private FactorWise Split(TensorAction action) => FactorWise.Of(action, _parts.Count, "A product frame");
}
