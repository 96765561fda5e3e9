namespace Equivariant.Core.Serialization;

/// <summary>Files that are replaced as a whole or not at all.</summary>
/// <remarks>
/// What is written goes to a new file beside the old one, reaches the disk, and takes its name in one step. Where anything
/// fails, the old file stays and the new one goes. A symbolic link stays a link, and what it leads to is replaced; access rights
/// stay.
/// </remarks>
public static class AtomicFile
{
    /// <summary>Replaces a file by what is written.</summary>
    /// <param name="path">The file, which need not exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">The file can't be written; what was there stays.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        string target = new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        string temporary = $"{target}.{Guid.NewGuid():N}.part";
        try
        {
            using (FileStream file = new(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            if (!OperatingSystem.IsWindows() && File.Exists(target))
            {
                File.SetUnixFileMode(temporary, File.GetUnixFileMode(target));
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
