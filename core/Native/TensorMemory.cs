using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Equivariant.Core.Native;

/// <summary>Where tensors lie, on the CPU or on a GPU: TorchSharp shows the CPU's only, as spans.</summary>
internal static unsafe class TensorMemory
{
    private static readonly Lazy<nint> s_data = new(() =>
        NativeLibrary.GetExport(NativeLibrary.Load("libLibTorchSharp.so"), "THSTensor_data"));

    /// <summary>The address of a tensor's first element, which is good as long as the tensor lives.</summary>
    public static nint Address(Tensor tensor)
    {
        nint address = ((delegate* unmanaged<nint, nint>)s_data.Value)(tensor.Handle);
        GC.KeepAlive(tensor);
        return address;
    }
}
