using Equivariant.Core;
using Equivariant.Pretrained.Weights;

namespace Equivariant.Pretrained;

/// <namespacedoc><summary>Pretrained models as modules: GPT-2, CLIP, any ONNX file; their tokenizers and preprocessing.</summary></namespacedoc>
/// <summary>The sizes of a GPT-2, and the few choices that its files leave open.</summary>
/// <remarks>The defaults are GPT-2 small's. Source: Hugging Face's GPT2Config.</remarks>
public sealed record Gpt2Config
{
    /// <summary>GPT-2 small: 124 million parameters.</summary>
    public static Gpt2Config Small { get; } = new();

    /// <summary>GPT-2 medium: 355 million parameters.</summary>
    public static Gpt2Config Medium { get; } = new() { Width = 1024, Layers = 24, Heads = 16 };

    /// <summary>GPT-2 large: 774 million parameters.</summary>
    public static Gpt2Config Large { get; } = new() { Width = 1280, Layers = 36, Heads = 20 };

    /// <summary>GPT-2 XL: 1.6 billion parameters.</summary>
    public static Gpt2Config XL { get; } = new() { Width = 1600, Layers = 48, Heads = 25 };

    /// <summary>How many tokens there are.</summary>
    public int VocabularySize { get; init; } = 50257;

    /// <summary>The longest text, in tokens.</summary>
    public int ContextLength { get; init; } = 1024;

    /// <summary>Features of a token.</summary>
    public int Width { get; init; } = 768;

    /// <summary>Transformer blocks.</summary>
    public int Layers { get; init; } = 12;

    /// <summary>Attention heads; they share the width.</summary>
    public int Heads { get; init; } = 12;

    /// <summary>Features inside a block's network; four times the width, if left out.</summary>
    public int? InnerWidth { get; init; }

    /// <summary>The nonlinearity, as configurations name it.</summary>
    public string Activation { get; init; } = "gelu_new";

    /// <summary>What layer normalisations add to the variance.</summary>
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Dropout of the embedding, in train mode.</summary>
    public double EmbeddingDropout { get; init; } = 0.1;

    /// <summary>Dropout of attention weights, in train mode.</summary>
    public double AttentionDropout { get; init; } = 0.1;

    /// <summary>Dropout of what a block adds, in train mode.</summary>
    public double ResidualDropout { get; init; } = 0.1;

    /// <summary>Whether attention scores are divided by the root of a head's width.</summary>
    public bool ScaleAttention { get; init; } = true;

    /// <summary>Whether they are divided by the block's number too, counted from one.</summary>
    public bool ScaleAttentionByLayer { get; init; }

    /// <summary>Whether logits are products with the token embedding, rather than with a matrix of their own.</summary>
    public bool TiedHead { get; init; } = true;

    /// <summary>The standard deviation of fresh weights.</summary>
    public double InitialDeviation { get; init; } = 0.02;

    /// <summary>The token that ends a text; null where none is stated.</summary>
    public long? EndToken { get; init; }

    /// <summary>Reads a <c>config.json</c>.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The sizes.</returns>
    /// <exception cref="EquivariantException">The file can't be read, or describes another architecture; the message names the word.</exception>
    public static Gpt2Config Read(string path)
    {
        JsonConfig json = JsonConfig.Read(path);
        if (json.Word("model_type", "nothing") is var type && type != "gpt2")
        {
            throw json.Wrong("model_type", "\"gpt2\"");
        }

        if (json.Flag("add_cross_attention", false))
        {
            throw json.Wrong("add_cross_attention", "false");
        }

        Gpt2Config sizes = new();
        sizes = sizes with
        {
            VocabularySize = json.Count("vocab_size", sizes.VocabularySize),
            ContextLength = json.Count("n_positions", json.Count("n_ctx", sizes.ContextLength)),
            Width = json.Count("n_embd", sizes.Width),
            Layers = json.Count("n_layer", sizes.Layers),
            Heads = json.Count("n_head", sizes.Heads),
            InnerWidth = json.OptionalCount("n_inner"),
            Activation = json.Word("activation_function", sizes.Activation),
            Epsilon = json.Number("layer_norm_epsilon", sizes.Epsilon),
            EmbeddingDropout = json.Number("embd_pdrop", sizes.EmbeddingDropout),
            AttentionDropout = json.Number("attn_pdrop", sizes.AttentionDropout),
            ResidualDropout = json.Number("resid_pdrop", sizes.ResidualDropout),
            ScaleAttention = json.Flag("scale_attn_weights", true),
            ScaleAttentionByLayer = json.Flag("scale_attn_by_inverse_layer_idx", false),
            TiedHead = json.Flag("tie_word_embeddings", true),
            InitialDeviation = json.Number("initializer_range", sizes.InitialDeviation),
            EndToken = json.OptionalToken("eos_token_id"),
        };
        if (!Pretrained.Activation.All.ContainsKey(sizes.Activation))
        {
            throw json.Wrong("activation_function", $"one of {string.Join(", ", Pretrained.Activation.All.Keys)}");
        }

        return sizes.Width % sizes.Heads == 0 ? sizes : throw json.Wrong("n_head", $"a divisor of n_embd = {sizes.Width}");
    }

    /// <summary>Refuses sizes that no network has.</summary>
    internal void Require()
    {
        if (new[] { VocabularySize, ContextLength, Width, Layers, Heads, InnerWidth ?? 1 }.Min() < 1 || Width % Heads != 0)
        {
            throw new EquivariantException($"A GPT-2 has positive sizes and a width that its heads share; {Width} for {Heads} heads and {Layers} layers is none.");
        }

        if (!Pretrained.Activation.All.ContainsKey(Activation))
        {
            throw new EquivariantException($"'{Activation}' is no nonlinearity that is known: {string.Join(", ", Pretrained.Activation.All.Keys)} are.");
        }
    }
}
