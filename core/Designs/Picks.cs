using Equivariant.Core.Actions;
using Equivariant.Core.Groups;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Which elements of a group the inputs of a batch pick, and how much each of them counts.</summary>
/// <remarks>Everything is on the device of the inputs, and nothing here waits for it but what has to know how many elements were picked.</remarks>
public sealed class Picks
{
    private readonly ElementList? _shared;
    private readonly ElementBatch? _elements;

    private Picks(PickedRows rows, ElementList? shared, ElementBatch? elements, RelaxedElements? relaxed)
    {
        Rows = rows;
        _shared = shared;
        _elements = elements;
        Relaxed = relaxed;
    }

    /// <summary>The number of rows that the model is evaluated on, over all inputs.</summary>
    public long Count => Rows.Count;

    /// <summary>The number of picks of each input, where all have as many; null otherwise.</summary>
    public int? PerInput => Rows.PerInput;

    /// <summary>The input of each row, and how much it counts.</summary>
    internal PickedRows Rows { get; }

    /// <summary>What the gradient sees of the choice; null where nothing was learned.</summary>
    internal RelaxedElements? Relaxed { get; }

    /// <summary>As many elements for each input, which count equally.</summary>
    /// <param name="elements">Pick <c>k</c> of input <c>b</c> at <c>k·B + b</c>.</param>
    /// <param name="inputs">The number of inputs, <c>B</c>.</param>
    /// <exception cref="EquivariantException">There are not as many elements for each input.</exception>
    public static Picks Each(ElementBatch elements, long inputs) => Each(elements, inputs, null);

    /// <summary>Elements of chosen inputs, with weights.</summary>
    /// <param name="elements">The elements, <c>R</c> of them.</param>
    /// <param name="input">The number of the input that picks each, <c>[R]</c>, <c>int64</c>.</param>
    /// <param name="weights">How much each counts, <c>[R]</c>; those of an input add up to one.</param>
    /// <param name="inputs">The number of inputs, <c>B</c>.</param>
    /// <exception cref="EquivariantException">There is not one input and one weight for each element.</exception>
    public static Picks Of(ElementBatch elements, Tensor input, Tensor weights, long inputs)
    {
        if (input.dtype != ScalarType.Int64 || !input.shape.AsSpan().SequenceEqual([elements.Count]) || !weights.shape.AsSpan().SequenceEqual([elements.Count]))
        {
            throw new EquivariantException(
                $"{elements} need the Int64 number of an input and a weight for each, [{elements.Count}], but tensors of {input.dtype} {DesignChecks.Shape(input)} and {weights.dtype} {DesignChecks.Shape(weights)} were given.");
        }

        return new Picks(PickedRows.Of(input, weights, inputs), null, elements, null);
    }

    /// <summary>Elements of a list that inputs choose, <c>[B, G]</c>, at least one each; those of an input count equally.</summary>
    /// <remarks>Waits for the device, to know how many there are.</remarks>
    internal static Picks Chosen(ElementList list, Tensor chosen)
    {
        Tensor places = chosen.nonzero();
        (Tensor input, Tensor element) = (places.select(1, 0), places.select(1, 1));
        ElementBatch elements = ElementBatch.Of(list, element);
        if (elements.Count == chosen.shape[0])
        {
            return Each(elements, chosen.shape[0]);
        }

        Tensor counts = chosen.sum([1L], type: ScalarType.Float64);
        return Of(elements, input, counts.reciprocal().index_select(0, input), chosen.shape[0]);
    }

    /// <summary>Elements of a list with the weights that inputs give them, <c>[B, G]</c>, which add up to one for each; none where they are zero.</summary>
    /// <remarks>Waits for the device, to know how many there are.</remarks>
    internal static Picks Weighed(ElementList list, Tensor weights)
    {
        Tensor places = weights.detach().ne(0).nonzero();
        (Tensor input, Tensor element) = (places.select(1, 0), places.select(1, 1));
        Tensor weight = weights.index([TensorIndex.Tensor(input), TensorIndex.Tensor(element)]);
        return Of(ElementBatch.Of(list, element), input, weight, weights.shape[0]);
    }

    /// <summary>Elements for rows.</summary>
    internal static Picks Of(ElementBatch elements, PickedRows rows, RelaxedElements? relaxed) => new(rows, null, elements, relaxed);

    /// <summary>The same elements for every input, which count equally.</summary>
    internal static Picks Shared(ElementList elements, long inputs) => new(PickedRows.Each(elements.Count, inputs), elements, null, null);

    internal static Picks Each(ElementBatch elements, long inputs, RelaxedElements? relaxed)
    {
        if (inputs == 0 ? elements.Count != 0 : elements.Count % inputs != 0)
        {
            throw new EquivariantException($"{elements} are not as many for each of {inputs} inputs.");
        }

        return new Picks(PickedRows.Each(inputs == 0 ? 1 : (int)(elements.Count / inputs), inputs), null, elements, relaxed);
    }

    /// <summary>The elements, the input that picks each, and how much it counts.</summary>
    internal (ElementBatch Elements, PickedRows Rows) Listed(Device device) => _elements is not null
        ? (_elements, Rows)
        : (ElementBatch.Of(_shared!, arange(_shared!.Count, device: device).repeat_interleave(Rows.Inputs)), Rows);

    /// <summary>The transforms that the model is evaluated on, <c>[B, …] → [R, …]</c>.</summary>
    internal Tensor Transform(TensorAction action, Tensor x)
    {
        if (_shared is not null)
        {
            return _shared.Of(action).Expand(x);
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor rows = Rows.Spread(x);
        return WithGradient(action.ApplyEach(_elements!, rows), Relaxed?.Apply(action, rows)).MoveToOuterDisposeScope();
    }

    /// <summary>The model's values turned back, <c>[R, …]</c>.</summary>
    internal Tensor PullBack(TensorAction action, Tensor values)
    {
        if (_shared is not null)
        {
            return _shared.Of(action).PullBack(values);
        }

        using DisposeScope scope = NewDisposeScope();
        return WithGradient(action.UndoEach(_elements!, values), Relaxed?.Inverse().Apply(action, values)).MoveToOuterDisposeScope();
    }

    /// <summary>The value of one tensor, with the gradient of both.</summary>
    private static Tensor WithGradient(Tensor value, Tensor? relaxed) => relaxed is null
        ? value
        : value + (relaxed - relaxed.detach());
}
