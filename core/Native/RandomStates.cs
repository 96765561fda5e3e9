using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Native;

/// <summary>The states of libtorch's default random generators, of the CPU and of every GPU.</summary>
internal static class RandomStates
{
    /// <summary>Held for good: a generator that the collector takes while libtorch reads it is a crash.</summary>
    private static readonly Generator s_cpu = Generator.Default;

    private static readonly ConcurrentDictionary<int, Generator?> s_gpus = new();

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate nint GeneratorOfGpu(sbyte index);

    /// <summary>Reads a device's state.</summary>
    /// <returns>A tensor on the CPU, owned by the caller; null where the device has no generator that can be read.</returns>
    public static Tensor? Get(Device device) => GeneratorOf(device)?.get_state();

    /// <summary>Sets a device's state to one that <see cref="Get"/> has read.</summary>
    public static void Set(Device device, Tensor state) => GeneratorOf(device)?.set_state(state);

    /// <summary>Starts a device's generator anew.</summary>
    public static void Seed(Device device, long seed) => GeneratorOf(device)?.manual_seed(seed);

    private static Generator? GeneratorOf(Device device) => device.type switch
    {
        DeviceType.CPU => s_cpu,
        DeviceType.CUDA => s_gpus.GetOrAdd(device.index, Find),
        _ => null,
    };

    /// <summary>TorchSharp has the CPU's generator only; libtorch gives a GPU's by this function.</summary>
    private static Generator? Find(int index)
    {
        if (!NativeLibrary.TryLoad("libtorch_cuda.so", out nint torch)
            || !NativeLibrary.TryGetExport(torch, "_ZN2at4cuda6detail23getDefaultCUDAGeneratorEa", out nint function))
        {
            return null;
        }

        Generator generator = Wrap(Marshal.GetDelegateForFunctionPointer<GeneratorOfGpu>(function)((sbyte)index));
        // It is libtorch's own and must not be freed.
        GC.SuppressFinalize(generator);
        return generator;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern Generator Wrap(nint handle);
}
