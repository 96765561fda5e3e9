using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Equivariant.Core.Representations;

/// <summary>Copies and sums of short runs of numbers at listed places: a gather and a scatter.</summary>
internal static class Runs
{
    /// <summary>Writes run <c>places[i]</c> of the source as run <c>i</c> of the target.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gather<T>(ReadOnlySpan<T> source, ReadOnlySpan<int> places, Span<T> target, int length)
        where T : unmanaged
    {
        if (length == 1)
        {
            for (int i = 0; i < places.Length; i++)
            {
                target[i] = source[places[i]];
            }

            return;
        }

        // Checked once: every place is a label of an orbit, and there is a run for each.
        ref T from = ref MemoryMarshal.GetReference(source);
        ref T to = ref MemoryMarshal.GetReference(target);
        int wide = Vector256<T>.Count, width = Vector128<T>.Count;
        for (int i = 0; i < places.Length; i++)
        {
            ref T run = ref Unsafe.Add(ref from, (nint)places[i] * length);
            int at = 0;
            for (; at <= length - wide; at += wide)
            {
                Vector256.LoadUnsafe(ref run, (nuint)at).StoreUnsafe(ref to, (nuint)at);
            }

            for (; at <= length - width; at += width)
            {
                Vector128.LoadUnsafe(ref run, (nuint)at).StoreUnsafe(ref to, (nuint)at);
            }

            for (; at < length; at++)
            {
                Unsafe.Add(ref to, at) = Unsafe.Add(ref run, at);
            }

            to = ref Unsafe.Add(ref to, length);
        }
    }

    /// <summary>Adds run <c>i</c> of the source to run <c>places[i]</c> of the target.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scatter<T>(ReadOnlySpan<T> source, ReadOnlySpan<int> places, Span<T> target, int length)
        where T : unmanaged, INumberBase<T>
    {
        if (length == 1)
        {
            for (int i = 0; i < places.Length; i++)
            {
                target[places[i]] += source[i];
            }

            return;
        }

        ref T from = ref MemoryMarshal.GetReference(source);
        ref T to = ref MemoryMarshal.GetReference(target);
        int wide = Vector256<T>.Count, width = Vector128<T>.Count;
        for (int i = 0; i < places.Length; i++)
        {
            ref T run = ref Unsafe.Add(ref to, (nint)places[i] * length);
            int at = 0;
            for (; at <= length - wide; at += wide)
            {
                (Vector256.LoadUnsafe(ref run, (nuint)at) + Vector256.LoadUnsafe(ref from, (nuint)at)).StoreUnsafe(ref run, (nuint)at);
            }

            for (; at <= length - width; at += width)
            {
                (Vector128.LoadUnsafe(ref run, (nuint)at) + Vector128.LoadUnsafe(ref from, (nuint)at)).StoreUnsafe(ref run, (nuint)at);
            }

            for (; at < length; at++)
            {
                Unsafe.Add(ref run, at) += Unsafe.Add(ref from, at);
            }

            from = ref Unsafe.Add(ref from, length);
        }
    }
}
