namespace Equivariant.Core.Serialization;

/// <summary>A file of named tensors, listed without being read.</summary>
public interface ITensorFile : IDisposable
{
    /// <summary>The file, or the folder of several.</summary>
    string Path { get; }

    /// <summary>The tensors by name.</summary>
    IReadOnlyDictionary<string, StoredTensor> Tensors { get; }
}
