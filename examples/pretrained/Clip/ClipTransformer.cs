using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>CLIP's transformer: blocks of attention and a network of two layers.</summary>
internal sealed class ClipTransformer : nn.Module
{
    private readonly ModuleList<ClipBlock> resblocks;

    public ClipTransformer(ClipTransformerConfig config)
        : base(nameof(ClipTransformer))
    {
        resblocks = nn.ModuleList([.. Enumerable.Range(0, config.Layers).Select(_ => new ClipBlock(config))]);
        RegisterComponents();
    }

    /// <summary>Transforms sequences <c>[B, T, width]</c>; causally, each token sees those before it and itself.</summary>
    public Tensor Forward(Tensor x, bool causal, string name, Observe? observe)
    {
        for (int i = 0; i < resblocks.Count; i++)
        {
            x = resblocks[i].Forward(x, causal);
            observe?.Invoke($"{name}.block.{i}", x);
        }

        return x;
    }
}

internal sealed class ClipBlock : nn.Module
{
    private readonly Norm ln_1;
    private readonly ClipAttention attn;
    private readonly Norm ln_2;
    private readonly ClipNetwork mlp;

    public ClipBlock(ClipTransformerConfig config)
        : base(nameof(ClipBlock))
    {
        ln_1 = new Norm(config.Width, config.Epsilon);
        attn = new ClipAttention(config);
        ln_2 = new Norm(config.Width, config.Epsilon);
        mlp = new ClipNetwork(config);
        RegisterComponents();
    }

    public Tensor Forward(Tensor x, bool causal)
    {
        using DisposeScope scope = NewDisposeScope();
        x = x + attn.Forward(ln_1.call(x), causal);
        return (x + mlp.Forward(ln_2.call(x))).MoveToOuterDisposeScope();
    }
}

/// <summary>Attention whose queries, keys and values are parts of one product.</summary>
internal sealed class ClipAttention : nn.Module
{
    private readonly Parameter in_proj_weight;
    private readonly Parameter in_proj_bias;
    private readonly Dense out_proj;
    private readonly int _heads;

    public ClipAttention(ClipTransformerConfig config)
        : base(nameof(ClipAttention))
    {
        in_proj_weight = Blank.Parameter(3 * config.Width, config.Width);
        in_proj_bias = Blank.Parameter(3 * config.Width);
        out_proj = new Dense(config.Width, config.Width);
        _heads = config.Heads;
        RegisterComponents();
    }

    public Tensor Forward(Tensor x, bool causal)
    {
        Tensor[] parts = nn.functional.linear(x, in_proj_weight, in_proj_bias).chunk(3, -1);
        return out_proj.call(Heads.Attend(parts[0], parts[1], parts[2], _heads, causal));
    }
}

internal sealed class ClipNetwork : nn.Module
{
    private readonly Dense c_fc;
    private readonly Dense c_proj;
    private readonly Func<Tensor, Tensor> _activation;

    public ClipNetwork(ClipTransformerConfig config)
        : base(nameof(ClipNetwork))
    {
        c_fc = new Dense(config.Width, config.InnerWidth);
        c_proj = new Dense(config.InnerWidth, config.Width);
        _activation = Activation.All[config.Activation];
        RegisterComponents();
    }

    public Tensor Forward(Tensor x) => c_proj.call(_activation(c_fc.call(x)));
}
