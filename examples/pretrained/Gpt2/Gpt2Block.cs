using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>What attention is given by the tokens that are there: keys and values, with those of earlier tokens, and what may be seen.</summary>
/// <param name="layer">The block.</param>
/// <param name="keys">The new tokens' keys, <c>[B, H, T, D]</c>.</param>
/// <param name="values">Their values.</param>
internal delegate (Tensor Keys, Tensor Values, Tensor? Mask, bool Causal) Remember(int layer, Tensor keys, Tensor values);

/// <summary>A block of GPT-2: attention and a network of two layers, each after a normalisation and added to its input.</summary>
internal sealed class Gpt2Block : nn.Module
{
    private readonly Norm ln_1;
    private readonly Gpt2Attention attn;
    private readonly Norm ln_2;
    private readonly Gpt2Network mlp;
    private readonly double _dropout;
    private readonly int _layer;

    public Gpt2Block(Gpt2Config config, int layer)
        : base(nameof(Gpt2Block))
    {
        ln_1 = new Norm(config.Width, config.Epsilon);
        attn = new Gpt2Attention(config, layer);
        ln_2 = new Norm(config.Width, config.Epsilon);
        mlp = new Gpt2Network(config);
        (_dropout, _layer) = (config.ResidualDropout, layer);
        RegisterComponents();
    }

    public Tensor Forward(Tensor x, Remember remember, Observe? observe)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor attended = Drop(attn.Forward(ln_1.call(x), remember));
        observe?.Invoke($"block.{_layer}.attn_out", attended);
        x = x + attended;
        Tensor changed = Drop(mlp.Forward(ln_2.call(x)));
        observe?.Invoke($"block.{_layer}.mlp_out", changed);
        x = x + changed;
        observe?.Invoke($"block.{_layer}.output", x);
        return x.MoveToOuterDisposeScope();
    }

    private Tensor Drop(Tensor x) => training && _dropout > 0 ? nn.functional.dropout(x, _dropout) : x;
}

/// <summary>Causal attention with several heads.</summary>
internal sealed class Gpt2Attention : nn.Module
{
    private readonly Conv1D c_attn;
    private readonly Conv1D c_proj;
    private readonly int _heads;
    private readonly int _layer;
    private readonly double _factor;
    private readonly double _dropout;

    public Gpt2Attention(Gpt2Config config, int layer)
        : base(nameof(Gpt2Attention))
    {
        c_attn = new Conv1D(config.Width, 3 * config.Width);
        c_proj = new Conv1D(config.Width, config.Width);
        (_heads, _layer, _dropout) = (config.Heads, layer, config.AttentionDropout);
        // Torch divides by the root of a head's width; what differs from that goes into the queries.
        _factor = (config.ScaleAttention ? 1 : Math.Sqrt(config.Width / config.Heads)) / (config.ScaleAttentionByLayer ? layer + 1 : 1);
        RegisterComponents();
    }

    public Tensor Forward(Tensor x, Remember remember)
    {
        long rows = x.shape[0], length = x.shape[1], width = x.shape[2];
        Tensor[] parts = [.. c_attn.call(x).split(width, -1).Select(part => part.view(rows, length, _heads, -1).transpose(1, 2))];
        Tensor queries = _factor == 1 ? parts[0] : parts[0] * _factor;
        (Tensor keys, Tensor values, Tensor? mask, bool causal) = remember(_layer, parts[1], parts[2]);
        Tensor seen = nn.functional.scaled_dot_product_attention(queries, keys, values, mask!, training ? _dropout : 0, causal);
        return c_proj.call(seen.transpose(1, 2).reshape(rows, length, width));
    }
}

/// <summary>Two layers with a nonlinearity between.</summary>
internal sealed class Gpt2Network : nn.Module
{
    private readonly Conv1D c_fc;
    private readonly Conv1D c_proj;
    private readonly Func<Tensor, Tensor> _activation;

    public Gpt2Network(Gpt2Config config)
        : base(nameof(Gpt2Network))
    {
        int inner = config.InnerWidth ?? 4 * config.Width;
        c_fc = new Conv1D(config.Width, inner);
        c_proj = new Conv1D(inner, config.Width);
        _activation = Activation.All[config.Activation];
        RegisterComponents();
    }

    public Tensor Forward(Tensor x) => c_proj.call(_activation(c_fc.call(x)));
}
