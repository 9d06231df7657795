namespace TrigFlowNative.Models;

/// <summary>Limits of a pickle, checked before memory is taken. Those of <see cref="Default"/> leave the largest published networks a tenth of the room.</summary>
/// <param name="Opcodes">Number of opcodes.</param>
/// <param name="Depth">Containers within each other.</param>
/// <param name="TextBytes">Length of a string.</param>
/// <param name="Memory">Estimated bytes of all values together; bytes objects stay in the file and count for nothing.</param>
internal sealed record PickleLimits(int Opcodes, int Depth, int TextBytes, long Memory)
{
    /// <summary>For the pickle of a whole file.</summary>
    public static PickleLimits Default { get; } = new(1_000_000, 100, 64 << 10, 128L << 20);

    /// <summary>For the few values around the numbers of one tensor.</summary>
    public static PickleLimits Small { get; } = new(1000, 10, 1 << 10, 1L << 20);
}
