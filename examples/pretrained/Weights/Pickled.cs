using Equivariant.Core.Serialization;

namespace Equivariant.Pretrained.Weights;

/// <summary>Something that a pickle names: a class or function. It is a word here and never anything that runs.</summary>
/// <param name="Module">The module.</param>
/// <param name="Name">The name in it.</param>
internal sealed record PickledName(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>A dictionary, in the order in which it was filled.</summary>
internal sealed class PickledDictionary
{
    public List<KeyValuePair<object?, object?>> Items { get; } = [];
}

/// <summary>A module of TorchScript: a name, and attributes.</summary>
internal sealed class PickledObject
{
    public object? State { get; set; }
}

/// <summary>A run of numbers in the file.</summary>
/// <param name="Type">Their type.</param>
/// <param name="Bytes">Where they are.</param>
/// <param name="Offset">The byte of the first.</param>
internal sealed record PickledStorage(string Type, IStoredBytes Bytes, long Offset = 0);

/// <summary>A view of a storage.</summary>
internal sealed record PickledTensor(PickledStorage Storage, string Type, long Offset, long[] Shape, long[] Strides);
