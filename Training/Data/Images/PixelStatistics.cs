namespace TrigFlowNative.Training.Data;

/// <summary>Mean and standard deviation over all pixels and channels of a data set, in the model's range -1 to 1.</summary>
/// <param name="Mean">Mean of the pixels.</param>
/// <param name="SigmaData">Standard deviation about the mean: sigma_data of the parameterisation.</param>
public sealed record PixelStatistics(double Mean, double SigmaData)
{
    /// <summary>
    /// Measures a data set, reading every image once, in parallel. The sums are exact integers, so the result does not depend on the threads.
    /// </summary>
    /// <param name="data">The images.</param>
    /// <param name="also">Takes each image too, by index, so that a set that is decoded on reading is read once for both; several threads call it.</param>
    /// <exception cref="ArgumentException">The data set holds latents.</exception>
    /// <exception cref="Engine.InvalidFileException">An image of a set that is decoded on reading is gone or damaged; the message names the first.</exception>
    public static PixelStatistics Measure(IImageDataset data, Action<int, ReadOnlySpan<byte>>? also = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.Latents is not null)
            throw new ArgumentException("the data set holds latents, not pixels");
        int length = data.Height * data.Width * data.Channels;
        Lock gate = new();
        Int128 sum = 0;
        Int128 sumOfSquares = 0;
        OrderedLoop.Run(data.Count, () => new Partial(new byte[length]), (index, partial) =>
        {
            data.Read(index, partial.Pixels);
            also?.Invoke(index, partial.Pixels);
            foreach (byte pixel in partial.Pixels)
            {
                partial.Sum += pixel;
                partial.SumOfSquares += pixel * pixel;
            }
        }, partial =>
        {
            lock (gate)
            {
                sum += partial.Sum;
                sumOfSquares += partial.SumOfSquares;
            }
        });

        Int128 count = (Int128)data.Count * length;
        double mean = (double)sum / (double)count / 127.5 - 1;
        double deviation = Math.Sqrt((double)(count * sumOfSquares - sum * sum)) / (double)count / 127.5;
        return new PixelStatistics(mean, deviation);
    }

    private sealed class Partial(byte[] pixels)
    {
        internal byte[] Pixels { get; } = pixels;

        internal long Sum { get; set; }

        internal long SumOfSquares { get; set; }
    }
}
