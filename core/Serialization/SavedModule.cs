using static TorchSharp.torch;

namespace Equivariant.Core.Serialization;

/// <summary>A module that TorchSharp's <c>load</c> leaves as it was where the file is not its own, and says why.</summary>
/// <typeparam name="TInput">What it takes.</typeparam>
/// <typeparam name="TResult">What it gives.</typeparam>
/// <remarks>Files that others read too are those of <see cref="Safetensors"/>.</remarks>
public abstract class SavedModule<TInput, TResult> : nn.Module<TInput, TResult>
{
    /// <summary>Names the module.</summary>
    /// <param name="name">The name in messages.</param>
    protected SavedModule(string name)
        : base(name)
    {
    }

    /// <inheritdoc/>
    /// <exception cref="EquivariantException">The file was saved from another network, or is damaged; the module is as it was.</exception>
    public override nn.Module load(
        BinaryReader reader, bool strict = true, IList<string>? skip = null, Dictionary<string, bool>? loadedParameters = null) =>
        SavedState.Guard(this, () => base.load(reader, strict, skip, loadedParameters));
}
