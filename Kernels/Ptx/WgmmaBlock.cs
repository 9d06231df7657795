namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// The block of a kernel on wgmma: two consumer warpgroups, which multiply, and one producer warpgroup, one or a few of whose threads copy.
/// </summary>
public static class WgmmaBlock
{
    /// <summary>Threads of the block: three warpgroups.</summary>
    public const int Threads = 384;

    /// <summary>Bytes of a chunk of 64 rows of 128 bytes: the box of one bulk copy, and the unit of an operand's layout.</summary>
    public const int ChunkBytes = 8192;

    /// <summary>Dynamic shared memory that a block of sm_90 may have.</summary>
    public const int MaxSharedBytes = 227 * 1024;

    /// <summary>Alignment of a chunk in bytes, as the 128-byte swizzle requires.</summary>
    public const int Alignment = 1024;

    /// <summary>Rounds an address up to <see cref="Alignment"/>.</summary>
    public static int Align(int address) => (address + (Alignment - 1)) & -Alignment;

    private const int RegisterFile = 1 << 16;

    /// <summary>Producer: releases registers.</summary>
    /// <param name="producer">Registers of a producer thread, a multiple of 8.</param>
    public static string ReleaseRegisters(int producer) => $"setmaxnreg.dec.sync.aligned.u32 {producer};";

    /// <summary>Consumer: takes over the registers that the producer released.</summary>
    /// <param name="producer">Registers of a producer thread, a multiple of 8.</param>
    public static string TakeRegisters(int producer) => $"setmaxnreg.inc.sync.aligned.u32 {ConsumerRegisters(producer)};";

    /// <summary>Registers of a consumer thread: an equal share of what the producer leaves of the block's, a multiple of 8.</summary>
    /// <param name="producer">Registers of a producer thread, a multiple of 8.</param>
    public static int ConsumerRegisters(int producer)
    {
        int each = RegisterFile / Threads / 8 * 8; // every thread starts with the same number
        return (3 * each - producer) / 2 / 8 * 8;
    }
}
