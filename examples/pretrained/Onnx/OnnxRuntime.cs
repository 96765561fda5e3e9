using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Equivariant.Core;
using Equivariant.Core.Native;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Equivariant.Pretrained;

/// <summary>Tensors of torch as values of ONNX Runtime and back, on the CPU without copying a number.</summary>
internal static unsafe class OnnxRuntime
{
    private static readonly NuGetPackage s_native = new("Microsoft.ML.OnnxRuntime", "1.31.1", 152, "MIT");

    /// <summary>Values whose memory a tensor has, by its address.</summary>
    private static readonly ConcurrentDictionary<nint, OrtValue> s_lent = [];

    /// <summary>The types that both know.</summary>
    private static readonly (TensorElementType Theirs, ScalarType Ours)[] s_types =
    [
        (TensorElementType.Float, ScalarType.Float32), (TensorElementType.Double, ScalarType.Float64),
        (TensorElementType.Float16, ScalarType.Float16), (TensorElementType.BFloat16, ScalarType.BFloat16),
        (TensorElementType.Int64, ScalarType.Int64), (TensorElementType.Int32, ScalarType.Int32), (TensorElementType.Int16, ScalarType.Int16),
        (TensorElementType.Int8, ScalarType.Int8), (TensorElementType.UInt8, ScalarType.Byte), (TensorElementType.Bool, ScalarType.Bool),
    ];

    /// <summary>Finds the native library: that of a package which the program references, or else one that is fetched.</summary>
    public static void Load()
    {
        LibTorch.Load();
        NativeLibraries.Register(typeof(OrtEnv).Assembly, name => name == "onnxruntime" ? s_native.Fetch(Path.Combine(NativeLibraries.Folder, NativeLibraries.FileOf(name))) : null);
    }

    /// <summary>Torch's type for theirs.</summary>
    public static ScalarType? TypeOf(TensorElementType type) =>
        s_types.Where(pair => pair.Theirs == type).Select(pair => (ScalarType?)pair.Ours).FirstOrDefault();

    /// <summary>A value over a tensor's memory, which has to outlive it. The tensor is contiguous and on the CPU.</summary>
    public static OrtValue Borrow(Tensor tensor)
    {
        TensorElementType type = s_types.First(pair => pair.Ours == tensor.dtype).Theirs;
        return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, tensor.shape, Address(tensor), tensor.numel() * tensor.ElementSize);
    }

    /// <summary>A tensor over a value's memory, which goes with the tensor.</summary>
    public static Tensor Adopt(OrtValue value, string name)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        ScalarType type = TypeOf(info.ElementDataType)
            ?? throw new EquivariantException($"The output '{name}' has the type {info.ElementDataType}, which torch lacks.");
        long[] shape = info.Shape;
        if (info.ElementCount == 0)
        {
            value.Dispose();
            return empty(shape, type);
        }

        nint address = (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(value.GetTensorMutableRawData()));
        s_lent[address] = value;
        fixed (long* lengths = shape)
        {
            nint handle = THSTensor_new(address, &Release, lengths, shape.Length, (sbyte)type, (sbyte)type, 0, 0, false);
            return Tensor.UnsafeCreateTensor(handle);
        }
    }

    /// <summary>The address of a tensor's first number.</summary>
    public static nint Address(Tensor tensor) => THSTensor_data(tensor.Handle);

    [UnmanagedCallersOnly]
    private static void Release(nint address)
    {
        if (s_lent.TryRemove(address, out OrtValue? value))
        {
            value.Dispose();
        }
    }

    // TorchSharp has no public way to make a tensor over memory that is not an array's.
    [DllImport("LibTorchSharp")]
    private static extern nint THSTensor_new(
        nint data,
        delegate* unmanaged<nint, void> deleter,
        long* sizes,
        int count,
        sbyte type,
        sbyte dtype,
        int deviceType,
        int deviceIndex,
        [MarshalAs(UnmanagedType.U1)] bool requiresGrad);

    [DllImport("LibTorchSharp")]
    private static extern nint THSTensor_data(nint tensor);
}
