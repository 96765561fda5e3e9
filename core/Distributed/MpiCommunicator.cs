using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <summary>Ranks that talk through MPI.</summary>
/// <remarks>
/// Contiguous tensors of float32, float64 and int64 on the CPU are read and written where they are. Half precision,
/// for which MPI has no type, is added in float32; other layouts and GPUs' tensors go through a copy on the host.
/// </remarks>
internal sealed class MpiCommunicator(MpiLibrary mpi, nint communicator) : ICommunicator
{
    /// <summary>The most elements of one message: MPI counts them in 32 bits, and so does a span its bytes.</summary>
    private const long MostElements = 1 << 27;

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

        switch (tensor.dtype)
        {
            case ScalarType.Float32:
                OnHost(tensor, part => mpi.Sum(part.bytes, (int)part.numel(), mpi.Float, communicator));
                break;
            case ScalarType.Float64:
                OnHost(tensor, part => mpi.Sum(part.bytes, (int)part.numel(), mpi.Double, communicator));
                break;
            case ScalarType.Int64:
                OnHost(tensor, part => mpi.Sum(part.bytes, (int)part.numel(), mpi.Int64, communicator));
                break;
            case ScalarType.BFloat16 or ScalarType.Float16:
                Tensor wide = tensor.to(ScalarType.Float32);
                Sum(wide);
                tensor.copy_(wide);
                break;
            default:
                throw new EquivariantException(
                    $"There are no sums of {tensor.dtype} over ranks: convert the tensor to Int64, or to a floating point type.");
        }
    }

    public void Broadcast(Tensor tensor, int from)
    {
        using DisposeScope scope = NewDisposeScope();
        OnHost(tensor, part => mpi.Broadcast(part.bytes, from, communicator));
    }

    public void Barrier() => mpi.Barrier(communicator);

    public ICommunicator Split(int colour) => new MpiCommunicator(mpi, mpi.Split(communicator, colour, Rank));

    public void Abort(int code) => mpi.Abort(code);

    /// <summary>Does something in place with a tensor's memory, message by message.</summary>
    private static void OnHost(Tensor tensor, Action<Tensor> work)
    {
        if (tensor.device_type != DeviceType.CPU || !tensor.is_contiguous())
        {
            Tensor copy = tensor.cpu().contiguous();
            OnHost(copy, work);
            tensor.copy_(copy);
            return;
        }

        Tensor flat = tensor.view(-1);
        for (long from = 0; from < flat.numel(); from += MostElements)
        {
            work(flat.narrow(0, from, Math.Min(MostElements, flat.numel() - from)));
        }
    }
}
