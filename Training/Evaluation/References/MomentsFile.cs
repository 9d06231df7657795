using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Moments of features as the field keeps them: NumPy archives with <c>mu</c> (d) and <c>sigma</c> (d, d), stored as of EDM or deflated as of pytorch-fid; ADM's hold
/// <c>mu_s</c> and <c>sigma_s</c> of spatial features and images <c>arr_0</c> too. Written ones are float64, stored, and add what numbers are comparable by:
/// <c>num_images</c>, the name of the <c>features</c> and how their network's <c>input</c> is made, which other programs pass over.
/// </summary>
internal static class MomentsFile
{
    private const string Mean = "mu", Covariance = "sigma", SpatialSuffix = "_s", Images = "num_images", Features = "features", Input = "input", Suffix = ".npy";

    private const int MaxWidth = 8192, MaxEntries = 64, MaxName = 256;

    private const long MaxMatrixBytes = sizeof(double) * (long)MaxWidth * MaxWidth + 65536;

    /// <summary>Whether an archive holds moments.</summary>
    /// <exception cref="InvalidFileException">The file is missing or no archive.</exception>
    public static bool HoldsMoments(string path)
    {
        using BoundedZip zip = Open(path);
        return zip.Entries.Any(entry => entry.FullName == Mean + Suffix);
    }

    /// <summary>Reads moments.</summary>
    /// <exception cref="InvalidFileException">The file is missing, damaged, holds no moments, or moments that no images have.</exception>
    public static ReferenceMoments Read(string path)
    {
        using BoundedZip zip = Open(path);
        long count = Find(zip, Images) is { } images ? ReadCount(zip, images) : 0;
        Moments pooled = ReadPair(path, zip, "", count) ?? throw new InvalidFileException(path, $"holds no array {Mean}: expected an .npz with {Mean} and {Covariance}, as EDM's and pytorch-fid's");
        return new ReferenceMoments(pooled, ReadPair(path, zip, SpatialSuffix, count), Find(zip, Features) is { } name ? ReadName(zip, name) : null, Find(zip, "arr_0") is not null)
        {
            Input = Find(zip, Input) is { } input ? ReadName(zip, input) : null,
        };
    }

    /// <summary>Writes moments; the same moments give the same bytes.</summary>
    /// <param name="path">The archive, replaced when it is complete.</param>
    /// <param name="moments">Moments of pooled features, or of those that a network is known for.</param>
    /// <param name="spatial">Moments of spatial features; null for none.</param>
    /// <param name="features">Name of the features.</param>
    /// <param name="input">How the network's input was made of the images, in words; null if it is not known.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, Moments moments, Moments? spatial, string features, string? input = null) => AtomicFile.Write(path, stream =>
    {
        using ZipArchive archive = new(stream, ZipArchiveMode.Create, leaveOpen: true);
        AddPair(archive, "", moments);
        if (spatial is not null)
            AddPair(archive, SpatialSuffix, spatial);
        Add(archive, Images, NpyHeader.Int64, [1], BitConverter.GetBytes(moments.Count));
        AddText(archive, Features, features);
        if (input is not null)
            AddText(archive, Input, input);
    });

    private static BoundedZip Open(string path) => BoundedZip.Open(path, _ => new ZipLimits(MaxEntries, long.MaxValue / MaxEntries, long.MaxValue / 2));

    private static ZipArchiveEntry? Find(BoundedZip zip, string name) => zip.Entries.FirstOrDefault(entry => entry.FullName == name + Suffix);

    private static void AddPair(ZipArchive archive, string suffix, Moments moments)
    {
        Add(archive, Mean + suffix, NpyHeader.Float64, [moments.Width], MemoryMarshal.AsBytes<double>(moments.Mean));
        Add(archive, Covariance + suffix, NpyHeader.Float64, [moments.Width, moments.Width], MemoryMarshal.AsBytes<double>(moments.Covariance));
    }

    private static void AddText(ZipArchive archive, string name, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Add(archive, name, NpyHeader.UInt8, [bytes.Length], bytes);
    }

    private static void Add(ZipArchive archive, string name, string type, ReadOnlySpan<int> shape, ReadOnlySpan<byte> data)
    {
        ZipArchiveEntry entry = archive.CreateEntry(name + Suffix, CompressionLevel.NoCompression);
        entry.LastWriteTime = new DateTimeOffset(1980, 1, 1, 0, 0, 0, TimeSpan.Zero); // zip's first day, so that equal moments give equal files
        using Stream content = entry.Open();
        content.Write(NpyHeader.Format(shape, type));
        content.Write(data);
    }

    private static Moments? ReadPair(string path, BoundedZip zip, string suffix, long count)
    {
        if (Find(zip, Mean + suffix) is not { } mean)
            return null;
        ZipArchiveEntry covariance = Find(zip, Covariance + suffix) ?? throw new InvalidFileException(path, $"holds an array {Mean}{suffix} but none {Covariance}{suffix}");
        (int[] shape, double[] means) = ReadDoubles(zip, mean);
        if (shape.Length != 1 || shape[0] is < 1 or > MaxWidth)
            throw zip.Refuse(mean, $"has the shape ({string.Join(", ", shape)}), expected (d) with d from 1 to {MaxWidth}");
        (int[] square, double[] covariances) = ReadDoubles(zip, covariance);
        if (square.Length != 2 || square[0] != means.Length || square[1] != means.Length)
            throw zip.Refuse(covariance, $"has the shape ({string.Join(", ", square)}), expected ({means.Length}, {means.Length}) as {Mean}{suffix} has {means.Length} means");
        Moments moments = new(count, means, covariances);
        return moments.Fault() is { } fault ? throw zip.Refuse(covariance, $"is no covariance: {fault}") : moments;
    }

    private static (int[] Shape, double[] Values) ReadDoubles(BoundedZip zip, ZipArchiveEntry entry)
    {
        if (entry.Length > MaxMatrixBytes)
            throw zip.Refuse(entry, $"has {entry.Length} bytes, at most {MaxMatrixBytes} are accepted");
        byte[] bytes = zip.Read(entry);
        if (!NpyHeader.TryParse(bytes, out string type, out int[] shape, out int start, out string? reason))
            throw zip.Refuse(entry, reason!);
        int size = type switch
        {
            NpyHeader.Float64 => sizeof(double),
            NpyHeader.Float32 => sizeof(float),
            _ => throw zip.Refuse(entry, $"has elements of type '{type}', expected '{NpyHeader.Float64}' (float64) or '{NpyHeader.Float32}'"),
        };
        ReadOnlySpan<byte> data = bytes.AsSpan(start);
        Int128 expected = shape.Aggregate((Int128)size, (product, extent) => product * extent);
        if (data.Length != expected)
            throw zip.Refuse(entry, $"has {data.Length} bytes of data, its shape ({string.Join(", ", shape)}) needs {expected}");
        return (shape, size == sizeof(double) ? MemoryMarshal.Cast<byte, double>(data).ToArray() : Array.ConvertAll(MemoryMarshal.Cast<byte, float>(data).ToArray(), value => (double)value));
    }

    private static long ReadCount(BoundedZip zip, ZipArchiveEntry entry)
    {
        byte[] bytes = entry.Length <= 4096 ? zip.Read(entry) : throw zip.Refuse(entry, $"has {entry.Length} bytes, expected one number");
        if (!NpyHeader.TryParse(bytes, out string type, out _, out int start, out string? reason))
            throw zip.Refuse(entry, reason!);
        return type == NpyHeader.Int64 && bytes.Length == start + sizeof(long) && BitConverter.ToInt64(bytes, start) is >= 0 and var count
            ? count : throw zip.Refuse(entry, "is no number of images");
    }

    private static string ReadName(BoundedZip zip, ZipArchiveEntry entry)
    {
        byte[] bytes = entry.Length <= MaxName + 4096 ? zip.Read(entry) : throw zip.Refuse(entry, $"has {entry.Length} bytes, expected a name");
        if (!NpyHeader.TryParse(bytes, out _, out int start, out string? reason))
            throw zip.Refuse(entry, reason!);
        return string.Concat(Encoding.UTF8.GetString(bytes.AsSpan(start)).Where(c => !char.IsControl(c)));
    }
}

/// <summary>What a file of moments holds.</summary>
/// <param name="Pooled">Moments of pooled features.</param>
/// <param name="Spatial">Moments of spatial features, as ADM's files hold; null if there are none.</param>
/// <param name="Features">Name of the features; null if the file does not say it.</param>
/// <param name="HoldsImages">Whether images are there besides, as in ADM's files.</param>
internal sealed record ReferenceMoments(Moments Pooled, Moments? Spatial, string? Features, bool HoldsImages)
{
    /// <summary>How the network's input was made of the images, in words; null if the file does not say it.</summary>
    public string? Input { get; init; }
}
