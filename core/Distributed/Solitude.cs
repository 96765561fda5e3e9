using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <summary>A process without others: it is the sum of itself.</summary>
internal sealed class Solitude : ICommunicator
{
    public int Rank => 0;

    public int Count => 1;

    public void Sum(Tensor tensor)
    {
    }

    public void Broadcast(Tensor tensor, int from)
    {
    }

    public void Barrier()
    {
    }

    public ICommunicator Split(int colour) => this;

    public void Abort(int code) => Environment.Exit(code);
}
