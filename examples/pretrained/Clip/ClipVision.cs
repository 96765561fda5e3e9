using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>What turns images into features.</summary>
internal abstract class ClipVision(string name) : nn.Module(name)
{
    public abstract Tensor Forward(Tensor images, Observe? observe);
}

/// <summary>A transformer over patches; the features are those of a token of its own.</summary>
internal sealed class ClipVisionTransformer : ClipVision
{
    private readonly Parameter class_embedding;
    private readonly Parameter positional_embedding;
    private readonly PlainConvolution conv1;
    private readonly Norm ln_pre;
    private readonly ClipTransformer transformer;
    private readonly Norm ln_post;
    private readonly Parameter proj;

    public ClipVisionTransformer(ClipConfig config)
        : base(nameof(ClipVisionTransformer))
    {
        ClipTransformerConfig sizes = config.VisionTransformer!;
        long side = config.Resolution / config.PatchSize;
        class_embedding = Blank.Parameter(sizes.Width);
        positional_embedding = Blank.Parameter((side * side) + 1, sizes.Width);
        conv1 = new PlainConvolution(3, sizes.Width, config.PatchSize, config.PatchSize);
        ln_pre = new Norm(sizes.Width, sizes.Epsilon);
        transformer = new ClipTransformer(sizes);
        ln_post = new Norm(sizes.Width, sizes.Epsilon);
        proj = Blank.Parameter(sizes.Width, config.EmbeddingWidth);
        RegisterComponents();
    }

    public override Tensor Forward(Tensor images, Observe? observe)
    {
        Tensor patches = conv1.call(images);
        observe?.Invoke("vision.conv1", patches);
        Tensor tokens = cat([class_embedding.expand(images.shape[0], 1, -1), patches.flatten(2).transpose(1, 2)], 1);
        Tensor x = ln_pre.call(tokens + positional_embedding);
        observe?.Invoke("vision.ln_pre", x);
        x = ln_post.call(transformer.Forward(x, causal: false, "vision", observe).select(1, 0));
        observe?.Invoke("vision.ln_post", x);
        return x.matmul(proj);
    }
}

/// <summary>A ResNet with three convolutions in its stem, average pools where others stride, and attention instead of the last pool.</summary>
internal sealed class ClipResNet : ClipVision
{
    private const int Expansion = 4;
    private readonly PlainConvolution conv1;
    private readonly BatchNorm2d bn1;
    private readonly PlainConvolution conv2;
    private readonly BatchNorm2d bn2;
    private readonly PlainConvolution conv3;
    private readonly BatchNorm2d bn3;
    private readonly ModuleList<ClipBottleneck> layer1;
    private readonly ModuleList<ClipBottleneck> layer2;
    private readonly ModuleList<ClipBottleneck> layer3;
    private readonly ModuleList<ClipBottleneck> layer4;
    private readonly ClipAttentionPool attnpool;

    public ClipResNet(ClipConfig config)
        : base(nameof(ClipResNet))
    {
        int width = config.ResNetWidth, input = width;
        conv1 = new PlainConvolution(3, width / 2, 3, stride: 2, padding: 1);
        bn1 = nn.BatchNorm2d(width / 2);
        conv2 = new PlainConvolution(width / 2, width / 2, 3, padding: 1);
        bn2 = nn.BatchNorm2d(width / 2);
        conv3 = new PlainConvolution(width / 2, width, 3, padding: 1);
        bn3 = nn.BatchNorm2d(width);
        layer1 = Layer(0, 1);
        layer2 = Layer(1, 2);
        layer3 = Layer(2, 2);
        layer4 = Layer(3, 2);
        attnpool = new ClipAttentionPool(config.Resolution / 32, 32 * width, config.PoolHeads, config.EmbeddingWidth);
        RegisterComponents();

        ModuleList<ClipBottleneck> Layer(int number, int stride)
        {
            List<ClipBottleneck> blocks = [];
            for (int i = 0; i < config.ResNetLayers![number]; i++)
            {
                blocks.Add(new ClipBottleneck(input, width << number, i == 0 ? stride : 1));
                input = (width << number) * Expansion;
            }

            return nn.ModuleList([.. blocks]);
        }
    }

    public override Tensor Forward(Tensor images, Observe? observe)
    {
        Tensor x = bn1.call(conv1.call(images)).relu_();
        x = bn2.call(conv2.call(x)).relu_();
        x = nn.functional.avg_pool2d(bn3.call(conv3.call(x)).relu_(), 2);
        observe?.Invoke("vision.stem", x);
        int number = 1;
        foreach (ModuleList<ClipBottleneck> layer in new[] { layer1, layer2, layer3, layer4 })
        {
            foreach (ClipBottleneck block in layer)
            {
                x = block.call(x);
            }

            observe?.Invoke($"vision.layer{number++}", x);
        }

        return attnpool.call(x);
    }
}

internal sealed class ClipBottleneck : nn.Module<Tensor, Tensor>
{
    private const int Expansion = 4;
    private readonly PlainConvolution conv1;
    private readonly BatchNorm2d bn1;
    private readonly PlainConvolution conv2;
    private readonly BatchNorm2d bn2;
    private readonly PlainConvolution conv3;
    private readonly BatchNorm2d bn3;
    private readonly Sequential? downsample;
    private readonly int _stride;

    public ClipBottleneck(int input, int width, int stride)
        : base(nameof(ClipBottleneck))
    {
        conv1 = new PlainConvolution(input, width, 1);
        bn1 = nn.BatchNorm2d(width);
        conv2 = new PlainConvolution(width, width, 3, padding: 1);
        bn2 = nn.BatchNorm2d(width);
        conv3 = new PlainConvolution(width, width * Expansion, 1);
        bn3 = nn.BatchNorm2d(width * Expansion);
        downsample = stride > 1 || input != width * Expansion
            ? nn.Sequential(("0", new PlainConvolution(input, width * Expansion, 1)), ("1", nn.BatchNorm2d(width * Expansion)))
            : null;
        _stride = stride;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor y = bn1.call(conv1.call(x)).relu_();
        y = bn2.call(conv2.call(y)).relu_();
        y = bn3.call(conv3.call(Pool(y)));
        return (y + (downsample?.call(Pool(x)) ?? x)).relu_().MoveToOuterDisposeScope();
    }

    private Tensor Pool(Tensor x) => _stride > 1 ? nn.functional.avg_pool2d(x, _stride) : x;
}

/// <summary>Pools positions by what their mean attends to.</summary>
internal sealed class ClipAttentionPool : nn.Module<Tensor, Tensor>
{
    private readonly Parameter positional_embedding;
    private readonly Dense q_proj;
    private readonly Dense k_proj;
    private readonly Dense v_proj;
    private readonly Dense c_proj;
    private readonly int _heads;

    public ClipAttentionPool(long side, int width, int heads, int output)
        : base(nameof(ClipAttentionPool))
    {
        positional_embedding = Blank.Parameter((side * side) + 1, width);
        q_proj = new Dense(width, width);
        k_proj = new Dense(width, width);
        v_proj = new Dense(width, width);
        c_proj = new Dense(width, output);
        _heads = heads;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor positions = x.flatten(2).transpose(1, 2);
        Tensor all = cat([positions.mean([1], keepdim: true), positions], 1) + positional_embedding;
        Tensor pooled = Heads.Attend(q_proj.call(all.narrow(1, 0, 1)), k_proj.call(all), v_proj.call(all), _heads, causal: false);
        return c_proj.call(pooled.squeeze(1)).MoveToOuterDisposeScope();
    }
}

/// <summary>A convolution without bias.</summary>
internal sealed class PlainConvolution : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly long _stride;
    private readonly long _padding;

    public PlainConvolution(long input, long output, long size, long stride = 1, long padding = 0)
        : base(nameof(PlainConvolution))
    {
        (weight, _stride, _padding) = (Blank.Parameter(output, input, size, size), stride, padding);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => nn.functional.conv2d(x, weight, strides: [_stride, _stride], padding: [_padding, _padding]);
}
