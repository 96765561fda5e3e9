using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Equivariant.Pretrained;

/// <summary>Finds the native libraries of packages where .NET does not look by itself: in F# Interactive and notebooks.</summary>
internal static class NativeLibraries
{
    private static readonly ConcurrentDictionary<Assembly, byte> s_registered = [];

    /// <summary>Looks for an assembly's native libraries beside it, in its package, and lastly where it is said.</summary>
    /// <param name="assembly">The assembly that needs them.</param>
    /// <param name="otherwise">Gives the path of a library by its name, or null.</param>
    public static void Register(Assembly assembly, Func<string, string?>? otherwise = null)
    {
        if (s_registered.TryAdd(assembly, 0) && AssemblyLoadContext.GetLoadContext(assembly) is { } context)
        {
            context.ResolvingUnmanagedDll += (asking, name) => asking == assembly ? Find(assembly, name, otherwise) : 0;
        }
    }

    /// <summary>Where packages have the native libraries of this system.</summary>
    public static string Folder { get; } = Path.Combine(
        "runtimes",
        $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}",
        "native");

    /// <summary>The file of a library, by the library's name.</summary>
    public static string FileOf(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    private static nint Find(Assembly assembly, string name, Func<string, string?>? otherwise)
    {
        string beside = Path.GetDirectoryName(assembly.Location) ?? AppContext.BaseDirectory;
        // In a package the assembly is two folders down, in lib.
        string[] folders = [beside, Path.Combine(beside, Folder), Path.GetFullPath(Path.Combine(beside, "..", "..", Folder))];
        foreach (string path in folders.SelectMany(folder => new[] { Path.Combine(folder, FileOf(name)), Path.Combine(folder, name) }).Where(File.Exists))
        {
            if (NativeLibrary.TryLoad(path, out nint handle))
            {
                return handle;
            }
        }

        return otherwise?.Invoke(name) is string other && NativeLibrary.TryLoad(other, out nint found) ? found : 0;
    }
}
