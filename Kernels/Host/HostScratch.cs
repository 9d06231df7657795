using System.Numerics;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Uninitialised scratch memory of host loops, grown on demand and kept, so that a step that has run once allocates
/// nothing. Each thread has two buffers, since the thread that calls an op also runs items of its loop.
/// </summary>
internal static unsafe class HostScratch
{
    private const int LineBytes = 64;

    [ThreadStatic]
    private static float[]? call, item;

    /// <summary>Buffer for one call of an op, shared by all items of its loops; valid until the calling thread's next call.</summary>
    public static float* OfCall(long floats) => Take(ref call, floats);

    /// <summary>Buffer for one item of a parallel loop, valid until the thread's next item.</summary>
    public static float* OfItem(long floats) => Take(ref item, floats);

    /// <summary>Rounds a number of floats up to whole cache lines, so that parts of one buffer stay aligned.</summary>
    public static long Lines(long floats) => (floats + LineBytes / sizeof(float) - 1) / (LineBytes / sizeof(float)) * (LineBytes / sizeof(float));

    private static float* Take(ref float[]? buffer, long floats)
    {
        long needed = floats + LineBytes / sizeof(float);
        if (buffer is null || buffer.Length < needed)
        {
            int length = checked((int)BitOperations.RoundUpToPowerOf2((ulong)needed));
            buffer = GC.AllocateUninitializedArray<float>(length, pinned: true);
        }

        nint address = Marshal.UnsafeAddrOfPinnedArrayElement(buffer, 0);
        return (float*)((address + LineBytes - 1) & ~(nint)(LineBytes - 1));
    }
}
