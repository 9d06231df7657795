using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>A collection of PNG and JPEG files in a folder or an archive.</summary>
internal abstract class EncodedImages : IDisposable
{
    // Enough images to occupy all cores, few enough to hold in memory encoded.
    private const int BlockImages = 256;

    /// <summary>Path of the collection, for messages.</summary>
    protected abstract string Location { get; }

    /// <summary>Names of the images with '/' between folders, in the order of the data set.</summary>
    protected abstract IReadOnlyList<string> Names { get; }

    /// <summary>Classes of the images, one per name; null if there are none.</summary>
    protected abstract int[]? Labels { get; }

    /// <summary>Number of classes, those without images included; by default the highest label and one.</summary>
    protected virtual int LabelCount => Labels is int[] labels ? labels.Max() + 1 : 0;

    /// <summary>Reads the encoded bytes of an image; called from one thread.</summary>
    protected abstract byte[] ReadEncoded(int index);

    /// <summary>Creates the exception for a faulty image.</summary>
    protected abstract InvalidFileException Refuse(int index, string reason);

    public abstract void Dispose();

    /// <summary>Decodes all images.</summary>
    /// <exception cref="InvalidFileException">A file is not an image or is damaged; the message names the first.</exception>
    internal ImageStore ReadAll(ImageFit fit)
    {
        ImageStore store = new(Location, Names.Count, fit.Resolution, fit.Channels);
        byte[][] encoded = new byte[Math.Min(BlockImages, Names.Count)][];
        string?[] reasons = new string?[encoded.Length];
        for (int start = 0; start < Names.Count; start += BlockImages)
        {
            int first = start;
            int count = Math.Min(BlockImages, Names.Count - first);
            for (int i = 0; i < count; i++)
                encoded[i] = ReadEncoded(first + i);
            Parallel.For(0, count, i => reasons[i] = ImageDecoder.Decode(encoded[i], fit, store.Pixels(first + i)));
            for (int i = 0; i < count; i++)
            {
                if (reasons[i] is string reason)
                    throw Refuse(first + i, reason);
            }
        }

        if (Labels is int[] labels)
            store.SetLabels(labels, LabelCount);
        return store;
    }
}
