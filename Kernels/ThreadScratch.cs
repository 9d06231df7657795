using System.Runtime.CompilerServices;

namespace TrigFlowNative.Kernels;

/// <summary>Working memory of a host thread, kept from call to call so that running a program allocates nothing after the first run.</summary>
internal static unsafe class ThreadScratch
{
    private const int Alignment = 64;

    [ThreadStatic]
    private static float[]? memory;

    /// <summary>At least the given number of floats, uninitialised, aligned to a cache line; valid until the thread's next call.</summary>
    public static float* Take(int floats)
    {
        if (memory is null || memory.Length < floats + Alignment / sizeof(float))
            memory = GC.AllocateUninitializedArray<float>(floats + Alignment / sizeof(float), pinned: true);
        nint start = (nint)Unsafe.AsPointer(ref memory[0]);
        return (float*)((start + Alignment - 1) / Alignment * Alignment);
    }
}
