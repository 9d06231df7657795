using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>A collection of PNG and JPEG files, in a folder or in an archive.</summary>
internal abstract class EncodedImages : IDisposable
{
    // Enough images for all cores to have work, few enough to be in memory encoded.
    private const int BlockLength = 256;

    /// <summary>The collection, for messages.</summary>
    protected abstract string Location { get; }

    /// <summary>The images' names, '/' between folders, in the order of the data set.</summary>
    protected abstract IReadOnlyList<string> Names { get; }

    /// <summary>The classes, one per name; null if there are none.</summary>
    protected abstract int[]? Labels { get; }

    /// <summary>The encoded bytes of an image. Called from one thread.</summary>
    protected abstract byte[] ReadEncoded(int index);

    /// <summary>The exception that blames one image.</summary>
    protected abstract InvalidFileException Refuse(int index, string reason);

    public abstract void Dispose();

    /// <summary>Decodes all images.</summary>
    /// <exception cref="InvalidFileException">One of them, the first in order, is no image or damaged.</exception>
    internal ImageStore ReadAll(ImageFit fit)
    {
        ImageStore store = new(Location, Names.Count, fit.Resolution, fit.Channels);
        byte[][] encoded = new byte[Math.Min(BlockLength, Names.Count)][];
        string?[] reasons = new string?[encoded.Length];
        for (int start = 0; start < Names.Count; start += BlockLength)
        {
            int first = start;
            int count = Math.Min(BlockLength, Names.Count - first);
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
            store.SetLabels(labels, labels.Max() + 1);
        return store;
    }
}
