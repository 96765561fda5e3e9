using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Equivariant.Core.Distributed;

/// <summary>How a job of several ranks ends: all well, or all of them when one fails, since the others would wait for it.</summary>
internal static class JobEnd
{
    /// <summary>MPICH's launcher drops what it has not passed on when a rank ends all.</summary>
    private static readonly TimeSpan s_forwarding = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Where all ranks fail alike, the first one's sentence is enough: it ends the others before they say the same.
    /// </summary>
    private static readonly TimeSpan s_priority = s_forwarding + TimeSpan.FromSeconds(1);

    /// <summary>MPI may wait for a rank that is gone.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Sees to it that the process ends with its job, and the job with the process if that fails.</summary>
    /// <param name="world">All ranks.</param>
    /// <param name="leave">Leaves them, when all is done.</param>
    public static void Watch(ICommunicator world, Action leave)
    {
        AppDomain.CurrentDomain.UnhandledException += (_, failure) => Fail(world, Describe(failure.ExceptionObject), 1);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            if (Environment.ExitCode == 0)
            {
                leave();
            }
            else
            {
                End(world, Environment.ExitCode);
            }
        };
    }

    /// <summary>Says what is wrong, and ends all ranks.</summary>
    [DoesNotReturn]
    public static void Fail(ICommunicator world, string message, int code)
    {
        if (world.Rank > 0)
        {
            Thread.Sleep(s_priority);
        }

        Console.Out.Flush();
        Console.Error.WriteLine(world.Count == 1 ? message : $"Rank {world.Rank} of {world.Count}: {message}");
        Console.Error.Flush();
        if (world.Count > 1)
        {
            Thread.Sleep(s_forwarding);
        }

        End(world, code);
    }

    [DoesNotReturn]
    private static void End(ICommunicator world, int code)
    {
        var abort = new Thread(() => world.Abort(code)) { IsBackground = true };
        abort.Start();
        abort.Join(s_patience);
        ExitNow(code);
    }

    /// <summary>What a user did wrong is a sentence; what a program did wrong needs its stack.</summary>
    private static string Describe(object failure) =>
        failure is EquivariantException { Message: string sentence } ? sentence : failure.ToString() ?? "an unknown failure";

    [DoesNotReturn]
    [DllImport("libc", EntryPoint = "_exit")]
    private static extern void ExitNow(int code);
}
