namespace TrigFlowNative.Training.Data;

/// <summary>The images of one training step, ready for the model.</summary>
public sealed class ImageBatch
{
    internal ImageBatch(int size, int imageLength)
    {
        Pixels = new float[checked(size * imageLength)];
        Labels = new int[size];
        Indices = new int[size];
    }

    /// <summary>The global step that the batch belongs to.</summary>
    public long Step { get; internal set; }

    /// <summary>(N, H, W, C), -1 to 1.</summary>
    public float[] Pixels { get; }

    /// <summary>(N), the classes; -1 where the data set has none.</summary>
    public int[] Labels { get; }

    /// <summary>(N), the images' places in the data set.</summary>
    public int[] Indices { get; }
}
