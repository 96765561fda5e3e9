using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <summary>
/// What carries messages between ranks, and all that <see cref="Ranks"/> needs of it. Every method but
/// <see cref="Abort"/> is collective: all ranks call it, in one order, with tensors of one shape.
/// </summary>
internal interface ICommunicator
{
    /// <summary>This process's number, from 0.</summary>
    int Rank { get; }

    /// <summary>How many processes there are.</summary>
    int Count { get; }

    /// <summary>Replaces a tensor of floating point numbers or of Int64 by its sum over all ranks.</summary>
    void Sum(Tensor tensor);

    /// <summary>Replaces a tensor of any type by that of one rank.</summary>
    void Broadcast(Tensor tensor, int from);

    /// <summary>Waits for all ranks.</summary>
    void Barrier();

    /// <summary>The ranks that give one colour, in their order.</summary>
    ICommunicator Split(int colour);

    /// <summary>Ends the processes of all ranks, whatever they are doing.</summary>
    /// <param name="code">The exit code, not 0.</param>
    void Abort(int code);
}
