using System.Numerics;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Memory that host loops write before they read: grown on demand and kept, so that a step that has run once allocates
/// nothing. Each thread has two pieces, since the thread that calls an op also runs items of its loop.
/// </summary>
internal static unsafe class HostScratch
{
    private const int Line = 64;

    [ThreadStatic]
    private static float[]? call, item;

    /// <summary>For one call of an op: what all items share. Valid until the calling thread calls again.</summary>
    public static float* OfCall(long floats) => Take(ref call, floats);

    /// <summary>For one item of a parallel loop. Valid until this thread's next item.</summary>
    public static float* OfItem(long floats) => Take(ref item, floats);

    /// <summary>The number of floats that fill whole cache lines, so that pieces of one scratch block stay aligned.</summary>
    public static long Lines(long floats) => (floats + Line / sizeof(float) - 1) / (Line / sizeof(float)) * (Line / sizeof(float));

    private static float* Take(ref float[]? buffer, long floats)
    {
        long needed = floats + Line / sizeof(float);
        if (buffer is null || buffer.Length < needed)
        {
            int length = checked((int)BitOperations.RoundUpToPowerOf2((ulong)needed));
            buffer = GC.AllocateUninitializedArray<float>(length, pinned: true);
        }

        nint address = Marshal.UnsafeAddrOfPinnedArrayElement(buffer, 0);
        return (float*)((address + Line - 1) & ~(nint)(Line - 1));
    }
}
