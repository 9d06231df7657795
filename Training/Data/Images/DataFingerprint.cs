using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Identity of a data set: its contents as a network sees them, fitted to its extents, in their order. The same images in a folder, under another
/// path, or in a zip have the same fingerprint.
/// </summary>
/// <param name="Images">Number of images.</param>
/// <param name="Classes">Number of classes; 0 for none.</param>
/// <param name="Labels">Hash of the labels in the order of the images, XXH128 in hexadecimal digits.</param>
/// <param name="Pixels">Hash of the images' hashes in their order, likewise.</param>
public sealed record DataFingerprint(int Images, int Classes, string Labels, string Pixels)
{
    /// <summary>Reads every image once, in parallel, unless the data set knows its hash. The result does not depend on the threads.</summary>
    /// <exception cref="Engine.InvalidFileException">An image of a set that is decoded on reading is gone or damaged.</exception>
    public static DataFingerprint Of(IImageDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        ulong[] images = new ulong[data.Count];
        OrderedLoop.Run(data.Count, () => new byte[data.StoredBytes], (index, pixels) =>
        {
            if (data.ContentHash(index) is { } hash)
            {
                images[index] = hash;
                return;
            }

            data.Read(index, pixels);
            images[index] = XxHash3.HashToUInt64(pixels);
        });
        return Of(data, images);
    }

    /// <summary>As <see cref="Of(IImageDataset)"/>, with the statistics of the pixels from the same pass.</summary>
    /// <exception cref="Engine.InvalidFileException">An image of a set that is decoded on reading is gone or damaged.</exception>
    public static (DataFingerprint Fingerprint, PixelStatistics Statistics) Measure(IImageDataset data)
    {
        ArgumentNullException.ThrowIfNull(data);
        ulong[] images = new ulong[data.Count];
        PixelStatistics statistics = PixelStatistics.Measure(data, (index, pixels) => images[index] = XxHash3.HashToUInt64(pixels));
        return (Of(data, images), statistics);
    }

    /// <summary>Says in which respect a data set differs from an earlier one; null if it is the same.</summary>
    public string? DifferenceFrom(DataFingerprint before)
    {
        ArgumentNullException.ThrowIfNull(before);
        return this switch
        {
            _ when Images != before.Images => $"holds {Images} images to train on, not {before.Images}",
            _ when Pixels != before.Pixels => $"holds {Images} other images",
            _ when Classes != before.Classes => $"has {Classes} classes, not {before.Classes}",
            _ when Labels != before.Labels => "has other labels",
            _ => null,
        };
    }

    private static DataFingerprint Of(IImageDataset data, ReadOnlySpan<ulong> images)
    {
        int[] labels = new int[data.Count];
        for (int i = 0; i < labels.Length; i++)
            labels[i] = data.Label(i);
        return new DataFingerprint(data.Count, data.LabelCount, Hash<int>(labels), Hash(images));
    }

    private static string Hash<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Convert.ToHexStringLower(XxHash128.Hash(MemoryMarshal.AsBytes(values)));
}
