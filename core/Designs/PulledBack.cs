using Equivariant.Core.Actions;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>A model's values at the transforms of inputs, to be pulled back: all of them, or those that count.</summary>
/// <param name="output">How the group acts on the values.</param>
/// <param name="elements">The elements by which inputs were transformed.</param>
/// <param name="values">The values, <c>[T·B, …]</c>.</param>
internal sealed class PulledBack(TensorAction output, ElementList elements, Tensor values)
{
    /// <summary>The number of transforms of an input, and the number of inputs.</summary>
    public long[] Shape => [elements.Count, values.shape[0] / elements.Count];

    /// <summary>All values, <c>[T, B, …]</c>.</summary>
    public Tensor All() => elements.Of(output).PullBack(values).unflatten(0, Shape);

    /// <summary>One value of each input, <c>[B, …]</c>.</summary>
    /// <param name="places">Which one, <c>[B]</c>, <c>int64</c>.</param>
    public Tensor Only(Tensor places)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = (places * Shape[1]) + arange(Shape[1], device: places.device);
        return output.UndoEach(ElementBatch.Of(elements, places), values.index_select(0, rows)).MoveToOuterDisposeScope();
    }
}
