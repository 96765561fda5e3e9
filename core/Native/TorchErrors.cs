using System.Runtime.InteropServices;

namespace Equivariant.Core.Native;

/// <summary>Turns libtorch's errors, which are pages long, into sentences.</summary>
internal static class TorchErrors
{
    /// <summary>Does some work; an error of libtorch's becomes a sentence that starts with what was tried.</summary>
    /// <param name="work">The work.</param>
    /// <param name="attempt">What fails, such as "The energy can't be computed on rows of shape [2, 3]".</param>
    /// <exception cref="EquivariantException">libtorch refuses; the message has the first line of its reason.</exception>
    public static T Explain<T>(Func<T> work, Func<string> attempt)
    {
        try
        {
            return work();
        }
        catch (ExternalException e)
        {
            string reason = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault() ?? "no reason given";
            throw new EquivariantException($"{attempt()}; libtorch says: {reason.TrimEnd('.')}.");
        }
    }
}
