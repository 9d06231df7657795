namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// The block of a kernel on wgmma: two consumer warpgroups, which multiply, and one producer warpgroup, of which one or a few threads copy.
/// </summary>
public static class WgmmaBlock
{
    /// <summary>Threads of the block: three warpgroups.</summary>
    public const int Threads = 384;

    /// <summary>Bytes of 64 rows of 128 bytes: what one bulk copy brings of an operand, and the unit of its layout.</summary>
    public const int ChunkBytes = 8192;

    /// <summary>Dynamic shared memory that a block of sm_90 may have.</summary>
    public const int MaxSharedBytes = 227 * 1024;

    /// <summary>The alignment that the 128-byte swizzle wants of a chunk.</summary>
    public const int Alignment = 1024;

    /// <summary>The first address from one on that has this alignment.</summary>
    public static int Align(int address) => (address + (Alignment - 1)) & -Alignment;

    private const int RegisterFile = 1 << 16;

    /// <summary>The producer gives registers up.</summary>
    /// <param name="producer">Registers of a producer thread, a multiple of 8.</param>
    public static string ReleaseRegisters(int producer) => $"setmaxnreg.dec.sync.aligned.u32 {producer};";

    /// <summary>A consumer takes the registers that the producer gave up.</summary>
    /// <param name="producer">Registers of a producer thread, a multiple of 8.</param>
    public static string TakeRegisters(int producer) => $"setmaxnreg.inc.sync.aligned.u32 {ConsumerRegisters(producer)};";

    /// <summary>Registers of a consumer thread: an equal share of what the producer leaves of the block's, a multiple of 8.</summary>
    /// <param name="producer">Registers of a producer thread, a multiple of 8.</param>
    public static int ConsumerRegisters(int producer)
    {
        int each = RegisterFile / Threads / 8 * 8; // what the driver gives every thread at the launch
        return (3 * each - producer) / 2 / 8 * 8;
    }
}
