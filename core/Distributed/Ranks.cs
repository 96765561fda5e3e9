using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Equivariant.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Equivariant.Core.Distributed;

/// <namespacedoc><summary>Several processes by MPI: orbits or batches shared, with the gradients of one process.</summary></namespacedoc>
/// <summary>The processes that a program was started as, by <c>mpirun</c> or <c>srun</c>; without a launcher, this one alone.</summary>
/// <remarks>
/// All of them run the same program; each is told by its <see cref="Rank"/>. Methods that say so are collective: every rank
/// calls them, in one order, with tensors of one shape. A rank that fails, by an exception that nothing catches or by an
/// exit code other than 0, ends all. The library is Open MPI's or MPICH's, by the launcher or by the environment variable
/// <c>EQUIVARIANT_MPI</c>.
/// </remarks>
public sealed class Ranks
{
    private static readonly Lazy<Ranks> s_world = new(JoinWorld);

    private readonly ICommunicator _communicator;

    /// <summary>The networks that were found to be the same on all ranks.</summary>
    private readonly ConditionalWeakTable<object, object> _known = [];

    internal Ranks(ICommunicator communicator) => _communicator = communicator;

    /// <summary>This process and no others.</summary>
    public static Ranks Alone { get; } = new(new Solitude());

    /// <summary>This process's number, from 0 to <see cref="Count"/> − 1.</summary>
    public int Rank => _communicator.Rank;

    /// <summary>How many processes there are.</summary>
    public int Count => _communicator.Count;

    /// <summary>Whether this is rank 0, which prints and writes files for all.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>
    /// Whether each of these ranks is at its own part of something: what is evaluated inside is a rank's own, and not shared again.
    /// </summary>
    internal bool IsApart { get; private set; }

    /// <summary>Meets the other processes that the launcher started; collective the first time, and the same ranks again later.</summary>
    /// <returns>All of them, or <see cref="Alone"/> where no launcher started this process, or only this one.</returns>
    /// <exception cref="EquivariantException">There is no MPI library, or it is not the launcher's; the message says what to do.</exception>
    public static Ranks Join() => s_world.Value;

    /// <summary>The ranks that give one colour, in their order: a grid of orbits × data takes a colour for each row and for each column. Collective.</summary>
    /// <param name="colour">The colour, 0 or more.</param>
    /// <exception cref="EquivariantException">The colour is negative.</exception>
    public Ranks Split(int colour) =>
        colour >= 0
            ? Count == 1 ? this : new Ranks(_communicator.Split(colour))
            : throw new EquivariantException($"Ranks are split by colours of 0 or more, but {colour} was given.");

    /// <summary>Replaces a tensor by its sum over all ranks, the same to the bit on each. Collective.</summary>
    /// <param name="tensor">The tensor, in floating point (half precision is added in float32), complex, or <c>int64</c>. No gradient flows.</param>
    /// <exception cref="EquivariantException">The tensor is of another type, or has a gradient to pass on.</exception>
    public void Sum(Tensor tensor)
    {
        if (!tensor.is_floating_point() && !tensor.is_complex() && tensor.dtype != ScalarType.Int64)
        {
            throw new EquivariantException($"There are no sums of {tensor.dtype} over ranks: convert the tensor to Int64, or to a floating point type.");
        }

        InPlace(tensor, _communicator.Sum);
    }

    /// <summary>Replaces a tensor by that of one rank. Collective.</summary>
    /// <param name="tensor">The tensor, of any type. No gradient flows.</param>
    /// <param name="from">The rank whose tensor it is.</param>
    /// <exception cref="EquivariantException">There is no such rank, or the tensor has a gradient to pass on.</exception>
    public void Broadcast(Tensor tensor, int from = 0)
    {
        if (from < 0 || from >= Count)
        {
            throw new EquivariantException($"There is no rank {from}: they are 0 … {Count - 1}.");
        }

        InPlace(tensor, x => _communicator.Broadcast(x, from));
    }

    /// <summary>Waits until all ranks are here. Collective.</summary>
    public void Barrier() => _communicator.Barrier();

    /// <summary>This rank's share of things that all ranks have in one order: all shares are of one length, or of one more.</summary>
    /// <param name="count">How many things there are.</param>
    /// <returns>The first, and how many.</returns>
    public (long From, long Length) Share(long count)
    {
        long from = (long)((Int128)count * Rank / Count);
        return (from, (long)((Int128)count * (Rank + 1) / Count) - from);
    }

    /// <summary>Refuses ranks that were given something else than the first. Collective.</summary>
    /// <param name="what">What was given, in the plural, such as "settings".</param>
    /// <param name="content">It, as bytes; ranks compare a hash.</param>
    /// <exception cref="EquivariantException">Some ranks differ, on every rank; the message names them.</exception>
    public void RequireSame(string what, ReadOnlySpan<byte> content) => RequireSame(what, Fingerprint.Of(content));

    /// <summary>Refuses ranks whose tensors differ from the first's in shape, type or any bit. Collective.</summary>
    /// <param name="what">What they are, in the plural, such as "parameters".</param>
    /// <param name="tensors">The tensors.</param>
    /// <exception cref="EquivariantException">Some ranks differ, on every rank; the message names them.</exception>
    public void RequireSame(string what, IEnumerable<Tensor> tensors)
    {
        if (Count > 1)
        {
            RequireSame(what, Fingerprint.Of(tensors, contents: true));
        }
    }

    /// <summary>Prints a message to the standard error, with the number of this rank, and ends all ranks.</summary>
    /// <param name="message">What went wrong.</param>
    /// <param name="code">The exit code, not 0.</param>
    [DoesNotReturn]
    public void Abort(string message, int code = 1) => JobEnd.Fail(_communicator, message, code);

    /// <summary>Refuses ranks that give a network other rows: the shapes each time, and what is in them and in the network the first time.</summary>
    internal void RequireSameCall(object network, Tensor[] rows, Func<IEnumerable<Tensor>> state)
    {
        bool isKnown = _known.TryGetValue(network, out _);
        RequireSame("rows for a model, or parameters,", Fingerprint.Of(isKnown ? rows : [.. rows, .. state()], contents: !isKnown));
        _known.TryAdd(network, network);
    }

    /// <summary>Does this rank's part of something.</summary>
    internal T Apart<T>(Func<T> part)
    {
        bool before = IsApart;
        IsApart = true;
        try
        {
            return part();
        }
        finally
        {
            IsApart = before;
        }
    }

    private static Ranks JoinWorld()
    {
        if (Launcher.Find(Environment.GetEnvironmentVariable) is not { Count: > 1 } launcher)
        {
            return Alone;
        }

        LibTorch.Load();
        var mpi = MpiLibrary.Load(
            Environment.GetEnvironmentVariable(MpiLibrary.Variable), launcher.Libraries.Union([MpiLibrary.OpenMpi, .. MpiLibrary.Mpich]), launcher);
        mpi.Initialise();
        var world = new MpiCommunicator(mpi, mpi.World);
        if (world.Count != launcher.Count)
        {
            throw new EquivariantException(
                $"{launcher.Name} started {launcher.Count} ranks ({launcher.Variable}), but the MPI library {mpi.Name} knows of {world.Count}: they belong to two different MPIs. Start the program by the mpirun of that library, name the launcher's library in {MpiLibrary.Variable}, or choose srun's plugin by --mpi=pmix or --mpi=pmi2.");
        }

        JobEnd.Watch(world, mpi.Finalise);
        return new Ranks(world);
    }

    private void InPlace(Tensor tensor, Action<Tensor> work)
    {
        if (is_grad_enabled() && tensor.requires_grad && !tensor.is_leaf)
        {
            throw new EquivariantException("Ranks exchange numbers and pass no gradient: give tensor.detach(), or evaluate a design across ranks.");
        }

        if (Count > 1)
        {
            using IDisposable noGrad = no_grad();
            work(tensor);
        }
    }

    private void RequireSame(string what, long hash)
    {
        if (Count == 1)
        {
            return;
        }

        // Every rank puts its own into its place; the sum is the list of all.
        var hashes = new long[Count];
        hashes[Rank] = hash;
        using Tensor all = tensor(hashes);
        Sum(all);
        hashes = all.data<long>().ToArray();
        int[] others = [.. Enumerable.Range(1, Count - 1).Where(rank => hashes[rank] != hashes[0])];
        if (others.Length > 0)
        {
            throw new EquivariantException(
                $"Other {what} than to rank 0 were given to rank{(others.Length == 1 ? "" : "s")} {string.Join(", ", others)} of {Count}: start every rank with the same command, seed, files and data, or make them one by {nameof(Broadcast)}.");
        }
    }
}
