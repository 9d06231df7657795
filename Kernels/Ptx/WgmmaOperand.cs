namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// The 64-bit descriptors by which wgmma finds its operands in shared memory (PTX ISA 8.0, section 9.7.14.5): rows of 128 bytes, 64 bf16
/// elements, in the 128-byte swizzle, groups of eight rows 1024 bytes apart.
/// </summary>
public static class WgmmaOperand
{
    /// <summary>The swizzle permutes within eight rows of 128 bytes.</summary>
    private const long Swizzle128 = 1L << 62, EightRows = 64L << 32;

    /// <summary>The operand's rows are m or n indices and its columns k (K-major, the plain form of wgmma).</summary>
    public const long AlongRows = Swizzle128 | EightRows | (1L << 16);

    /// <summary>
    /// The operand's rows are k indices and its columns m or n (MN-major, the transposed form of wgmma); chunks of 64 columns lie
    /// <see cref="WgmmaBlock.ChunkBytes"/> apart.
    /// </summary>
    public const long AcrossRows = Swizzle128 | EightRows | (512L << 16);

    /// <summary>The descriptor of an operand.</summary>
    /// <param name="form"><see cref="AlongRows"/> or <see cref="AcrossRows"/>.</param>
    /// <param name="address">Shared-memory address, a multiple of 1024 but for steps along k.</param>
    public static long At(long form, int address) => form + ((address & 0x3FFFF) >> 4);

    /// <summary>Step of a descriptor for 16 further k indices, in its unit of 16 bytes.</summary>
    /// <param name="form"><see cref="AlongRows"/> or <see cref="AcrossRows"/>.</param>
    public static int DepthStep(long form) => (form == AlongRows ? 16 * 2 : 16 * 128) / 16;
}
