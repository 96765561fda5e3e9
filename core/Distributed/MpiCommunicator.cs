using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <summary>Ranks that talk through MPI.</summary>
/// <remarks>
/// Contiguous tensors of float32, float64 and int64 on the CPU are read and written where they are, and those on a GPU if
/// the MPI is CUDA-aware; else these go through pinned memory of the host. Half precision, for which MPI has no type, is
/// added in float32; other layouts go through a copy.
/// </remarks>
internal sealed class MpiCommunicator(MpiLibrary mpi, nint communicator) : ICommunicator
{
    /// <summary>The most bytes of one message, which MPI counts in 32 bits.</summary>
    private const long MostBytes = 1 << 30;

    private readonly bool _isCudaAware = mpi.IsCudaAware;

    public int Rank { get; } = mpi.RankIn(communicator);

    public int Count { get; } = mpi.SizeOf(communicator);

    public void Sum(Tensor tensor)
    {
        using DisposeScope scope = NewDisposeScope();
        if (tensor.is_complex())
        {
            Sum(tensor.view_as_real());
            return;
        }

        if (tensor.dtype is ScalarType.BFloat16 or ScalarType.Float16)
        {
            Tensor wide = tensor.to(ScalarType.Float32);
            Sum(wide);
            tensor.copy_(wide);
            return;
        }

        nint type = tensor.dtype switch
        {
            ScalarType.Float32 => mpi.Float,
            ScalarType.Float64 => mpi.Double,
            ScalarType.Int64 => mpi.Int64,
            _ => throw new EquivariantException(
                $"There are no sums of {tensor.dtype} over ranks: convert the tensor to Int64, or to a floating point type."),
        };
        InPlace(tensor, (start, count) => mpi.Sum(start, count, type, communicator));
    }

    public void Broadcast(Tensor tensor, int from)
    {
        using DisposeScope scope = NewDisposeScope();
        int size = (int)tensor.element_size();
        InPlace(tensor, (start, count) => mpi.Broadcast(start, count * size, from, communicator));
    }

    public void Barrier() => mpi.Barrier(communicator);

    public ICommunicator Split(int colour) => new MpiCommunicator(mpi, mpi.Split(communicator, colour, Rank));

    public void Abort(int code) => mpi.Abort(code);

    /// <summary>Does something in place with a tensor's memory, message by message: with an address, and how many elements are there.</summary>
    private void InPlace(Tensor tensor, Action<nint, int> work)
    {
        bool isOnHost = tensor.device_type == DeviceType.CPU;
        if (!tensor.is_contiguous() || (!isOnHost && !_isCudaAware))
        {
            Tensor copy = isOnHost || _isCudaAware ? tensor.contiguous() : Pinned(tensor);
            InPlace(copy, work);
            tensor.copy_(copy);
            return;
        }

        if (!isOnHost)
        {
            // What is still under way there would be read half done.
            cuda.synchronize(tensor.device);
        }

        long size = tensor.element_size();
        nint start = TensorMemory.Address(tensor);
        for (long from = 0; from < tensor.numel(); from += MostBytes / size)
        {
            work(start + (nint)(from * size), (int)Math.Min(MostBytes / size, tensor.numel() - from));
        }

        GC.KeepAlive(tensor);
    }

    /// <summary>A copy on the host, in memory that a GPU reads and writes at full speed.</summary>
    private static Tensor Pinned(Tensor tensor) => empty(tensor.shape, tensor.dtype).pin_memory().copy_(tensor);
}
