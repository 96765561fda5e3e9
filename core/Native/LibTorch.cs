using System.Runtime.InteropServices;
using TorchSharp;

namespace Equivariant.Core.Native;

/// <summary>Finds and loads the native libraries that TorchSharp needs.</summary>
/// <remarks>
/// An ordinary program need not call this: TorchSharp finds what the build put beside it. It serves F# Interactive,
/// whose base folder is the SDK's; those who bring their own libtorch, such as a PyTorch installation's
/// <c>torch/lib</c>, in the environment variable <see cref="FolderVariable"/>; and programs that prefer one sentence
/// to a stack trace when a library is missing.
/// </remarks>
public static class LibTorch
{
    /// <summary>The environment variable that names a folder with an existing libtorch.</summary>
    public const string FolderVariable = "EQUIVARIANT_LIBTORCH";

    /// <summary>In the order in which they need each other; the CUDA ones are there only in a CUDA libtorch.</summary>
    private static readonly string[] s_torchLibraries =
        ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    private static readonly Lock s_lock = new();
    private static bool s_loaded;

    /// <summary>Loads libtorch, once. Call it before anything of TorchSharp where the remarks say so.</summary>
    /// <exception cref="EquivariantException">Something is missing; the message says what and what to do.</exception>
    public static void Load()
    {
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
            s_loaded = true;
        }
    }

    private static void LoadOnLinux()
    {
        string beside = Path.GetDirectoryName(typeof(LibTorch).Assembly.Location) ?? AppContext.BaseDirectory;
        string rid = $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        string[] packaged = [Path.Combine(beside, "runtimes", rid, "native"), beside];

        string? own = Environment.GetEnvironmentVariable(FolderVariable);
        if (!string.IsNullOrEmpty(own) && !File.Exists(Path.Combine(own, "libtorch_cpu.so")))
        {
            throw new EquivariantException(
                $"{FolderVariable} names the folder '{own}', which has no libtorch_cpu.so: name the lib folder of a libtorch 2.10 or PyTorch 2.10 installation, or unset the variable.");
        }

        string? folder = string.IsNullOrEmpty(own) ? packaged.FirstOrDefault(f => File.Exists(Path.Combine(f, "libtorch_cpu.so"))) : own;
        if (folder is not null)
        {
            foreach (string library in s_torchLibraries.Select(name => Path.Combine(folder, name)).Where(File.Exists))
            {
                LoadFile(library);
            }
        }

        // Loaded by its path, its name is known to the loader when TorchSharp asks for it.
        if (packaged.Select(f => Path.Combine(f, "libLibTorchSharp.so")).FirstOrDefault(File.Exists) is { } bridge)
        {
            LoadFile(bridge);
        }
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
                ? "The system's libstdc++ is too old: build on this machine (the build adapts the library to it), or install libstdc++6 of GCC 13 or newer."
                : "Build the project again on this machine, or name the folder of an existing libtorch 2.10 in " + FolderVariable + ".";
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
                $"TorchSharp does not find libtorch ({FirstLine(e.InnerException ?? e)}). Reference the package libtorch-cpu-linux-x64 2.10.0 or TorchSharp-cuda-linux 0.107.0, or name the folder of an existing libtorch 2.10 in {FolderVariable}.");
        }
    }

    private static string FirstLine(Exception e) =>
        e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? e.GetType().Name;
}
