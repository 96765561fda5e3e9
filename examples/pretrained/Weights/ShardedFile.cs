using System.Text.Json;
using Equivariant.Core;
using Equivariant.Core.Serialization;

namespace Equivariant.Pretrained.Weights;

/// <summary>Several files that an index joins: <c>model.safetensors.index.json</c>, or <c>pytorch_model.bin.index.json</c>.</summary>
public sealed class ShardedFile : ITensorFile
{
    private readonly Dictionary<string, ITensorFile> _shards = [];
    private readonly Dictionary<string, StoredTensor> _tensors = [];

    /// <summary>Opens an index and the files that it names.</summary>
    /// <param name="path">The index.</param>
    /// <exception cref="EquivariantException">A file is not there, or lacks a tensor that the index says it has; the message names both.</exception>
    public ShardedFile(string path)
    {
        Path = path;
        try
        {
            foreach ((string name, string file) in ReadIndex(path))
            {
                if (!_shards.TryGetValue(file, out ITensorFile? shard))
                {
                    _shards.Add(file, shard = Open(file));
                }

                if (!shard.Tensors.TryGetValue(name, out StoredTensor? tensor))
                {
                    throw new EquivariantException($"'{path}' says that '{file}' has the tensor '{name}', and it has not: the files are not of one model.");
                }

                _tensors.Add(name, tensor);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ITensorFile shard in _shards.Values)
        {
            shard.Dispose();
        }
    }

    private ITensorFile Open(string file)
    {
        // A shard lies beside its index: an index may not reach into other folders.
        if (file.Length == 0 || System.IO.Path.GetFileName(file) != file)
        {
            throw new EquivariantException($"'{Path}' names the file '{file}', which is not a plain name of a file beside it.");
        }

        string shard = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path) ?? "", file);
        return File.Exists(shard)
            ? WeightFiles.Open(shard)
            : throw new EquivariantException($"'{Path}' names the file '{file}', which is not there: download it into the same folder.");
    }

    private static Dictionary<string, string> ReadIndex(string path)
    {
        JsonElement root = JsonConfig.Read(path).Root;
        if (!root.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new EquivariantException($"'{path}' is no index of weights: it has no 'weight_map'.");
        }

        return map.EnumerateObject().ToDictionary(
            entry => entry.Name,
            entry => entry.Value.ValueKind == JsonValueKind.String
                ? entry.Value.GetString()!
                : throw new EquivariantException($"'{path}' names no file for the tensor '{entry.Name}'."));
    }
}
