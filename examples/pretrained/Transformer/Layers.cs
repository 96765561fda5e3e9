using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>Parameters that a file fills: allocated, and not drawn at random first.</summary>
internal static class Blank
{
    public static Parameter Parameter(params long[] shape) => new(empty(shape));
}

/// <summary>One row of features for each of a number of tokens.</summary>
internal sealed class Embedding : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;

    public Embedding(long count, long width)
        : base(nameof(Embedding))
    {
        weight = Blank.Parameter(count, width);
        RegisterComponents();
    }

    /// <summary>The table, <c>[count, width]</c>.</summary>
    public Tensor Table => weight;

    public override Tensor forward(Tensor tokens)
    {
        using Tensor flat = tokens.flatten(), rows = weight.index_select(0, flat);
        return rows.view([.. tokens.shape, weight.shape[1]]);
    }
}

/// <summary>Layer normalisation over the last axis.</summary>
internal sealed class Norm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly double _epsilon;

    public Norm(long width, double epsilon)
        : base(nameof(Norm))
    {
        (weight, bias, _epsilon) = (Blank.Parameter(width), Blank.Parameter(width), epsilon);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => nn.functional.layer_norm(x, weight.shape, weight, bias, _epsilon);
}

/// <summary>A linear layer with the weight as <c>[out, in]</c>.</summary>
internal sealed class Dense : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;

    public Dense(long input, long output)
        : base(nameof(Dense))
    {
        (weight, bias) = (Blank.Parameter(output, input), Blank.Parameter(output));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => nn.functional.linear(x, weight, bias);
}

/// <summary>A linear layer with the weight as <c>[in, out]</c>, as GPT-2's files have it.</summary>
internal sealed class Conv1D : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;

    public Conv1D(long input, long output)
        : base(nameof(Conv1D))
    {
        (weight, bias) = (Blank.Parameter(input, output), Blank.Parameter(output));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        long width = weight.shape[1];
        using Tensor rows = x.reshape(-1, weight.shape[0]);
        using Tensor product = addmm(bias, rows, weight, 1, 1);
        return product.view([.. x.shape[..^1], width]);
    }
}
