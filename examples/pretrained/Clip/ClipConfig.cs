using Equivariant.Core;
using Equivariant.Core.Serialization;
using Equivariant.Pretrained.Weights;

namespace Equivariant.Pretrained;

/// <summary>The sizes of one of CLIP's transformers.</summary>
/// <param name="Width">Features of a token.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="InnerWidth">Features inside a block's network.</param>
/// <param name="Activation">The nonlinearity, as configurations name it.</param>
/// <param name="Epsilon">What layer normalisations add to the variance.</param>
public sealed record ClipTransformerConfig(int Width, int Layers, int Heads, int InnerWidth, string Activation = "quick_gelu", double Epsilon = 1e-5);

/// <summary>The sizes of a CLIP. They follow from its weights, all but the numbers of attention heads.</summary>
public sealed record ClipConfig
{
    /// <summary>The width of one head, in every model that OpenAI published.</summary>
    public const int HeadWidth = 64;

    /// <summary>Features that images and texts share.</summary>
    public required int EmbeddingWidth { get; init; }

    /// <summary>Rows and columns of an image.</summary>
    public required int Resolution { get; init; }

    /// <summary>The vision transformer; null where images go through a ResNet.</summary>
    public ClipTransformerConfig? VisionTransformer { get; init; }

    /// <summary>Rows and columns of a patch, of the vision transformer.</summary>
    public int PatchSize { get; init; }

    /// <summary>Blocks of the ResNet's four layers; null where images go through a transformer.</summary>
    public IReadOnlyList<int>? ResNetLayers { get; init; }

    /// <summary>Channels after the ResNet's stem.</summary>
    public int ResNetWidth { get; init; }

    /// <summary>Heads of the attention that pools the ResNet's features.</summary>
    public int PoolHeads { get; init; }

    /// <summary>The text transformer.</summary>
    public required ClipTransformerConfig Text { get; init; }

    /// <summary>The longest text, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>How many tokens there are.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The token that ends a text, where features are read; null for the greatest of a text's tokens, as OpenAI has it.</summary>
    public long? EndToken { get; init; }

    /// <summary>The sizes that a file's weights show.</summary>
    /// <param name="file">The file.</param>
    /// <param name="shapes">Its tensors, by OpenAI's names.</param>
    /// <param name="config">A <c>config.json</c> beside it, of either form; null where there is none.</param>
    internal static ClipConfig Infer(ITensorFile file, IReadOnlyDictionary<string, long[]> shapes, string? config)
    {
        ClipConfig sizes = new Shapes(file.Path, shapes).Infer();
        return config is null ? sizes.Checked(file.Path) : sizes.With(file, config).Checked(config);
    }

    /// <summary>Takes from a configuration what weights don't show, and compares the rest.</summary>
    private ClipConfig With(ITensorFile weights, string path)
    {
        string file = weights.Path;
        JsonConfig json = JsonConfig.Read(path);
        if (json.Section("openai") is JsonConfig openAi && !(IsHuggingFace(weights) && json.Section("huggingface") is not null))
        {
            Compare(openAi, file, "vocab_size", VocabularySize);
            Compare(openAi, file, "context_length", ContextLength);
            Compare(openAi, file, "image_resolution", Resolution);
            Compare(openAi, file, "embed_dim", EmbeddingWidth);
            return this with
            {
                VisionTransformer = VisionTransformer is { } vision ? vision with { Heads = openAi.Count("vision_heads", vision.Heads) } : null,
                PoolHeads = openAi.Count("vision_heads", PoolHeads),
                Text = Text with { Heads = openAi.Count("transformer_heads", Text.Heads) },
            };
        }

        json = json.Section("huggingface") ?? json;
        if (json.Word("model_type", "nothing") is var type && type != "clip")
        {
            throw json.Wrong("model_type", "\"clip\"");
        }

        // Where both are there, the second overrides the first, as in Hugging Face's CLIPConfig.
        JsonConfig[] text = [.. new[] { json.Section("text_config_dict"), json.Section("text_config") }.OfType<JsonConfig>()];
        JsonConfig[] image = [.. new[] { json.Section("vision_config_dict"), json.Section("vision_config") }.OfType<JsonConfig>()];
        foreach (JsonConfig section in text)
        {
            Compare(section, file, "vocab_size", VocabularySize);
            Compare(section, file, "max_position_embeddings", ContextLength);
        }

        foreach (JsonConfig section in image)
        {
            Compare(section, file, "image_size", Resolution);
        }

        // 2 stands in old files for whatever token is greatest.
        long? end = text.Select(section => section.OptionalToken("eos_token_id")).FirstOrDefault(token => token is not null);
        return this with
        {
            VisionTransformer = VisionTransformer is null ? null : Of(VisionTransformer, image),
            Text = Of(Text, text),
            EndToken = end == 2 ? null : end,
        };

        static ClipTransformerConfig Of(ClipTransformerConfig sizes, JsonConfig[] sections)
        {
            JsonConfig? With(string name) => Array.Find(sections, section => section.Has(name));
            string activation = With("hidden_act")?.Word("hidden_act", "") ?? sizes.Activation;
            if (!Pretrained.Activation.All.ContainsKey(activation))
            {
                throw With("hidden_act")!.Wrong("hidden_act", $"one of {string.Join(", ", Pretrained.Activation.All.Keys)}");
            }

            return sizes with
            {
                Heads = With("num_attention_heads")?.OptionalCount("num_attention_heads") ?? sizes.Heads,
                Epsilon = With("layer_norm_eps")?.Number("layer_norm_eps", 0) ?? sizes.Epsilon,
                Activation = activation,
            };
        }
    }

    private static bool IsHuggingFace(ITensorFile weights) =>
        weights.Tensors.Keys.Any(name => name.Contains("vision_model.", StringComparison.Ordinal));

    private static void Compare(JsonConfig json, string file, string name, int found)
    {
        if (json.OptionalCount(name) is int stated && stated != found)
        {
            throw json.Wrong(name, $"{found}, as the weights in '{file}' have it,");
        }
    }

    /// <summary>Refuses heads that do not share a width.</summary>
    private ClipConfig Checked(string path)
    {
        foreach ((string what, int width, int heads) in new[]
        {
            ("text transformer", Text.Width, Text.Heads),
            ("vision transformer", VisionTransformer?.Width ?? 1, VisionTransformer?.Heads ?? 1),
            ("attention pool", ResNetWidth * 32, Math.Max(PoolHeads, 1)),
        })
        {
            if (width % heads != 0)
            {
                throw new EquivariantException(
                    $"'{path}': {heads} heads can't share the {what}'s width of {width}. State the number of heads in a config.json beside the weights.");
            }
        }

        return this;
    }

    /// <summary>Reads sizes off shapes, by OpenAI's rules (clip/model.py, build_model).</summary>
    private sealed class Shapes(string path, IReadOnlyDictionary<string, long[]> shapes)
    {
        public ClipConfig Infer()
        {
            int width = Length("ln_final.weight", 0);
            ClipConfig text = new()
            {
                EmbeddingWidth = Length("text_projection", 1),
                ContextLength = Length("positional_embedding", 0),
                VocabularySize = Length("token_embedding.weight", 0),
                Text = new(width, Blocks("transformer.resblocks"), Heads(width), Length("transformer.resblocks.0.mlp.c_fc.weight", 0)),
                Resolution = 0,
            };
            return shapes.ContainsKey("visual.proj") ? WithTransformer(text) : WithResNet(text);
        }

        private ClipConfig WithTransformer(ClipConfig text)
        {
            int width = Length("visual.conv1.weight", 0), patch = Length("visual.conv1.weight", 3);
            return text with
            {
                PatchSize = patch,
                Resolution = patch * Side("visual.positional_embedding"),
                VisionTransformer = new(
                    width, Blocks("visual.transformer.resblocks"), Heads(width), Length("visual.transformer.resblocks.0.mlp.c_fc.weight", 0)),
            };
        }

        private ClipConfig WithResNet(ClipConfig text)
        {
            int width = Length("visual.layer1.0.conv1.weight", 0);
            return text with
            {
                Resolution = 32 * Side("visual.attnpool.positional_embedding"),
                ResNetLayers = [.. Enumerable.Range(1, 4).Select(layer => Blocks($"visual.layer{layer}"))],
                ResNetWidth = width,
                PoolHeads = Heads(32 * width),
            };
        }

        private static int Heads(int width) => Math.Max(1, width / HeadWidth);

        /// <summary>How many modules there are in a list.</summary>
        private int Blocks(string list)
        {
            int count = shapes.Keys.Where(name => name.StartsWith(list + ".", StringComparison.Ordinal))
                .Select(name => name[(list.Length + 1)..].Split('.')[0]).Distinct().Count();
            return count > 0 ? count : throw Missing(list + ".0");
        }

        /// <summary>The side of a square of positions, beside which there is one more.</summary>
        private int Side(string name)
        {
            int positions = Length(name, 0), side = (int)Math.Round(Math.Sqrt(positions - 1));
            return side >= 1 && (side * side) + 1 == positions
                ? side
                : throw new EquivariantException($"'{path}' has '{name}' with {positions} rows, which are not a square of positions and one more.");
        }

        private int Length(string name, int axis) =>
            !shapes.TryGetValue(name, out long[]? shape) ? throw Missing(name)
            : axis < shape.Length && shape[axis] is > 0 and <= int.MaxValue ? (int)shape[axis]
            : throw new EquivariantException($"'{path}' has '{name}' as [{string.Join(", ", shape)}], which no CLIP has.");

        private EquivariantException Missing(string name) =>
            new($"'{path}' is not a CLIP, neither by OpenAI's names nor by Hugging Face's: it has no '{name}'.");
    }
}
