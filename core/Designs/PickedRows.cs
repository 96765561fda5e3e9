using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Designs;

/// <summary>Which input each row of a batch of transforms belongs to, and how much it counts there.</summary>
internal sealed class PickedRows
{
    private readonly Tensor? _input;
    private readonly Tensor? _weights;

    private PickedRows(long count, long inputs, int? perInput, Tensor? input, Tensor? weights)
    {
        Count = count;
        Inputs = inputs;
        PerInput = perInput;
        _input = input;
        _weights = weights;
    }

    /// <summary>The number of rows, <c>R</c>.</summary>
    public long Count { get; }

    /// <summary>The number of inputs, <c>B</c>.</summary>
    public long Inputs { get; }

    /// <summary>The rows of each input, where all have as many.</summary>
    public int? PerInput { get; }

    /// <summary><c>K</c> rows of each input, which count equally: row <c>k</c> of input <c>b</c> at <c>k·B + b</c>.</summary>
    public static PickedRows Each(int perInput, long inputs) => new(perInput * inputs, inputs, perInput, null, null);

    /// <summary>Rows of chosen inputs, with weights that add up to one for each input.</summary>
    public static PickedRows Of(Tensor input, Tensor weights, long inputs) => new(input.shape[0], inputs, null, input, weights);

    /// <summary>Repeats inputs, <c>[B, …] → [R, …]</c>.</summary>
    public Tensor Spread(Tensor x)
    {
        if (_input is not null)
        {
            return x.index_select(0, _input);
        }

        using DisposeScope scope = NewDisposeScope();
        return (PerInput == 1 ? x.alias() : x.unsqueeze(0).expand([PerInput!.Value, .. x.shape]).reshape([Count, .. x.shape[1..]])).MoveToOuterDisposeScope();
    }

    /// <summary>The weighted mean of each input's rows, <c>[R, …] → [B, …]</c>.</summary>
    public Tensor Mean(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        if (_input is null)
        {
            return (PerInput == 1 ? values.alias() : values.unflatten(0, PerInput!.Value, Inputs).mean([0L])).MoveToOuterDisposeScope();
        }

        Tensor weighed = values * _weights!.to(values.dtype).view([-1, .. Enumerable.Repeat(1L, (int)values.dim() - 1)]);
        return zeros([Inputs, .. values.shape[1..]], values.dtype, values.device)
            .index_add(0, _input, weighed, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Rows of these rows.</summary>
    public PickedRows Then(PickedRows second, Device device)
    {
        if (PerInput is { } first && second.PerInput is { } each)
        {
            return Each(first * each, Inputs);
        }

        (Tensor input, Tensor weights) = Explicit(device);
        (Tensor row, Tensor within) = second.Explicit(device);
        return Of(input.index_select(0, row), weights.index_select(0, row) * within, Inputs);
    }

    /// <summary>The input and the weight of each row.</summary>
    public (Tensor Input, Tensor Weights) Explicit(Device device) => _input is not null
        ? (_input, _weights!)
        : (arange(Inputs, device: device).repeat(PerInput!.Value), full([Count], 1.0 / PerInput.Value, ScalarType.Float64, device));
}
