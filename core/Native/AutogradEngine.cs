using System.Runtime.InteropServices;

namespace Equivariant.Core.Native;

/// <summary>What libtorch's autograd engine knows and TorchSharp does not tell.</summary>
internal static class AutogradEngine
{
    private static readonly Func<bool>? s_isCheckpointValid = Find();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate nint Getter();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate byte Question(nint engine);

    /// <summary>Whether the engine can be asked: libtorch's names are those of Linux and macOS.</summary>
    public static bool Answers => s_isCheckpointValid is not null;

    /// <summary>
    /// Whether the backward pass in which this is asked goes to all leaves and adds to their <c>.grad</c>, as
    /// <c>backward()</c> does, rather than to chosen tensors, as <c>autograd.grad</c> does. False where the engine
    /// can't be asked.
    /// </summary>
    public static bool ReachesAllLeaves => s_isCheckpointValid is { } ask && ask();

    /// <summary>PyTorch's own checkpoints ask the same function; its answer is about the calling thread.</summary>
    private static Func<bool>? Find()
    {
        string library = OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so";
        if (!NativeLibrary.TryLoad(library, out nint torch)
            || !NativeLibrary.TryGetExport(torch, "_ZN5torch8autograd6Engine18get_default_engineEv", out nint getter)
            || !NativeLibrary.TryGetExport(torch, "_ZN5torch8autograd6Engine19is_checkpoint_validEv", out nint question))
        {
            return null;
        }

        var engine = Marshal.GetDelegateForFunctionPointer<Getter>(getter);
        var isValid = Marshal.GetDelegateForFunctionPointer<Question>(question);
        return () => isValid(engine()) != 0;
    }
}
