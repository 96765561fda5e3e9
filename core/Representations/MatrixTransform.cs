using Equivariant.Core.Actions;
using static TorchSharp.torch;

namespace Equivariant.Core.Representations;

/// <summary>The transform of short signals, by its matrix: real where a frequency is, and one of each conjugate pair elsewhere.</summary>
internal sealed class MatrixTransform : ICyclicTransform
{
    private readonly int _real;
    private readonly int _complex;
    private readonly DeviceTensor _analysis;
    private readonly DeviceTensor _synthesis;

    public MatrixTransform(IReadOnlyList<int> periods)
    {
        int places = periods.Aggregate((product, period) => product * period);
        int[][] all = [.. Enumerable.Range(0, places).Select(place => Digits(place, periods))];
        int[] Opposite(int[] frequency) => [.. frequency.Zip(periods, (f, period) => (period - f) % period)];
        int[][] real = [.. all.Where(frequency => frequency.SequenceEqual(Opposite(frequency)))];
        int[][] complex = [.. all.Where(frequency => frequency.AsSpan().SequenceCompareTo(Opposite(frequency)) < 0)];
        (_real, _complex) = (real.Length, complex.Length);
        double[,] analysis = new double[places, places], synthesis = new double[places, places];
        for (int place = 0; place < places; place++)
        {
            foreach ((int i, int[] frequency) in real.Concat(complex).Index())
            {
                (double sine, double cosine) = Math.SinCos(
                    2 * Math.PI * frequency.Zip(all[place], periods).Sum(axis => (double)axis.First * axis.Second % axis.Third / axis.Third));
                double share = (i < _real ? 1.0 : 2.0) / places;
                (analysis[i, place], synthesis[place, i]) = (cosine, share * cosine);
                if (i >= _real)
                {
                    (analysis[i + _complex, place], synthesis[place, i + _complex]) = (-sine, -share * sine);
                }
            }
        }

        _analysis = new DeviceTensor(tensor(analysis, dtype: ScalarType.Float64));
        _synthesis = new DeviceTensor(tensor(synthesis, dtype: ScalarType.Float64));
    }

    public long Multiplications => _real + 4L * _complex;

    public Tensor[] Analyse(Tensor signals)
    {
        Tensor values = Multiply(_analysis, signals);
        Tensor real = values.narrow(0, 0, _real);
        return _complex == 0 ? [real] : [real, complex(values.narrow(0, _real, _complex), values.narrow(0, _real + _complex, _complex))];
    }

    public Tensor Synthesise(Tensor[] spectrum) =>
        Multiply(_synthesis, _complex == 0 ? spectrum[0] : cat([spectrum[0], spectrum[1].real, spectrum[1].imag], 0));

    private static Tensor Multiply(DeviceTensor matrix, Tensor x) =>
        matrix.On(x.device).to(x.dtype).matmul(x.reshape(x.shape[0], -1)).reshape(x.shape);

    /// <summary>A place by its axes, the last of which changes fastest.</summary>
    private static int[] Digits(int place, IReadOnlyList<int> periods)
    {
        int[] digits = new int[periods.Count];
        for (int axis = periods.Count - 1; axis >= 0; axis--)
        {
            (place, digits[axis]) = Math.DivRem(place, periods[axis]);
        }

        return digits;
    }
}
