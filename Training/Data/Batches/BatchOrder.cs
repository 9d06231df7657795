using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// The images of each batch, as a function of (seed, step) alone. Each epoch has a permutation of its own. Batches run through the epochs
/// without a gap, so every image is seen equally often whatever the batch size.
/// </summary>
public sealed class BatchOrder
{
    private readonly ulong seed;
    private readonly int[] permutation;
    private long drawnEpoch = -1;

    /// <summary>Creates the order of a data set's images.</summary>
    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="seed">Seed of the permutations; different seeds give unrelated orders.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no images.</exception>
    public BatchOrder(int count, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        this.seed = seed;
        permutation = new int[count];
    }

    /// <summary>Finds the images of a batch. Allocates nothing; not thread-safe.</summary>
    /// <param name="step">Number of the training step, at least 0.</param>
    /// <param name="indices">Receives the images' indices. Its length is the batch size, which must be the same in all steps.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative.</exception>
    /// <exception cref="OverflowException">Step times batch size exceeds 63 bits.</exception>
    public void Fill(long step, Span<int> indices)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        long position = checked(step * indices.Length);
        for (int i = 0; i < indices.Length; i++, position++)
        {
            (long epoch, long offset) = Math.DivRem(position, permutation.Length);
            if (epoch != drawnEpoch)
            {
                CounterStream.For(RandomPurpose.Order, seed, epoch).Permute(permutation);
                drawnEpoch = epoch;
            }

            indices[i] = permutation[offset];
        }
    }
}
