using System.Runtime.InteropServices;

namespace Equivariant.Core.Distributed;

/// <summary>The functions and constants of an MPI library that is on the machine: Open MPI, or MPICH and what shares its ABI.</summary>
/// <remarks>Handles are passed as <c>nint</c> to both: MPICH's are 32-bit numbers, Open MPI's are addresses.</remarks>
internal sealed unsafe class MpiLibrary
{
    /// <summary>The environment variable that names the library.</summary>
    public const string Variable = "EQUIVARIANT_MPI";

    /// <summary>Open MPI's name, versions 1.10 to 5.</summary>
    public const string OpenMpi = "libmpi.so.40";

    /// <summary>At most one thread is in MPI at a time.</summary>
    private const int Serialized = 2;

    private readonly delegate* unmanaged<nint, nint, int, int*, int> _initialise;
    private readonly delegate* unmanaged<int> _finalise;
    private readonly delegate* unmanaged<nint, int*, int> _rank;
    private readonly delegate* unmanaged<nint, int*, int> _size;
    private readonly delegate* unmanaged<nint, int, int, nint*, int> _split;
    private readonly delegate* unmanaged<nint, nint, int, nint, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged<nint, int, nint, int, nint, int> _broadcast;
    private readonly delegate* unmanaged<nint, int> _barrier;
    private readonly delegate* unmanaged<nint, int, int> _abort;
    private readonly delegate* unmanaged<int> _knowsCuda;
    private readonly nint _inPlace;
    private readonly nint _sum;

    /// <summary>MPI serves one thread at a time; the backward pass may run on another than the forward pass.</summary>
    private readonly Lock _lock = new();

    private MpiLibrary(nint library, string name)
    {
        nint Function(string symbol) => NativeLibrary.TryGetExport(library, symbol, out nint address)
            ? address
            : throw new EquivariantException(
                $"The library '{name}' has no function {symbol}, so it is no MPI: name one in {Variable}, such as {OpenMpi} or {Mpich[0]}.");

        Name = name;
        _initialise = (delegate* unmanaged<nint, nint, int, int*, int>)Function("MPI_Init_thread");
        _finalise = (delegate* unmanaged<int>)Function("MPI_Finalize");
        _rank = (delegate* unmanaged<nint, int*, int>)Function("MPI_Comm_rank");
        _size = (delegate* unmanaged<nint, int*, int>)Function("MPI_Comm_size");
        _split = (delegate* unmanaged<nint, int, int, nint*, int>)Function("MPI_Comm_split");
        _allReduce = (delegate* unmanaged<nint, nint, int, nint, nint, nint, int>)Function("MPI_Allreduce");
        _broadcast = (delegate* unmanaged<nint, int, nint, int, nint, int>)Function("MPI_Bcast");
        _barrier = (delegate* unmanaged<nint, int>)Function("MPI_Barrier");
        _abort = (delegate* unmanaged<nint, int, int>)Function("MPI_Abort");
        _knowsCuda = NativeLibrary.TryGetExport(library, "MPIX_Query_cuda_support", out nint query) ? (delegate* unmanaged<int>)query : null;
        if (NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out nint world))
        {
            World = world;
            (Float, Double, Int64, Byte) = (Function("ompi_mpi_float"), Function("ompi_mpi_double"), Function("ompi_mpi_int64_t"), Function("ompi_mpi_byte"));
            (_sum, _inPlace) = (Function("ompi_mpi_op_sum"), 1);
        }
        else
        {
            World = 0x44000000;
            (Float, Double, Int64, Byte) = (0x4c00040a, 0x4c00080b, 0x4c00083a, 0x4c00010d);
            (_sum, _inPlace) = (0x58000003, -1);
        }
    }

    /// <summary>The names of MPICH, and of the libraries that keep its ABI.</summary>
    public static IReadOnlyList<string> Mpich { get; } = ["libmpich.so.12", "libmpi.so.12"];

    /// <summary>The name by which the library was found.</summary>
    public string Name { get; }

    /// <summary>All processes that the launcher started.</summary>
    public nint World { get; }

    /// <summary>Whether it takes addresses on GPUs; asked once MPI is initialised.</summary>
    public bool IsCudaAware => _knowsCuda is not null && _knowsCuda() == 1;

    public nint Float { get; }

    public nint Double { get; }

    public nint Int64 { get; }

    public nint Byte { get; }

    /// <summary>Loads the library that a user names, or the first of some that is on the machine.</summary>
    /// <param name="named">What the user names; empty or null for none.</param>
    /// <param name="candidates">What to look for otherwise.</param>
    /// <param name="launcher">Who started the ranks.</param>
    /// <exception cref="EquivariantException">There is none; the message says what to install.</exception>
    public static MpiLibrary Load(string? named, IEnumerable<string> candidates, Launcher launcher)
    {
        // Read when the library is loaded. UCX would take SIGSEGV, by which .NET finds null references; builds of it that catch none say
        // so, unless told not to. Not Environment's variables: libraries read the process's own.
        SetVariable("UCX_ERROR_SIGNALS", "SIGILL,SIGBUS,SIGFPE", 0);
        SetVariable("UCX_WARN_UNUSED_ENV_VARS", "n", 0);
        if (!string.IsNullOrEmpty(named))
        {
            return NativeLibrary.TryLoad(named, out nint library)
                ? new MpiLibrary(library, named)
                : throw new EquivariantException(
                    $"{Variable} names '{named}', which does not load: name an MPI library that is on this machine, such as {OpenMpi} or {Mpich[0]}, or unset the variable.");
        }

        string[] names = [.. candidates];
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint library))
            {
                return new MpiLibrary(library, name);
            }
        }

        throw new EquivariantException(
            $"{launcher.Name} started {launcher.Count} ranks ({launcher.Variable}), but no MPI library is on this machine ({string.Join(", ", names)}): install Debian's package openmpi-bin or mpich, the one that the launcher belongs to, or name a library in {Variable}.");
    }

    /// <summary>Joins the other ranks.</summary>
    /// <exception cref="EquivariantException">MPI refuses, or is built for programs of one thread.</exception>
    public void Initialise()
    {
        int provided;
        Require(_initialise(0, 0, Serialized, &provided), "MPI_Init_thread");
        if (provided < Serialized)
        {
            throw new EquivariantException($"The MPI library {Name} is built for programs of one thread, but .NET has several: use a build with MPI_THREAD_SERIALIZED.");
        }
    }

    public void Finalise()
    {
        lock (_lock)
        {
            _finalise();
        }
    }

    public int RankIn(nint communicator)
    {
        int rank;
        Require(_rank(communicator, &rank), "MPI_Comm_rank");
        return rank;
    }

    public int SizeOf(nint communicator)
    {
        int size;
        Require(_size(communicator, &size), "MPI_Comm_size");
        return size;
    }

    public nint Split(nint communicator, int colour, int key)
    {
        // MPICH writes the lower half only.
        nint part = 0;
        lock (_lock)
        {
            Require(_split(communicator, colour, key, &part), "MPI_Comm_split");
        }

        return part;
    }

    /// <summary>Adds numbers of all ranks, in place.</summary>
    public void Sum(nint numbers, int count, nint type, nint communicator)
    {
        lock (_lock)
        {
            Require(_allReduce(_inPlace, numbers, count, type, _sum, communicator), "MPI_Allreduce");
        }
    }

    public void Broadcast(nint start, int bytes, int from, nint communicator)
    {
        lock (_lock)
        {
            Require(_broadcast(start, bytes, Byte, from, communicator), "MPI_Bcast");
        }
    }

    public void Barrier(nint communicator)
    {
        lock (_lock)
        {
            Require(_barrier(communicator), "MPI_Barrier");
        }
    }

    /// <summary>Without the lock: another thread may be waiting in MPI for a rank that is gone.</summary>
    public void Abort(int code) => _abort(World, code);

    private static void Require(int code, string function)
    {
        if (code != 0)
        {
            throw new EquivariantException($"{function} fails with MPI's error {code}: look at what MPI says on the standard error.");
        }
    }

    [DllImport("libc", EntryPoint = "setenv")]
    private static extern int SetVariable(string name, string value, int overwrite);
}
