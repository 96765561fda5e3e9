using Equivariant.Core;
using Equivariant.Core.Native;
using Equivariant.Core.Serialization;
using Equivariant.Pretrained.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>CLIP: features of images and of texts that are alike where an image shows what a text says.</summary>
/// <remarks>
/// With a vision transformer or a ResNet, as the weights have it. Loaded in evaluation mode. For designs, which wrap
/// modules of one tensor, <see cref="Images"/> and <see cref="Texts"/> are the two halves.
/// Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021).
/// </remarks>
public sealed class Clip : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly ClipVision visual;
    private readonly ClipTransformer transformer;
    private readonly Embedding token_embedding;
    private readonly Parameter positional_embedding;
    private readonly Norm ln_final;
    private readonly Parameter text_projection;
    private readonly Parameter logit_scale;

    private Clip(ClipConfig config)
        : base(nameof(Clip))
    {
        Config = config;
        visual = config.VisionTransformer is null ? new ClipResNet(config) : new ClipVisionTransformer(config);
        transformer = new ClipTransformer(config.Text);
        token_embedding = new Embedding(config.VocabularySize, config.Text.Width);
        positional_embedding = Blank.Parameter(config.ContextLength, config.Text.Width);
        ln_final = new Norm(config.Text.Width, config.Text.Epsilon);
        text_projection = Blank.Parameter(config.Text.Width, config.EmbeddingWidth);
        logit_scale = Blank.Parameter();
        RegisterComponents();
    }

    /// <summary>The sizes.</summary>
    public ClipConfig Config { get; }

    /// <summary>What cosines of features are multiplied by.</summary>
    public double LogitScale
    {
        get
        {
            using DisposeScope scope = NewDisposeScope();
            return logit_scale.detach().to(ScalarType.Float64).exp().cpu().item<double>();
        }
    }

    /// <summary>Which tensor of a file is which of this module: OpenAI's names, and Hugging Face's.</summary>
    public static WeightMap Names => ClipNames.Map;

    /// <summary>Loads a CLIP, in evaluation mode.</summary>
    /// <param name="path">
    /// OpenAI's archive (read, not run), another file with its names or Hugging Face's (safetensors, or of torch's), or a
    /// folder with one. A <c>config.json</c> beside it is asked for numbers of heads; without one a head has 64 features.
    /// </param>
    /// <param name="dtype">The type to have the weights in.</param>
    /// <param name="device">Where to have them; the CPU, if left out.</param>
    /// <param name="options">How strictly the file has to fit; it has to have all that the model needs, if left out.</param>
    /// <returns>The model.</returns>
    /// <exception cref="EquivariantException">Something is missing or does not fit; the message names the file and the tensor or word.</exception>
    public static Clip Load(string path, ScalarType dtype = ScalarType.Float32, Device? device = null, LoadOptions? options = null) =>
        Load(path, out _, dtype, device, options);

    /// <summary>Loads a CLIP and says what was loaded and what was not.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="report">What was loaded, and what was not.</param>
    /// <param name="dtype">The type to have the weights in.</param>
    /// <param name="device">Where to have them; the CPU, if left out.</param>
    /// <param name="options">How strictly the file has to fit; it has to have all that the model needs, if left out. What may be missing is zero.</param>
    /// <returns>The model.</returns>
    /// <exception cref="EquivariantException">Something is missing or does not fit; the message names the file and the tensor or word.</exception>
    public static Clip Load(string path, out LoadReport report, ScalarType dtype = ScalarType.Float32, Device? device = null, LoadOptions? options = null)
    {
        LibTorch.Load();
        bool isFolder = Directory.Exists(path);
        if (!isFolder && !File.Exists(path))
        {
            throw new EquivariantException($"There is no file or folder '{path}'.");
        }

        using ITensorFile file = isFolder ? WeightFiles.OpenFolder(path, IsClip) : WeightFiles.Open(path);
        string config = Path.Combine(isFolder ? path : Path.GetDirectoryName(path) ?? "", "config.json");
        Clip model = new(ClipConfig.Infer(file, WeightLoader.Shapes(file, Names, (options ?? LoadOptions.Complete).Foreign), File.Exists(config) ? config : null));
        return WeightLoader.Filled(model, file, Names, options, dtype, device, out report);
    }

    /// <summary>The features of images, not normalised.</summary>
    /// <param name="images">Images <c>[B, 3, R, R]</c>, normalised as <see cref="ClipPreprocessing"/> does.</param>
    /// <param name="observe">
    /// Sees <c>vision.conv1</c>, <c>vision.ln_pre</c>, <c>vision.block.i</c> and <c>vision.ln_post</c> of a transformer;
    /// <c>vision.stem</c> and <c>vision.layer1</c> to <c>4</c> of a ResNet.
    /// </param>
    /// <returns>Features <c>[B, E]</c>.</returns>
    /// <exception cref="EquivariantException">The images have another size.</exception>
    public Tensor EncodeImage(Tensor images, Observe? observe = null)
    {
        using DisposeScope scope = NewDisposeScope();
        int side = Config.Resolution;
        if (images.shape is not [_, 3, long rows, long columns] || rows != side || columns != side || !images.is_floating_point())
        {
            throw new EquivariantException(
                $"Images are floats [images, 3, {side}, {side}] for this model; {images.dtype} [{string.Join(", ", images.shape)}] are none. "
                + "ClipPreprocessing makes them.");
        }

        return visual.Forward(images.to(text_projection.dtype), observe).MoveToOuterDisposeScope();
    }

    /// <summary>The features of texts, not normalised.</summary>
    /// <param name="tokens">Tokens <c>[B, T]</c>, <c>int64</c>: start, text, end, and padding up to at most the context's length.</param>
    /// <param name="observe">Sees <c>text.block.i</c> and <c>text.ln_final</c>.</param>
    /// <returns>Features <c>[B, E]</c>.</returns>
    /// <exception cref="EquivariantException">The texts are too long, or have tokens that the model does not know.</exception>
    public Tensor EncodeText(Tensor tokens, Observe? observe = null)
    {
        using DisposeScope scope = NewDisposeScope();
        Tokens.Require(tokens, Tokens.Length(tokens), Config.ContextLength, Config.VocabularySize);
        Tensor x = token_embedding.call(tokens) + positional_embedding.narrow(0, 0, tokens.shape[1]);
        x = ln_final.call(transformer.Forward(x, causal: true, "text", observe));
        observe?.Invoke("text.ln_final", x);
        // Features are read where the text ends.
        Tensor end = Config.EndToken is long token ? tokens.eq(token).to(ScalarType.Int64).argmax(1) : tokens.argmax(1);
        Tensor at = x.gather(1, end.view(-1, 1, 1).expand(-1, 1, x.shape[2])).squeeze(1);
        return at.matmul(text_projection).MoveToOuterDisposeScope();
    }

    /// <summary>How well each image fits each text.</summary>
    /// <param name="images">Images, as for <see cref="EncodeImage"/>.</param>
    /// <param name="tokens">Texts, as for <see cref="EncodeText"/>.</param>
    /// <returns>The cosines of their features times the logit scale, <c>[images, texts]</c>.</returns>
    public Tensor LogitsPerImage(Tensor images, Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor image = Unit(EncodeImage(images)), text = Unit(EncodeText(tokens));
        return (logit_scale.exp() * image.matmul(text.t())).MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="LogitsPerImage"/>
    public override Tensor forward(Tensor images, Tensor tokens) => LogitsPerImage(images, tokens);

    /// <summary>This model's images as a module to features; it shares the weights.</summary>
    /// <returns>A module whose only child this is.</returns>
    public nn.Module<Tensor, Tensor> Images() => new Half(this, x => EncodeImage(x));

    /// <summary>This model's texts as a module to features; it shares the weights.</summary>
    /// <returns>A module whose only child this is.</returns>
    public nn.Module<Tensor, Tensor> Texts() => new Half(this, x => EncodeText(x));

    private static Tensor Unit(Tensor features) => features / features.norm(-1, keepdim: true, p: 2);

    private static bool IsClip(ITensorFile file) => WeightLoader.Shapes(file, Names, ForeignTypes.Skip).ContainsKey("logit_scale");

    private sealed class Half : nn.Module<Tensor, Tensor>
    {
        private readonly Clip model;
        private readonly Func<Tensor, Tensor> _encode;

        public Half(Clip clip, Func<Tensor, Tensor> encode)
            : base(nameof(Half))
        {
            (model, _encode) = (clip, encode);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => _encode(x);
    }
}
