namespace TrigFlowNative.Engine;

/// <summary>
/// A source of random numbers inside a program: Philox with the seed as its key and (element / 4, sample, step, purpose) as its counter.
/// It gives the same numbers on every device, for any launch shape, and after a resume that restores the step.
/// </summary>
/// <param name="Seed">Seed of the run: the 64-bit key.</param>
/// <param name="Purpose">Purpose of the numbers, so that noise, times and masks are independent.</param>
/// <param name="Counter">
/// Int32 (2) in device memory: the step, and the index of the batch's first sample within the step. For normal numbers Int32 (4) is possible:
/// the lower and upper word of a seed follow and replace <paramref name="Seed"/>, so that one program serves every seed.
/// </param>
public sealed record RandomSource(ulong Seed, RandomPurpose Purpose, Tensor Counter)
{
    /// <summary>Lower word of the key.</summary>
    public uint Key0 => (uint)Seed;

    /// <summary>Upper word of the key.</summary>
    public uint Key1 => (uint)(Seed >> 32);

    /// <summary>Returns an independent stream with the same seed and counter.</summary>
    public RandomSource For(RandomPurpose purpose) => this with { Purpose = purpose };
}
