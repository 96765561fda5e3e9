using System.Globalization;
using System.Text.Json;
using Equivariant.Core;
using Equivariant.Pretrained.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Pretrained;

/// <summary>A text classifier in ONNX, in the folder that Hugging Face's exporter writes.</summary>
public sealed class SentenceClassifier : IDisposable
{
    private readonly SentenceTokens _tokens;

    /// <summary>Joins a model, its vocabulary and the names of its classes.</summary>
    /// <param name="model">A model from <c>input_ids</c>, <c>attention_mask</c> and maybe <c>token_type_ids</c> to scores of classes; disposed with this.</param>
    /// <param name="vocabulary">WordPiece's <c>vocab.txt</c>.</param>
    /// <param name="labels">The classes, in the order of the scores.</param>
    /// <param name="contextLength">The most tokens of a sentence; longer ones are cut.</param>
    public SentenceClassifier(OnnxModel model, Stream vocabulary, IReadOnlyList<string> labels, int contextLength = 128) =>
        (Model, _tokens, Labels) = (model, new SentenceTokens(vocabulary, contextLength), labels);

    /// <summary>The model.</summary>
    public OnnxModel Model { get; }

    /// <summary>The classes, in the order of the scores.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Loads a classifier.</summary>
    /// <param name="folder">A folder with <c>model.onnx</c>, <c>vocab.txt</c>, and <c>config.json</c>, whose <c>id2label</c> names the classes.</param>
    /// <returns>The classifier.</returns>
    /// <exception cref="EquivariantException">A file is missing or is not what it should be; the message names it.</exception>
    public static SentenceClassifier Load(string folder)
    {
        string File(string name) => System.IO.File.Exists(Path.Combine(folder, name))
            ? Path.Combine(folder, name)
            : throw new EquivariantException($"There is no {name} in '{folder}': a classifier is a folder with model.onnx, vocab.txt and config.json.");

        (string model, string vocabulary, string config) = (File("model.onnx"), File("vocab.txt"), File("config.json"));
        JsonConfig names = JsonConfig.Read(config).Section("id2label")
            ?? throw new EquivariantException($"'{config}' has no id2label, which names the classes.");
        Dictionary<string, string> byNumber = names.Root.EnumerateObject().ToDictionary(
            name => name.Name, name => name.Value.ValueKind == JsonValueKind.String ? name.Value.GetString()! : name.Value.GetRawText());
        string[] labels = [.. Enumerable.Range(0, byNumber.Count).Select(i => byNumber.TryGetValue(i.ToString(CultureInfo.InvariantCulture), out string? label)
            ? label
            : throw new EquivariantException($"The id2label of '{config}' has {byNumber.Count} classes, but none with the number {i}."))];
        using Stream words = System.IO.File.OpenRead(vocabulary);
        return new(OnnxModel.Load(model), words, labels);
    }

    /// <summary>Scores the classes of sentences.</summary>
    /// <param name="sentences">The sentences.</param>
    /// <returns>Scores <c>[sentences, classes]</c>, as the model gives them.</returns>
    /// <exception cref="EquivariantException">There are no sentences, or the model does not score as many classes as there are labels.</exception>
    public Tensor Scores(IReadOnlyList<string> sentences)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor scores, _) = _tokens.Run(Model, sentences);
        return scores.dim() == 2 && scores.shape[1] == Labels.Count
            ? scores.MoveToOuterDisposeScope()
            : throw new EquivariantException(
                $"The classifier gives scores [{string.Join(", ", scores.shape)}] of {sentences.Count} sentences, but has {Labels.Count} classes: {string.Join(", ", Labels)}.");
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
