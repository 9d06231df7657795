using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>A collection of PNG and JPEG files, or of latents in .npy files, in a folder or an archive.</summary>
internal abstract class EncodedImages : IDisposable
{
    // Half of the memory: the rest is for the network, its optimizer and the operating system's cache of the files.
    private const int MemoryShare = 2;

    /// <summary>Path of the collection, for messages.</summary>
    protected abstract string Location { get; }

    /// <summary>Names of the images with '/' between folders, in the order of the data set.</summary>
    protected abstract IReadOnlyList<string> Names { get; }

    /// <summary>Classes of the images, one per name; null if there are none.</summary>
    protected abstract int[]? Labels { get; }

    /// <summary>Names of the classes in the order of their numbers; empty if there are no classes, or numbers alone.</summary>
    internal IReadOnlyList<string> ClassNames { get; private protected init; } = [];

    /// <summary>Whether the files are latents, which are read by <see cref="OpenLatents"/>.</summary>
    internal abstract bool HoldsLatents { get; }

    /// <summary>Opens a reader of the images in the order of <see cref="Names"/>, which stays usable when this collection is disposed.</summary>
    protected abstract IEntryReader OpenReader();

    /// <summary>Number of classes, those without images included if they have names; otherwise the highest label and one.</summary>
    protected int LabelCount => ClassNames.Count > 0 ? ClassNames.Count : Labels is int[] labels ? labels.Max() + 1 : 0;

    public abstract void Dispose();

    /// <summary>Number of files.</summary>
    internal int Count => Names.Count;

    /// <summary>Opens pictures as they are encoded, in the order of names, with their classes. The reader is disposed of by the caller.</summary>
    /// <exception cref="InvalidFileException">The files are latents.</exception>
    internal (IEntryReader Reader, int Count, int[]? Labels) OpenPictures() => HoldsLatents
        ? throw new InvalidFileException(Location, "holds latents, not images")
        : (OpenReader(), Names.Count, Labels);

    /// <summary>Opens latents, which stay on the disk. The result stays usable when this collection is disposed.</summary>
    /// <exception cref="InvalidFileException">A file is damaged or holds something else, or latents that the model does not take.</exception>
    internal StreamedLatents OpenLatents(LatentsWanted wanted) => new(OpenReader(), Location, Names.Count, Labels, LabelCount, wanted);

    /// <summary>Opens pictures in the size that they have, all the same; they stay encoded on the disk. The result stays usable when this collection is disposed.</summary>
    /// <exception cref="InvalidFileException">The first picture is damaged.</exception>
    internal IImageDataset OpenAsTheyAre() => new UnfittedImages(OpenReader(), Names.Count, Labels, LabelCount);

    /// <summary>
    /// Decodes all images if that takes at most half of the machine's memory; otherwise the images stay encoded on the disk, and each is
    /// decoded when it is read, to the same pixels.
    /// </summary>
    /// <param name="fit">Brings the images to the model's extents.</param>
    /// <param name="maxBytes">Most bytes of decoded pixels to keep in memory; by default half of the machine's.</param>
    /// <exception cref="InvalidFileException">A file is not an image or is damaged; the message names the first. Or there are no images.</exception>
    internal IImageDataset ReadAll(ImageFit fit, long? maxBytes = null)
    {
        StreamedImages images = new(OpenReader(), Names.Count, Labels, LabelCount, fit);
        long limit = maxBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / MemoryShare;
        if (ImageStore.BytesOf(images) > Math.Min(limit, ImageStore.MaxBytesFrom(Location)))
            return images;
        using (images)
        {
            ImageStore store = new(Location, Names.Count, fit.Resolution, fit.Channels);
            OrderedLoop.Run(store.Count, () => 0, (i, _) => images.Read(i, store.Pixels(i)));
            if (Labels is int[] labels)
                store.SetLabels(labels, LabelCount);
            return store;
        }
    }
}
