namespace Equivariant.Pretrained.Weights;

/// <namespacedoc><summary>Weights from the files that people have: safetensors, PyTorch archives, folders as Hugging Face lays them out.</summary></namespacedoc>
/// <summary>What to do with a tensor whose type torch lacks: unsigned numbers, floats of eight bits.</summary>
public enum ForeignTypes
{
    /// <summary>Refuse to load it.</summary>
    Refuse,

    /// <summary>Leave it out, as if it were not in the file.</summary>
    Skip,

    /// <summary>Convert it to the module's type.</summary>
    Convert,
}

/// <summary>How strictly a file has to fit a module.</summary>
/// <param name="AllowMissing">Whether the module may have tensors that the file lacks; they stay as they are.</param>
/// <param name="AllowLeftOver">Whether the file may have tensors that the module has no place for.</param>
/// <param name="Foreign">What to do with types that torch lacks.</param>
public sealed record LoadOptions(bool AllowMissing = false, bool AllowLeftOver = false, ForeignTypes Foreign = ForeignTypes.Refuse)
{
    /// <summary>Every tensor has its counterpart.</summary>
    public static LoadOptions Strict { get; } = new();

    /// <summary>The module gets all its tensors; what else is in the file does not matter.</summary>
    public static LoadOptions Complete { get; } = new(AllowLeftOver: true);

    /// <summary>Whatever fits by name is loaded.</summary>
    public static LoadOptions Partial { get; } = new(AllowMissing: true, AllowLeftOver: true);
}

/// <summary>What was loaded, and what was not.</summary>
/// <param name="Loaded">The module's tensors that now have the file's values.</param>
/// <param name="Missing">The module's tensors that the file lacks, in whole or in part.</param>
/// <param name="LeftOver">The file's tensors that the module has no place for.</param>
/// <param name="Ignored">The file's tensors that the map says are of no use.</param>
/// <param name="Skipped">The file's tensors whose type torch lacks, left out by request.</param>
public sealed record LoadReport(
    IReadOnlyList<string> Loaded,
    IReadOnlyList<string> Missing,
    IReadOnlyList<string> LeftOver,
    IReadOnlyList<string> Ignored,
    IReadOnlyList<string> Skipped);
