using Equivariant.Core;
using Equivariant.Core.Serialization;

namespace Equivariant.Pretrained.Weights;

/// <summary>Opens the files of weights that people have, whatever their kind.</summary>
public static class WeightFiles
{
    private const string Index = ".index.json";

    /// <summary>The names that Hugging Face gives them, the preferred first.</summary>
    private static readonly string[] s_usual =
        ["model.safetensors", "model.safetensors" + Index, "pytorch_model.bin", "pytorch_model.bin" + Index];

    private static readonly string[] s_endings = [".safetensors", ".bin", ".pt", ".pth"];

    /// <summary>Opens a file, or the weights in a folder.</summary>
    /// <param name="path">
    /// A safetensors file, a file of torch's (<c>pytorch_model.bin</c>, a checkpoint, a TorchScript archive), an index of
    /// several, or a folder with one of them; told apart by what they hold, not by their names.
    /// </param>
    /// <returns>The tensors, listed and not yet read.</returns>
    /// <exception cref="EquivariantException">There is no such file, or it is damaged; the message names it.</exception>
    public static ITensorFile Open(string path)
    {
        if (Directory.Exists(path))
        {
            return OpenFolder(path, _ => true);
        }

        if (path.EndsWith(Index, StringComparison.Ordinal))
        {
            return new ShardedFile(path);
        }

        return StartsLikeTorch(path) ? new TorchFile(path) : new SafetensorsFile(path);
    }

    /// <summary>Opens the weights in a folder: the usual file, or the only one that will do.</summary>
    internal static ITensorFile OpenFolder(string folder, Func<ITensorFile, bool> willDo)
    {
        foreach (string usual in s_usual.Select(name => Path.Combine(folder, name)).Where(File.Exists))
        {
            return Open(usual);
        }

        string[] files = [.. Directory.GetFiles(folder).Where(file => s_endings.Contains(Path.GetExtension(file))).Order(StringComparer.Ordinal)];
        ITensorFile[] found = [.. files.Select(file => OpenIf(file, willDo)).OfType<ITensorFile>()];
        if (found is [ITensorFile only])
        {
            return only;
        }

        Array.ForEach(found, file => file.Dispose());
        throw new EquivariantException(found.Length == 0
            ? $"The folder '{folder}' has no weights of this model: {string.Join(", ", s_usual)} are looked for."
            : $"The folder '{folder}' has several files of weights: name one of {string.Join(", ", found.Select(file => $"'{Path.GetFileName(file.Path)}'"))}.");
    }

    private static ITensorFile? OpenIf(string path, Func<ITensorFile, bool> willDo)
    {
        ITensorFile file = Open(path);
        if (willDo(file))
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    private static bool StartsLikeTorch(string path)
    {
        using MappedFile file = new(path);
        Span<byte> start = stackalloc byte[2];
        if (file.Length < start.Length)
        {
            return false;
        }

        file.Read(0, start);
        // A zip archive, or a pickle; a safetensors file starts with the length of its header, of less than 2⁴⁰ bytes.
        return ZipDirectory.IsZip(file) || start[0] == 0x80 && start[1] is >= 2 and <= 5 && !LooksLikeSafetensors(file);
    }

    private static bool LooksLikeSafetensors(MappedFile file)
    {
        Span<byte> start = stackalloc byte[9];
        if (file.Length < start.Length)
        {
            return false;
        }

        file.Read(0, start);
        return start[8] == '{';
    }
}
