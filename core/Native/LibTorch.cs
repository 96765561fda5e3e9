using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;

namespace Equivariant.Core.Native;

/// <namespacedoc><summary>Finding and loading libtorch on this system.</summary></namespacedoc>
/// <summary>Finds, loads and settles the native libraries that TorchSharp needs.</summary>
/// <remarks>
/// Layers, designs and compiled models call this themselves before they compute anything. Call it first of all in
/// F# Interactive and notebooks, whose base folder is the SDK's, and where a program uses TorchSharp before it uses
/// Equivariant. It finds libtorch beside the program, in NuGet's folder beside TorchSharp, or, for those who bring
/// their own (such as a PyTorch installation's <c>torch/lib</c>), in the environment variable
/// <see cref="FolderVariable"/>; it makes TorchSharp's library load on systems whose libstdc++ is older than GCC 13's;
/// it sees to it that convolutions are right (<see cref="OneDnn"/>); and it keeps garbage collections out of the background, where they
/// free numbers that TorchSharp still computes with.
/// </remarks>
public static class LibTorch
{
    /// <summary>The environment variable that names a folder with an existing libtorch.</summary>
    public const string FolderVariable = "EQUIVARIANT_LIBTORCH";

    /// <summary>The version of libtorch that TorchSharp is made for.</summary>
    public const string Version = "2.10.0";

    /// <summary>In the order in which they need each other; the CUDA ones are there only in a CUDA libtorch.</summary>
    private static readonly string[] s_torchLibraries =
        ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    private static readonly Lock s_lock = new();
    private static volatile bool s_loaded;

    /// <summary>Loads libtorch, once; it costs nothing again.</summary>
    /// <exception cref="EquivariantException">Something is missing; the message says what and what to do.</exception>
    public static void Load()
    {
        if (s_loaded)
        {
            return;
        }

        lock (s_lock)
        {
            if (s_loaded)
            {
                return;
            }

            if (OperatingSystem.IsLinux())
            {
                LoadOnLinux();
            }

            ForceTorchSharp();
            NnPack.Silence();
            OneDnn.Guard();
            Collector.StayInForeground();
            s_loaded = true;
        }
    }

    private static void LoadOnLinux()
    {
        string? own = Environment.GetEnvironmentVariable(FolderVariable);
        if (!string.IsNullOrEmpty(own) && !HasLibTorch(own))
        {
            throw new EquivariantException(
                $"{FolderVariable} names the folder '{own}', which has no libtorch_cpu.so: name the lib folder of a libtorch {Version} or PyTorch {Version} installation, or unset the variable.");
        }

        string[] packaged = [.. PackagedFolders()];
        if ((string.IsNullOrEmpty(own) ? packaged.FirstOrDefault(HasLibTorch) : own) is { } folder)
        {
            foreach (string library in s_torchLibraries.Select(name => Path.Combine(folder, name)).Where(File.Exists))
            {
                LoadFile(library);
            }
        }

        // Loaded by its path, its name is known to the loader when TorchSharp asks for it.
        if (packaged.Select(f => Path.Combine(f, "libLibTorchSharp.so")).FirstOrDefault(File.Exists) is { } bridge)
        {
            LoadBridge(bridge);
        }
    }

    /// <summary>Where the packages' native libraries are: beside a program, or unpacked in NuGet's folder.</summary>
    private static IEnumerable<string> PackagedFolders()
    {
        string native = Path.Combine("runtimes", $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}", "native");
        string beside = Path.GetDirectoryName(typeof(LibTorch).Assembly.Location) ?? AppContext.BaseDirectory;
        yield return Path.Combine(beside, native);
        yield return beside;

        if (Path.GetDirectoryName(typeof(torch).Assembly.Location) is { Length: > 0 } sharp)
        {
            yield return Path.Combine(sharp, native);
            string package = Path.GetFullPath(Path.Combine(sharp, "..", ".."));
            yield return Path.Combine(package, native);
            yield return Path.GetFullPath(Path.Combine(package, "..", "..", "libtorch-cpu-linux-x64", Version, native));
        }
    }

    private static bool HasLibTorch(string folder) => File.Exists(Path.Combine(folder, "libtorch_cpu.so"));

    private static void LoadBridge(string path)
    {
        if (!NativeLibrary.TryLoad(path, out _) && LibStdCxx.IsTooOld())
        {
            byte[] image = File.ReadAllBytes(path);
            if (LibStdCxx.Rewrite(image) is null)
            {
                path = Cached(image);
            }
        }

        LoadFile(path);
    }

    /// <summary>A file with these bytes in the user's own folder of data that can be made again.</summary>
    private static string Cached(byte[] image)
    {
        string data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        string folder = Path.Combine(
            data.Length > 0 ? data : Path.GetTempPath(), "equivariant", Convert.ToHexStringLower(SHA256.HashData(image))[..16]);
        string file = Path.Combine(folder, "libLibTorchSharp.so");
        try
        {
            // Compared, not trusted: in a shared folder somebody else may have been first.
            if (!File.Exists(file) || !File.ReadAllBytes(file).AsSpan().SequenceEqual(image))
            {
                Directory.CreateDirectory(folder);
                string fresh = $"{file}.{Environment.ProcessId}";
                File.WriteAllBytes(fresh, image);
                File.Move(fresh, file, overwrite: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EquivariantException(
                $"The system's libstdc++ is older than GCC 13's, and an adapted copy of TorchSharp's library cannot be written to {folder} ({e.Message}) Make the folder writable, or install libstdc++6 of GCC 13 or newer.");
        }

        return file;
    }

    private static void LoadFile(string path)
    {
        try
        {
            NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            string advice = e.Message.Contains("GLIBCXX", StringComparison.Ordinal)
                ? "The system's libstdc++ is too old for it: install libstdc++6 of GCC 13 or newer."
                : $"Build the project again on this machine, or name the folder of an existing libtorch {Version} in {FolderVariable}.";
            throw new EquivariantException($"{Path.GetFileName(path)} does not load ({FirstLine(e)}). {advice}");
        }
    }

    private static void ForceTorchSharp()
    {
        try
        {
            using torch.Tensor probe = torch.zeros(1);
        }
        catch (Exception e) when (e is TypeInitializationException or NotSupportedException or DllNotFoundException)
        {
            throw new EquivariantException(
                $"TorchSharp does not find libtorch ({FirstLine(e.InnerException ?? e)}). Reference the package libtorch-cpu-linux-x64 {Version} or TorchSharp-cuda-linux 0.107.0, or name the folder of an existing libtorch {Version} in {FolderVariable}.");
        }
    }

    private static string FirstLine(Exception e) =>
        e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? e.GetType().Name;
}
