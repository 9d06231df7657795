using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Which images make up a batch, found from (seed, step) alone. Each epoch is a permutation of its own; batches follow each other through
/// the epochs without a gap, so every image is seen equally often whatever the batch size.
/// </summary>
public sealed class BatchOrder
{
    private readonly ulong seed;
    private readonly int[] permutation;
    private long drawnEpoch = -1;

    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="seed">Different seeds give unrelated orders.</param>
    public BatchOrder(int count, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        this.seed = seed;
        permutation = new int[count];
    }

    /// <summary>The images of a batch. Allocates nothing; not safe from several threads.</summary>
    /// <param name="step">The batch's number, at least 0.</param>
    /// <param name="indices">Receives the images; its length is the batch size and must be that of all other steps.</param>
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
