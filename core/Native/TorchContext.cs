using System.Runtime.InteropServices;

namespace Equivariant.Core.Native;

/// <summary>The switches of libtorch's global context (<c>at::Context</c>) that TorchSharp does not show.</summary>
/// <remarks>Found by their names in libtorch_cpu, which exports them; where it does not, they are left alone.</remarks>
internal static unsafe class TorchContext
{
    /// <summary>Whether libtorch uses oneDNN on the CPU.</summary>
    public static bool UsesOneDnn => Find("_ZNK2at7Context17userEnabledMkldnnEv") is not 0 and var read
        && ((delegate* unmanaged<nint, byte>)read)(Context()) != 0;

    /// <summary>Says whether libtorch is to use oneDNN; false where it cannot be told.</summary>
    public static bool TrySetOneDnn(bool use) => TrySet("_ZN2at7Context20setUserEnabledMkldnnEb", use);

    /// <summary>Says whether libtorch is to use NNPACK; false where it cannot be told.</summary>
    public static bool TrySetNnPack(bool use) => TrySet("_ZN2at7Context20setUserEnabledNNPACKEb", use);

    /// <summary>Whether NNPACK works on this processor, or null where libtorch does not say.</summary>
    public static bool? HasNnPack() => Find("_ZN2at6native17_nnpack_availableEv") is not 0 and var read
        ? ((delegate* unmanaged<byte>)read)() != 0
        : null;

    /// <summary>The least severity of what libtorch writes to stderr (1 warnings, 2 errors); null where it cannot be told.</summary>
    public static int? LogLevel
    {
        get => Find("FLAGS_caffe2_log_level", "libc10.so") is not 0 and var level ? *(int*)level : null;
        set
        {
            if (value is int least && Find("FLAGS_caffe2_log_level", "libc10.so") is not 0 and var level)
            {
                *(int*)level = least;
            }
        }
    }

    private static bool TrySet(string name, bool value)
    {
        nint set = Find(name);
        if (set == 0)
        {
            return false;
        }

        ((delegate* unmanaged<nint, byte, void>)set)(Context(), value ? (byte)1 : (byte)0);
        return true;
    }

    private static nint Context() => ((delegate* unmanaged<nint>)Find("_ZN2at13globalContextEv"))();

    // Already loaded by then, and known to the loader by its name alone.
    private static nint Find(string symbol, string library = "libtorch_cpu.so") =>
        NativeLibrary.TryLoad(library, out nint handle) && NativeLibrary.TryGetExport(handle, symbol, out nint address) ? address : 0;
}
