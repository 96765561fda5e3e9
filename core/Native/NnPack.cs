namespace Equivariant.Core.Native;

/// <summary>NNPACK, with which libtorch computes some convolutions on the CPU.</summary>
internal static class NnPack
{
    /// <summary>
    /// Where NNPACK does not support the processor, libtorch says so on stderr at the first convolution and goes on
    /// without it: asked once before, with its log turned down, it has nothing to say any more.
    /// </summary>
    public static void Silence()
    {
        const int Errors = 2;
        int? before = TorchContext.LogLevel;
        TorchContext.LogLevel = Errors;
        try
        {
            if (TorchContext.HasNnPack() is false)
            {
                TorchContext.TrySetNnPack(false);
            }
        }
        finally
        {
            TorchContext.LogLevel = before;
        }
    }
}
