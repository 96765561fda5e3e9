using System.Runtime;

namespace Equivariant.Core.Native;

/// <summary>The runtime's garbage collector, beside native calls.</summary>
internal static class Collector
{
    /// <summary>
    /// Keeps collections out of the background, unless the program asked for them there. TorchSharp does not hold on to the number of
    /// <c>x * 0.5</c> during the native call that reads it, so a collection that ends at that moment frees it: libtorch then fails
    /// ("Unknown scalar type"), or computes with another number. In the foreground a collection starts where a thread allocates, and not in a
    /// native call of that thread; where several threads compute, one may still meet a collection of another.
    /// </summary>
    public static void StayInForeground()
    {
        if (GCSettings.LatencyMode == GCLatencyMode.Interactive)
        {
            GCSettings.LatencyMode = GCLatencyMode.Batch;
        }
    }
}
