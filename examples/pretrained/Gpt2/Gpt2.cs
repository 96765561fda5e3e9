using Equivariant.Core;
using Equivariant.Core.Sequences;
using Equivariant.Core.Native;
using Equivariant.Core.Serialization;
using Equivariant.Pretrained.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>GPT-2: a transformer that scores the next token of a text.</summary>
/// <remarks>
/// <para>As a <see cref="SequenceModel"/> its source is a text and its target the continuation, over one vocabulary. The
/// target's first token belongs to the text: <c>Start(text without its last token)</c>, then <c>Step(last token)</c>
/// scores the first new one; <c>forward(source, prefix)</c> scores likewise after each token of <c>prefix</c>. A state
/// keeps keys and values, so a step reads one token.</para>
/// <para>As a module from ids to logits, which tensor designs wrap: <see cref="AsModule"/>.</para>
/// Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019).
/// </remarks>
public sealed class Gpt2 : SequenceModel
{
    private readonly Embedding wte;
    private readonly Embedding wpe;
    private readonly ModuleList<Gpt2Block> h;
    private readonly Norm ln_f;
    private readonly Embedding? lm_head;

    private Gpt2(Gpt2Config config)
        : base(nameof(Gpt2))
    {
        LibTorch.Load();
        config.Require();
        Config = config;
        wte = new Embedding(config.VocabularySize, config.Width);
        wpe = new Embedding(config.ContextLength, config.Width);
        h = nn.ModuleList([.. Enumerable.Range(0, config.Layers).Select(layer => new Gpt2Block(config, layer))]);
        ln_f = new Norm(config.Width, config.Epsilon);
        lm_head = config.TiedHead ? null : new Embedding(config.VocabularySize, config.Width);
        RegisterComponents();
    }

    /// <summary>Makes a GPT-2 with fresh weights, in train mode.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="generator">Draws the weights.</param>
    /// <remarks>Normal weights of the stated deviation, divided by √(2·layers) where a block adds to its input; Radford et al., section 2.3.</remarks>
    public Gpt2(Gpt2Config config, Generator generator)
        : this(config)
    {
        using IDisposable noGradient = no_grad();
        foreach ((string name, Parameter parameter) in named_parameters())
        {
            if (parameter.Dimensions > 1)
            {
                bool adds = name.EndsWith(".c_proj.weight", StringComparison.Ordinal);
                parameter.normal_(0, config.InitialDeviation / (adds ? Math.Sqrt(2.0 * config.Layers) : 1), generator);
            }
            else
            {
                parameter.fill_(name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0);
            }
        }
    }

    /// <summary>The sizes.</summary>
    public Gpt2Config Config { get; }

    /// <summary>Which tensor of a file is which of this module.</summary>
    public static WeightMap Names { get; } = new(
        ["state_dict.", "module.", "model.", "transformer."],
        [
            new("wte.weight", "wte.weight"),
            new("wpe.weight", "wpe.weight"),
            new("lm_head.weight", "lm_head.weight"),
            new("ln_f.*", "ln_f.*"),
            new("h.*.ln_1.*", "h.*.ln_1.*"),
            new("h.*.ln_2.*", "h.*.ln_2.*"),
            // Masks that older versions saved. (c_attn.bias has one part more.)
            new("h.*.attn.bias", null),
            new("h.*.attn.masked_bias", null),
            new("h.*.attn.c_attn.*", "h.*.attn.c_attn.*"),
            new("h.*.attn.c_proj.*", "h.*.attn.c_proj.*"),
            new("h.*.mlp.c_fc.*", "h.*.mlp.c_fc.*"),
            new("h.*.mlp.c_proj.*", "h.*.mlp.c_proj.*"),
        ]);

    /// <summary>Loads a GPT-2 from a Hugging Face folder, in evaluation mode.</summary>
    /// <param name="folder">
    /// A folder with <c>config.json</c> and <c>model.safetensors</c> (or several with an index) or <c>pytorch_model.bin</c>;
    /// or one such file with <c>config.json</c> beside it. Any floating type.
    /// </param>
    /// <param name="dtype">The type to have the weights in.</param>
    /// <param name="device">Where to have them; the CPU, if left out.</param>
    /// <param name="options">How strictly the file has to fit; it has to have all that the model needs, if left out. What may be missing is zero.</param>
    /// <returns>The model.</returns>
    /// <exception cref="EquivariantException">Something is missing or does not fit; the message names the file and the tensor or word.</exception>
    public static Gpt2 Load(string folder, ScalarType dtype = ScalarType.Float32, Device? device = null, LoadOptions? options = null) =>
        Load(folder, out _, dtype, device, options);

    /// <summary>Loads a GPT-2 and says what was loaded and what was not.</summary>
    /// <param name="folder">The folder or file.</param>
    /// <param name="report">What was loaded, and what was not.</param>
    /// <param name="dtype">The type to have the weights in.</param>
    /// <param name="device">Where to have them; the CPU, if left out.</param>
    /// <param name="options">How strictly the file has to fit; it has to have all that the model needs, if left out. What may be missing is zero.</param>
    /// <returns>The model.</returns>
    /// <exception cref="EquivariantException">Something is missing or does not fit; the message names the file and the tensor or word.</exception>
    public static Gpt2 Load(string folder, out LoadReport report, ScalarType dtype = ScalarType.Float32, Device? device = null, LoadOptions? options = null)
    {
        LibTorch.Load();
        bool isFolder = Directory.Exists(folder);
        string config = Path.Combine(isFolder ? folder : Path.GetDirectoryName(folder) ?? "", "config.json");
        if (!File.Exists(config))
        {
            throw new EquivariantException(isFolder || File.Exists(folder)
                ? $"There is no config.json {(isFolder ? "in" : "beside")} '{folder}', which says how large the GPT-2 is."
                : $"There is no file or folder '{folder}'.");
        }

        Gpt2Config sizes = Gpt2Config.Read(config);
        using ITensorFile file = isFolder ? WeightFiles.OpenFolder(folder, IsGpt2) : WeightFiles.Open(folder);
        RequireSizes(sizes, config, file, options ?? LoadOptions.Complete);
        Gpt2 model = new(sizes);
        return WeightLoader.Filled(model, file, sizes.TiedHead ? s_tied : Names, options, dtype, device, out report);
    }

    /// <summary>Scores the token that follows, after each token of texts.</summary>
    /// <param name="ids">The texts, <c>[B, T]</c>, <c>int64</c>.</param>
    /// <param name="observe">
    /// Sees <c>hidden_states.0</c> (the embedding) to <c>hidden_states.L</c> (after the last normalisation), and of every
    /// block <c>block.i.attn_out</c>, <c>block.i.mlp_out</c> and <c>block.i.output</c>, all <c>[B, T, width]</c>.
    /// </param>
    /// <returns>Logits <c>[B, T, V]</c>.</returns>
    /// <exception cref="EquivariantException">The texts are no such tensor, too long, or have tokens that the model does not know.</exception>
    public Tensor Logits(Tensor ids, Observe? observe = null)
    {
        using DisposeScope scope = NewDisposeScope();
        return Score(Hidden(ids, null, observe)).MoveToOuterDisposeScope();
    }

    /// <summary>The features of every token, after the last normalisation.</summary>
    /// <param name="ids">The texts, <c>[B, T]</c>, <c>int64</c>.</param>
    /// <param name="observe">As in <see cref="Logits"/>.</param>
    /// <returns>Features <c>[B, T, width]</c>.</returns>
    public Tensor Features(Tensor ids, Observe? observe = null)
    {
        using DisposeScope scope = NewDisposeScope();
        return Hidden(ids, null, observe).MoveToOuterDisposeScope();
    }

    /// <summary>The mean cross entropy of every token but the first, given those before it.</summary>
    /// <param name="ids">The texts, <c>[B, T]</c>, <c>int64</c>; <see cref="SequenceModel.PaddingToken"/>s do not count.</param>
    /// <returns>A scalar.</returns>
    public Tensor Loss(Tensor ids)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = Logits(ids);
        long length = ids.shape[1];
        if (length < 2)
        {
            throw new EquivariantException($"A text of {length} tokens has none that follows another: its loss is not defined.");
        }

        return nn.functional.cross_entropy(
            logits.narrow(1, 0, length - 1).reshape(-1, Config.VocabularySize).to(ScalarType.Float32),
            ids.narrow(1, 1, length - 1).reshape(-1),
            ignore_index: PaddingToken ?? -100).MoveToOuterDisposeScope();
    }

    /// <summary>This model as a module from ids <c>[B, T]</c> to logits <c>[B, T, V]</c>; it shares the weights.</summary>
    /// <returns>A module whose only child this is.</returns>
    public nn.Module<Tensor, Tensor> AsModule() => new IdsToLogits(this);

    /// <inheritdoc/>
    public override Tensor forward(Tensor source, Tensor prefix)
    {
        using DisposeScope scope = NewDisposeScope();
        long length = prefix.shape[^1];
        Tensor hidden = Hidden(cat([source, prefix], 1), Lengths(source), null, source.shape[1]);
        return Score(hidden.narrow(1, hidden.shape[1] - length, length)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override DecoderState Start(Tensor source)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        RequireTokens(source, Tokens.Length(source));
        Gpt2State state = new(Config.Layers, Config.ContextLength, Lengths(source));
        try
        {
            if (source.shape[1] > 0)
            {
                // Padding at the end is seen by nothing before it, and hidden from what follows.
                Run(source, arange(source.shape[1], device: source.device), (layer, keys, values) =>
                {
                    (Tensor allKeys, Tensor allValues) = state.Append(layer, keys, values);
                    return (allKeys, allValues, null, true);
                }, null);
            }

            state.SourceLength = state.Length = source.shape[1];
            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override Tensor Step(DecoderState state, Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        var past = (Gpt2State)state;
        Tensor ids = tokens.unsqueeze(-1);
        RequireTokens(ids, past.Length + 1);
        Tensor? visible = past.Visible(past.Length + 1);
        Tensor hidden = Run(ids, past.NextPosition(ids.device), (layer, keys, values) =>
        {
            (Tensor allKeys, Tensor allValues) = past.Append(layer, keys, values);
            return (allKeys, allValues, visible, false);
        }, null);
        past.Length++;
        return Score(hidden.squeeze(1)).MoveToOuterDisposeScope();
    }

    private static readonly WeightMap s_tied = new(
        Names.Prefixes, [.. Names.Rules.Select(rule => rule.To == "lm_head.weight" ? rule with { To = null } : rule)]);

    private static bool IsGpt2(ITensorFile file) => WeightLoader.Shapes(file, Names, ForeignTypes.Skip).ContainsKey("wte.weight");

    /// <summary>Says which word of the configuration a file's weights contradict, before there is a model of that size.</summary>
    private static void RequireSizes(Gpt2Config sizes, string config, ITensorFile file, LoadOptions options)
    {
        Dictionary<string, long[]> shapes = WeightLoader.Shapes(file, Names, options.Foreign);
        int blocks = shapes.Keys.Where(name => name.StartsWith("h.", StringComparison.Ordinal)).Select(name => name.Split('.')[1]).Distinct().Count();
        if (blocks != sizes.Layers && !(options.AllowMissing && blocks < sizes.Layers))
        {
            throw new EquivariantException(
                $"'{file.Path}' has {blocks} blocks ('h.0' and so on), but '{config}' says n_layer = {sizes.Layers}: they are not of one model.");
        }

        foreach ((string name, string words, long[] expected) in new[]
        {
            ("wte.weight", "vocab_size and n_embd", new long[] { sizes.VocabularySize, sizes.Width }),
            ("wpe.weight", "n_positions and n_embd", new long[] { sizes.ContextLength, sizes.Width }),
            ("h.0.mlp.c_fc.weight", "n_embd and n_inner", new long[] { sizes.Width, sizes.InnerWidth ?? (4 * sizes.Width) }),
        })
        {
            if (shapes.TryGetValue(name, out long[]? found) && !found.SequenceEqual(expected))
            {
                throw new EquivariantException(
                    $"'{file.Path}' has '{name}' as [{string.Join(", ", found)}], but '{config}' says [{string.Join(", ", expected)}] ({words}): "
                    + "they are not of one model.");
            }
        }
    }

    /// <summary>The features of texts whose sources have padding, where lengths are given.</summary>
    private Tensor Hidden(Tensor ids, Tensor? lengths, Observe? observe, long sourceLength = 0)
    {
        RequireTokens(ids, Tokens.Length(ids));
        Tensor column = arange(ids.shape[1], ScalarType.Int64, ids.device);
        if (lengths is null)
        {
            return Run(ids, column, (_, keys, values) => (keys, values, null, true), observe);
        }

        Tensor seen = (column < lengths.unsqueeze(-1)).logical_or(column >= sourceLength);
        Tensor mask = seen.unsqueeze(1).unsqueeze(1).logical_and(column.unsqueeze(0) <= column.unsqueeze(-1));
        Tensor own = column.unsqueeze(0).where(column < sourceLength, column + lengths.unsqueeze(-1) - sourceLength);
        return Run(ids, own, (_, keys, values) => (keys, values, mask, false), observe);
    }

    private Tensor Run(Tensor ids, Tensor positions, Remember remember, Observe? observe)
    {
        Tensor x = wte.call(ids) + wpe.call(positions);
        if (training && Config.EmbeddingDropout > 0)
        {
            x = nn.functional.dropout(x, Config.EmbeddingDropout);
        }

        for (int layer = 0; layer < h.Count; layer++)
        {
            observe?.Invoke($"hidden_states.{layer}", x);
            x = h[layer].Forward(x, remember, observe);
        }

        x = ln_f.call(x);
        observe?.Invoke($"hidden_states.{h.Count}", x);
        return x;
    }

    private Tensor Score(Tensor hidden) => nn.functional.linear(hidden, (lm_head ?? wte).Table);

    /// <summary>The length of every source before its padding; null where none has any.</summary>
    private Tensor? Lengths(Tensor source)
    {
        if (PaddingToken is not long padding || source.shape.Length != 2 || source.shape[1] == 0)
        {
            return null;
        }

        Tensor lengths = (source.ne(padding).to(ScalarType.Int64) * arange(1, source.shape[1] + 1, ScalarType.Int64, source.device)).amax(1);
        return lengths.min().item<long>() == source.shape[1] ? null : lengths;
    }

    private void RequireTokens(Tensor ids, long length) => Tokens.Require(ids, length, Config.ContextLength, Config.VocabularySize);

    private sealed class IdsToLogits : nn.Module<Tensor, Tensor>
    {
        private readonly Gpt2 model;

        public IdsToLogits(Gpt2 gpt2)
            : base(nameof(IdsToLogits))
        {
            model = gpt2;
            RegisterComponents();
        }

        public override Tensor forward(Tensor ids) => model.Logits(ids);
    }
}
