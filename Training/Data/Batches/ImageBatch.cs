namespace TrigFlowNative.Training.Data;

/// <summary>The images of one training step, in the model's range.</summary>
public sealed class ImageBatch
{
    internal ImageBatch(int size, int imageLength)
    {
        Pixels = new float[checked(size * imageLength)];
        Labels = new int[size];
        Indices = new int[size];
    }

    /// <summary>Number of the training step, from 0.</summary>
    public long Step { get; internal set; }

    /// <summary>Pixels (N, H, W, C), from -1 to 1; or latents of deviation 0.5.</summary>
    public float[] Pixels { get; }

    /// <summary>Classes (N); -1 if the data set has none.</summary>
    public int[] Labels { get; }

    /// <summary>Indices of the images in the data set (N).</summary>
    public int[] Indices { get; }
}
