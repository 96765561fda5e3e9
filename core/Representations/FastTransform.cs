using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>The transform of long signals, by torch's fast ones.</summary>
internal sealed class FastTransform : ICyclicTransform
{
    private readonly long[] _periods;
    private readonly long[] _frequencies;
    private readonly long[] _axes;

    public FastTransform(IReadOnlyList<int> periods)
    {
        _periods = [.. periods.Select(period => (long)period)];
        _frequencies = [.. _periods[..^1], _periods[^1] / 2 + 1];
        _axes = [.. _periods.Select((_, axis) => (long)axis)];
    }

    public long Multiplications => 4 * _frequencies.Aggregate((product, length) => product * length);

    public Tensor[] Analyse(Tensor signals) => [fft.rfftn(signals.unflatten(0, _periods), dim: _axes).flatten(0, _axes[^1])];

    public Tensor Synthesise(Tensor[] spectrum) =>
        fft.irfftn(spectrum[0].unflatten(0, _frequencies), s: _periods, dim: _axes).flatten(0, _axes[^1]);
}
