namespace TrigFlowNative.Engine;

/// <summary>
/// A source of random numbers inside a program: Philox keyed by the seed and counted by (element / 4, sample, step, purpose).
/// The same numbers on every device, for any launch shape, and after a resume that restores the step.
/// </summary>
/// <param name="Seed">The run's seed: the 64-bit key.</param>
/// <param name="Purpose">What the numbers are for, so that noise, times and masks are independent.</param>
/// <param name="Counter">
/// Int32 (2) in device memory: the step, and the index of the first sample of the batch within the step. For normal numbers it may be
/// (4): lower and upper word of the seed follow and count instead of <paramref name="Seed"/>, so that one program serves every seed.
/// </param>
public sealed record RandomSource(ulong Seed, RandomPurpose Purpose, Tensor Counter)
{
    /// <summary>Lower word of the key.</summary>
    public uint Key0 => (uint)Seed;

    /// <summary>Upper word of the key.</summary>
    public uint Key1 => (uint)(Seed >> 32);

    /// <summary>An independent stream with the same seed and counter.</summary>
    public RandomSource For(RandomPurpose purpose) => this with { Purpose = purpose };
}
