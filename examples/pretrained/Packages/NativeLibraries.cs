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

    private static nint Find(Assembly assembly, string name, Func<string, string?>? otherwise)
    {
        string folder = Path.GetDirectoryName(assembly.Location) ?? AppContext.BaseDirectory;
        string native = Path.Combine("runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        string portable = Path.Combine("runtimes", $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}", "native");
        IEnumerable<string> folders = [folder, Path.Combine(folder, native), Path.Combine(folder, portable), Path.GetFullPath(Path.Combine(folder, "..", "..", portable))];
        foreach (string path in folders.SelectMany(place => Names(name).Select(file => Path.Combine(place, file))).Where(File.Exists))
        {
            if (NativeLibrary.TryLoad(path, out nint handle))
            {
                return handle;
            }
        }

        return otherwise?.Invoke(name) is string other && NativeLibrary.TryLoad(other, out nint found) ? found : 0;
    }

    private static string[] Names(string name) => OperatingSystem.IsWindows() ? [$"{name}.dll"]
        : OperatingSystem.IsMacOS() ? [$"lib{name}.dylib", $"{name}.dylib"]
        : [$"lib{name}.so", $"{name}.so"];
}
