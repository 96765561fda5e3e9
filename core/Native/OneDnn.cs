namespace Equivariant.Core.Native;

/// <summary>oneDNN, with which libtorch computes convolutions on the CPU, kept to what it computes right.</summary>
/// <remarks>
/// The oneDNN of libtorch 2.10 computes wrong convolutions on some processors (seen on AMD EPYC, Zen 5): what pads
/// channels to a full vector is garbage where it should be zero. So when libtorch is loaded, <see cref="ConvolutionProbe"/>
/// compares a few small convolutions with their double-precision values. Where one is wrong, oneDNN is switched off for
/// the whole process and one sentence on stderr says so: convolutions are then right, wide ones slower. The environment
/// variable <see cref="Variable"/> decides instead: <c>on</c> or <c>off</c>.
/// </remarks>
public static class OneDnn
{
    /// <summary>The environment variable that decides whether oneDNN is used, instead of the probe: on or off.</summary>
    public const string Variable = "EQUIVARIANT_ONEDNN";

    /// <summary>Gets whether libtorch uses oneDNN now.</summary>
    public static bool IsOn => TorchContext.UsesOneDnn;

    /// <summary>Decides whether oneDNN is used.</summary>
    /// <exception cref="EquivariantException">The environment variable is neither on nor off.</exception>
    internal static void Guard()
    {
        if (Decide(Environment.GetEnvironmentVariable(Variable), ConvolutionProbe.FindFault) is { } notice)
        {
            Console.Error.WriteLine(notice);
        }
    }

    /// <summary>Switches oneDNN as a wish or a probe says.</summary>
    /// <param name="wish">What the user wishes: on, off, or nothing.</param>
    /// <param name="findFault">The probe: what is wrong, or null.</param>
    /// <returns>What there is to say, or null.</returns>
    internal static string? Decide(string? wish, Func<string?> findFault)
    {
        switch (wish?.ToLowerInvariant())
        {
            case "on":
                TorchContext.TrySetOneDnn(true);
                return null;
            case "off":
                return TorchContext.TrySetOneDnn(false) ? null : $"{Variable}=off has no effect: this libtorch cannot be told to do without oneDNN.";
            case not (null or ""):
                throw new EquivariantException($"{Variable} is '{wish}', but it decides whether oneDNN is used: set it to on or off, or unset it.");
        }

        if (!IsOn || findFault() is not { } fault)
        {
            return null;
        }

        return TorchContext.TrySetOneDnn(false)
            ? $"oneDNN computes wrong convolutions on this processor ({fault}), so Equivariant switches it off: convolutions are right, wide ones slower ({Variable}=on or off decides instead)."
            : $"oneDNN computes wrong convolutions on this processor ({fault}), and this libtorch cannot be told to do without it: keep to channels in multiples of 16, or use another libtorch ({FolderHint}).";
    }

    private const string FolderHint = LibTorch.FolderVariable;
}
