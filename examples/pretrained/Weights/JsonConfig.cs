using System.Text.Json;
using Equivariant.Core;

namespace Equivariant.Pretrained.Weights;

/// <summary>A JSON file of settings; what is wrong in it is a sentence with the file and the word.</summary>
internal sealed class JsonConfig
{
    private const long MostBytes = 1 << 28;
    private readonly string _path;
    private readonly string _within;

    private JsonConfig(string path, string within, JsonElement root) => (_path, _within, Root) = (path, within, root);

    public JsonElement Root { get; }

    /// <summary>Reads a file that has to hold an object.</summary>
    public static JsonConfig Read(string path)
    {
        try
        {
            FileInfo file = new(path);
            if (file.Length > MostBytes)
            {
                throw new EquivariantException($"'{path}' has {file.Length} bytes, which is no file of settings.");
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new(path, "", document.RootElement.Clone())
                : throw new EquivariantException($"'{path}' holds no JSON object.");
        }
        catch (JsonException error)
        {
            throw new EquivariantException($"'{path}' is not JSON: {error.Message.TrimEnd('.')}.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EquivariantException($"'{path}' can't be read: {error.Message.TrimEnd('.')}.");
        }
    }

    /// <summary>An object inside, or null.</summary>
    public JsonConfig? Section(string name) =>
        Root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Object ? new(_path, $"{_within}{name}.", value) : null;

    public bool Has(string name) => Root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    public int Count(string name, int otherwise) => OptionalCount(name) ?? otherwise;

    /// <summary>A positive whole number, or null where there is none.</summary>
    public int? OptionalCount(string name) => !Has(name) ? null
        : Root.GetProperty(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out int number) && number > 0 ? number
        : throw Wrong(name, "a positive whole number");

    public long? OptionalToken(string name) => !Has(name) ? null
        : Root.GetProperty(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out long number) && number >= 0 ? number
        : throw Wrong(name, "a token's number");

    public double Number(string name, double otherwise) => !Has(name) ? otherwise
        : Root.GetProperty(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetDouble(out double number) && double.IsFinite(number) && number >= 0 ? number
        : throw Wrong(name, "a number");

    public bool Flag(string name, bool otherwise) => !Has(name) ? otherwise
        : Root.GetProperty(name) is { ValueKind: JsonValueKind.True or JsonValueKind.False } value ? value.GetBoolean()
        : throw Wrong(name, "true or false");

    public string Word(string name, string otherwise) => !Has(name) ? otherwise
        : Root.GetProperty(name) is { ValueKind: JsonValueKind.String } value ? value.GetString()!
        : throw Wrong(name, "a word");

    /// <summary>What is wrong with a setting.</summary>
    public EquivariantException Wrong(string name, string expected)
    {
        string found = Root.TryGetProperty(name, out JsonElement value) ? value.GetRawText() : "nothing";
        return new EquivariantException($"'{_path}' has {_within}{name} = {(found.Length > 60 ? found[..60] + "…" : found)}, where {expected} is expected.");
    }
}
