using System.Globalization;

namespace Equivariant.Core.Distributed;

/// <summary>The program that started this process as one of several, as far as its environment tells.</summary>
/// <param name="Name">Who it is, for people.</param>
/// <param name="Variable">The environment variable that says how many processes were started.</param>
/// <param name="Count">How many.</param>
/// <param name="Libraries">The MPI libraries that belong to it.</param>
internal sealed record Launcher(string Name, string Variable, int Count, IReadOnlyList<string> Libraries)
{
    /// <summary>
    /// The innermost first: an mpirun inside a Slurm job has Slurm's variables too, and there they count its own helpers.
    /// </summary>
    private static readonly (string Variable, string Name, string[] Libraries)[] s_known =
    [
        ("OMPI_COMM_WORLD_SIZE", "Open MPI's mpirun", [MpiLibrary.OpenMpi]),
        ("PMI_SIZE", "MPICH's mpirun (or srun)", [.. MpiLibrary.Mpich]),
        ("SLURM_STEP_NUM_TASKS", "srun", []),
    ];

    /// <summary>Who started this process; null where it was started alone.</summary>
    /// <param name="read">Reads an environment variable.</param>
    /// <exception cref="EquivariantException">A variable of theirs is not a number.</exception>
    public static Launcher? Find(Func<string, string?> read)
    {
        foreach ((string variable, string name, string[] libraries) in s_known)
        {
            if (read(variable) is { Length: > 0 } text)
            {
                return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count > 0
                    ? new Launcher(name, variable, count, libraries)
                    : throw new EquivariantException(
                        $"The environment variable {variable} is '{text}', but has to be the number of processes that a launcher of MPI programs started: unset it, or start the program by mpirun or srun.");
            }
        }

        return null;
    }
}
