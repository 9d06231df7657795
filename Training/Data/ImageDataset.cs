using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>Opens data sets in all supported formats.</summary>
public static class ImageDataset
{
    /// <summary>Name of the data set of few classes that the program draws itself, see <see cref="SyntheticShapes"/>; <see cref="SyntheticEmblems"/> has more.</summary>
    public const string Synthetic = SyntheticShapes.Name;

    private const int ImagesLookedAt = 64;

    private const string Expected =
        "expected CIFAR's .bin files or .tar.gz, an idx file such as MNIST's, a .zip of images, a folder of any of them or of PNG and JPEG files, latents in .npy files, or 'synthetic' or 'synthetic-emblems'";

    /// <summary>Whether a specification names a data set that the program draws itself, not a path.</summary>
    public static bool IsSynthetic(string spec) => SyntheticImages.IsName(spec);

    /// <summary>
    /// Reads a data set into memory and fits it to the model: the largest centred square of each image is padded with zeros if it is
    /// smaller by at most a quarter, otherwise resampled, and converted to gray or colour. Of several splits that of the training images
    /// is taken, and the held-out images are a random part of it. What was found and left out is in <see cref="DatasetSplit.Description"/>.
    /// </summary>
    /// <param name="spec">
    /// <c>synthetic</c> or <c>synthetic-emblems</c>; a .bin file, a folder or the .tar.gz of CIFAR-10 or CIFAR-100 in binary form, the latter with its fine classes; an idx
    /// file of images, plain or gzip, or its folder, as of MNIST, Fashion-MNIST, Kuzushiji-MNIST, QMNIST and EMNIST; a folder or a zip
    /// archive of PNG and JPEG files, or of latents in .npy files, with EDM's dataset.json or with sub-folders as classes. A folder that holds
    /// nothing but one folder stands for that one. Latents are never fitted: they must have the model's extents.
    /// </param>
    /// <param name="resolution">Height and width of the model's images, in pixels; at least 1, for synthetic at least 8, for synthetic-emblems 16.</param>
    /// <param name="channels">Channels of the model's images: 1 for gray, 3 for colour; of latents any number.</param>
    /// <param name="latents">Space of latents, if the data set holds these; null for that of <see cref="LatentConventions.Default"/>.</param>
    /// <exception cref="ArgumentException">The specification is empty, or a number is out of range.</exception>
    /// <exception cref="InvalidFileException">The data set is missing, of another format, damaged, or too large for memory.</exception>
    public static DatasetSplit Open(string spec, int resolution, int channels, LatentSpace? latents = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(spec);
        Extents fit = new(resolution, channels, latents ?? LatentConventions.Get(LatentConventions.Default));
        if (IsSynthetic(spec))
        {
            _ = fit.Pixels; // which refuses a network of latents
            return SyntheticImages.Make(spec, resolution, channels);
        }

        try
        {
            (IImageDataset images, DatasetDescription found) = Directory.Exists(spec) ? OpenFolder(spec, fit) : OpenFile(spec, fit);
            return Describe(DatasetSplit.Of(images), images, found, images.Latents is null ? fit.Pixels : null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidFileException(spec, $"cannot be read ({e.Message})", e);
        }
    }

    /// <summary>Opens a data set whole, in its order, with images of the size that they have; of CIFAR and idx files in their own channels, of others in colour.</summary>
    /// <param name="spec">As in <see cref="Open"/>. All images must have the size of the first; what the program draws itself is drawn in 32x32.</param>
    /// <exception cref="ArgumentException">The specification is empty.</exception>
    /// <exception cref="InvalidFileException">The data set is missing, of another format, damaged, or holds latents.</exception>
    public static (IImageDataset Images, DatasetDescription Description) OpenAsTheyAre(string spec)
    {
        ArgumentException.ThrowIfNullOrEmpty(spec);
        const int side = 32;
        if (IsSynthetic(spec))
        {
            DatasetSplit drawn = SyntheticImages.Make(spec, side, channels: 3);
            return (new JoinedImages(drawn.Train, drawn.HeldOut), drawn.Description);
        }

        try
        {
            Extents natural = new(side, channels: 3, LatentConventions.Get(LatentConventions.Default)) { AsTheyAre = true };
            (IImageDataset images, DatasetDescription found) = Directory.Exists(spec) ? OpenFolder(spec, natural) : OpenFile(spec, natural);
            return images.Latents is null
                ? (images, found with { Images = images.Count, TrainImages = images.Count })
                : throw new InvalidFileException(spec, "holds latents, not pictures");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidFileException(spec, $"cannot be read ({e.Message})", e);
        }
    }

    /// <summary>Opens a folder or a zip archive of latents of any extents, whole and in its order.</summary>
    /// <param name="path">The folder or the archive.</param>
    /// <param name="space">Space of the latents.</param>
    /// <exception cref="InvalidFileException">It is missing, damaged, or holds something else.</exception>
    public static IImageDataset OpenLatents(string path, LatentSpace space)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(space);
        try
        {
            using EncodedImages files = Directory.Exists(path) ? new ImageFolder(path) : new ImageZip(path);
            return files.HoldsLatents
                ? files.OpenLatents(new LatentsWanted(Resolution: null, Channels: null, space))
                : throw new InvalidFileException(path, "holds images, not latents in .npy files");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidFileException(path, $"cannot be read ({e.Message})", e);
        }
    }

    private static (IImageDataset Images, DatasetDescription Found) OpenFolder(string path, Extents fit)
    {
        string folder = OnlyFolder.Behind(path);
        if (CifarReader.FindFiles(folder) is { Length: > 0 } batches)
            return (CifarReader.Read(folder, batches, fit.For(CifarFormat.Side, 3)), CifarReader.Describe(CifarFormat.Ten, batches));
        if (CifarReader.FindHundred(folder) is string hundred)
            return (CifarReader.Read(CifarFormat.Hundred, folder, [hundred], fit.For(CifarFormat.Side, 3)), CifarReader.Describe(CifarFormat.Hundred, [hundred]));
        if (MnistReader.FindImages(folder) is string images)
            return OpenIdx(images, fit);
        using ImageFolder encoded = new(path);
        return (Read(encoded, fit), encoded.Description);
    }

    private static IImageDataset Read(EncodedImages encoded, Extents fit) => encoded.HoldsLatents ? encoded.OpenLatents(fit.Latents)
        : fit.AsTheyAre ? encoded.OpenAsTheyAre() : encoded.ReadAll(fit.Pixels);

    private static (IImageDataset Images, DatasetDescription Found) OpenFile(string path, Extents fit)
    {
        string name = Path.GetFileName(path);
        string extension = Path.GetExtension(path).ToUpperInvariant();
        if (extension == ".ZIP")
            return OpenZip(path, fit);
        if (extension == ".BIN")
        {
            ImageStore records = CifarReader.ReadFile(path, fit.For(CifarFormat.Side, 3));
            return (records, CifarReader.Describe(CifarFormat.OfFile(name, new FileInfo(path).Length), [path]));
        }

        if (name.Contains("idx", StringComparison.Ordinal) && !name.EndsWith(".xz", StringComparison.OrdinalIgnoreCase))
            return OpenIdx(path, fit);
        FileHead head = FileHead.Of(path);
        if (TarFile.LooksRight(head.Bytes) || extension is ".TAR" or ".TGZ" || name.EndsWith(".tar.gz", StringComparison.OrdinalIgnoreCase))
        {
            CifarArchive archive = new(path);
            return (archive.ReadAll(fit.For(CifarFormat.Side, 3)), archive.Description);
        }

        if (ImageDecoder.IsImageName(name))
            throw new InvalidFileException(path, "is a single image; give its folder");
        if ((ForeignFormats.OfName(name) ?? ForeignFormats.OfHead(head.Bytes)) is { } words)
            throw new InvalidFileException(path, $"is {words}");
        if (head.Bytes is [(byte)'P', (byte)'K', 3, 4, ..])
            return OpenZip(path, fit);
        if (head.IsGzip && head.Bytes is not [0, 0, ..])
            throw new InvalidFileException(path, $"is a gzip file of no known data set ({Expected})");
        return IdxFile.LooksRight(path) ? OpenIdx(path, fit) : throw new InvalidFileException(path, $"is no known data set ({Expected})");
    }

    private static (IImageDataset Images, DatasetDescription Found) OpenIdx(string path, Extents fit)
    {
        ImageStore images = MnistReader.Read(path, fit.AsTheyAre ? fit.For(MnistReader.SideOf(path), 1) : fit.Pixels);
        return (images, MnistReader.Describe(path, images.LabelCount));
    }

    private static (IImageDataset Images, DatasetDescription Found) OpenZip(string path, Extents fit)
    {
        using ImageZip zip = new(path);
        return (Read(zip, fit), zip.Description);
    }

    private static DatasetSplit Describe(DatasetSplit split, IImageDataset images, DatasetDescription found, ImageFit? fit)
    {
        if (fit is { Fitting: null })
            LookAtSome(images);
        IReadOnlyList<LeftOut> leftOut = found.LeftOut;
        if (!leftOut.Any(each => each.Reason == LeftOutReason.EmptyClass) && EmptyClasses(images, found.ClassNames) is { } empty)
            leftOut = [.. leftOut.Append(empty).OrderBy(each => each.Reason)];
        return split with
        {
            Description = found with { Format = images.Latents is { } space ? $"{found.Format} by {space}" : found.Format, Images = images.Count, TrainImages = split.Train.Count, HeldOutImages = split.HeldOut.Count, Fitting = fit?.Fitting, LeftOut = leftOut },
        };
    }

    // Images that are decoded only as they are read have shown no size yet.
    private static void LookAtSome(IImageDataset images)
    {
        byte[] pixels = new byte[images.Height * images.Width * images.Channels];
        int count = Math.Min(images.Count, ImagesLookedAt);
        for (int i = 0; i < count; i++)
            images.Read((int)((long)i * images.Count / count), pixels);
    }

    // Classes by folders are counted as they are listed; those by labels are known only now.
    private static LeftOut? EmptyClasses(IImageDataset images, IReadOnlyList<string> names)
    {
        bool[] seen = new bool[images.LabelCount];
        for (int i = 0; i < images.Count && seen.Length > 0; i++)
            seen[images.Label(i)] = true;
        LeftOutTally tally = new();
        for (int label = 0; label < seen.Length; label++)
        {
            if (!seen[label])
                tally.AddEmptyClass(names[label], holds: "");
        }

        return tally.ToList() is [var empty] ? empty : null;
    }

    /// <summary>What the model takes: pixels that are fitted to it, or latents.</summary>
    private sealed class Extents
    {
        private readonly int channels;

        internal Extents(int resolution, int channels, LatentSpace latents)
        {
            this.channels = channels;
            Latents = new LatentsWanted(resolution, channels, latents);
            if (resolution < 1 || channels < 1)
                _ = Pixels; // which refuses numbers that no model has
        }

        /// <summary>Whether no model is asked, and pixels stay as they are.</summary>
        internal bool AsTheyAre { get; init; }

        /// <summary>Brings pixels of a format of one size to the model's extents, or leaves them at their own.</summary>
        internal ImageFit For(int side, int ownChannels) => AsTheyAre ? new ImageFit(side, ownChannels) : Pixels;

        /// <summary>Brings pixels to the model's extents.</summary>
        /// <exception cref="ArgumentException">Pixels have no such extents.</exception>
        internal ImageFit Pixels => channels > 3
            ? throw new ArgumentException($"it holds pixels, but the network takes latents of {channels} channels")
            : field ??= new ImageFit(Latents.Resolution!.Value, channels);

        internal LatentsWanted Latents { get; }
    }
}
