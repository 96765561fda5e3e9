using Equivariant.Core.Actions;
using static TorchSharp.torch;

namespace Equivariant.Core.Layers;

/// <summary>What the blocks of a layer have added to its outputs so far, in one forward pass.</summary>
internal sealed class BlockSums(IReadOnlyList<Port> inputs, IReadOnlyList<Port> outputs, Tensor[] x)
{
    private readonly Tensor?[] _flat = new Tensor?[x.Length];
    private readonly Tensor?[] _pooled = new Tensor?[x.Length];
    private readonly Tensor?[] _moving = new Tensor?[outputs.Count];
    private readonly Tensor?[] _unsymmetrised = new Tensor?[outputs.Count];
    private readonly Tensor?[] _invariant = new Tensor?[outputs.Count];

    /// <summary>An input, <c>[B, …]</c>.</summary>
    public Tensor Input(int i) => x[i];

    /// <summary>An input laid out for linear maps, <c>[B, c, n]</c>.</summary>
    public Tensor Flat(int i) => _flat[i] ??= inputs[i].Layout.Flatten(x[i]);

    /// <summary>The invariants of an input, <c>[B, c, r]</c>.</summary>
    public Tensor Pooled(int i) => _pooled[i] ??= inputs[i].Representation.Invariants.Pool(Flat(i));

    /// <summary>Adds what moves with an output's group, <c>[B, …]</c>.</summary>
    public void AddMoving(int output, Tensor value) => Add(_moving, output, value);

    /// <summary>Adds what is still to be symmetrised, <c>[B, …]</c>.</summary>
    public void AddUnsymmetrised(int output, Tensor value) => Add(_unsymmetrised, output, value);

    /// <summary>Adds coordinates in the invariants of an output, <c>[B, c, r]</c> or <c>[1, c, r]</c>.</summary>
    public void AddInvariant(int output, Tensor coordinates) => Add(_invariant, output, coordinates);

    /// <summary>The sum of all that was added to an output, <c>[B, …]</c>.</summary>
    public Tensor Total(int output, GroupAverage? symmetrise)
    {
        Tensor? sum = _moving[output];
        if (_unsymmetrised[output] is { } values)
        {
            sum = Plus(output, sum, symmetrise!.Apply(values));
        }

        if (_invariant[output] is { } coordinates)
        {
            Tensor spread = outputs[output].Layout.Unflatten(outputs[output].Representation.Invariants.Expand(coordinates));
            sum = sum is null && spread.shape[0] != x[0].shape[0]
                ? spread.expand([x[0].shape[0], .. spread.shape[1..]])
                : Plus(output, sum, spread);
        }

        return sum!;
    }

    private void Add(Tensor?[] sums, int output, Tensor value) => sums[output] = Plus(output, sums[output], value);

    private Tensor Plus(int output, Tensor? sum, Tensor value)
    {
        if (sum is null)
        {
            return value;
        }

        return sum.shape[1..].SequenceEqual(value.shape[1..])
            ? sum + value
            : throw new EquivariantException(
                $"The blocks that lead to output '{outputs[output].Name}' do not fit: one gives [{string.Join(", ", value.shape)}], others [{string.Join(", ", sum.shape)}].");
    }
}
