using System.Globalization;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// A file of another program, open for being written as safetensors. Its description costs little; the numbers are read piece by piece while they are written, so that a file
/// larger than memory can be imported.
/// </summary>
public sealed class ImportedFile : IDisposable
{
    /// <summary>Keys of the metadata by which an imported file says where it comes from.</summary>
    public const string SourceKey = "imported_from", KindKey = "imported_kind", LicenceKey = "licence";

    private const int MaxTensors = 100_000, LongestName = 1024, MaxHeader = 8 << 20;
    private const long MaxGrowth = 8, SmallFile = 1 << 20;

    private readonly FileBytes file;
    private readonly ImportContent content;

    internal ImportedFile(FileBytes file, ImportContent content)
    {
        (this.file, this.content) = (file, content);
        Check();
    }

    /// <summary>What the file is, in words.</summary>
    public string Kind => content.Kind;

    /// <summary>Names, types and shapes of the tensors that <see cref="Save"/> writes.</summary>
    public IReadOnlyList<(string Name, SafetensorsType Type, IReadOnlyList<long> Shape)> Tensors => [.. content.Tensors.Select(each => (each.Name, each.StoredType, (IReadOnlyList<long>)each.Shape))];

    /// <summary>Types of the numbers in the imported file, and how many tensors are of each.</summary>
    public IReadOnlyDictionary<SafetensorsType, int> SourceTypes => content.Tensors.GroupBy(each => each.Type).ToDictionary(each => each.Key, each => each.Count());

    /// <summary>Number of elements of all tensors.</summary>
    public long NumberCount => content.Tensors.Sum(each => each.Count);

    /// <summary>Length of the file that <see cref="Save"/> writes, without its header.</summary>
    public long StoredBytes => content.Tensors.Sum(each => each.Count * each.StoredType.SizeInBytes());

    /// <summary>Configuration of the network whose weights the file holds; null if it is none that this program has, or the file does not say.</summary>
    public NetworkConfig? Network => content.Network;

    /// <summary>sigma_data and the space of the latents of <see cref="Network"/>; null without one.</summary>
    public WeightDescription? Description => content.Description;

    /// <summary>Values of the file that are no tensors, and are passed over.</summary>
    public int Skipped => content.Skipped;

    /// <summary>Sentences about what was chosen or left out.</summary>
    public IReadOnlyList<string> Notes => content.Notes;

    /// <summary>Terms under which files of this kind are published; null if there are none to be said.</summary>
    public string? Licence => content.Licence;

    /// <summary>Writes the tensors as safetensors, whole or not at all; the same file gives the same bytes.</summary>
    /// <returns>Number of values that are infinite or not a number.</returns>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    /// <exception cref="InvalidFileException">The imported file is damaged, or has become shorter.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public long Save(string path)
    {
        content.Verify();
        SafetensorsWriter writer = new();
        writer.SetMetadata(SourceKey, Path.GetFileName(file.Path));
        writer.SetMetadata(KindKey, content.Kind);
        if (content.Licence is not null)
            writer.SetMetadata(LicenceKey, content.Licence);
        foreach ((string key, string value) in content.Metadata)
            writer.SetMetadata(key, value);
        if (content is { Network: { } network, Description: { } description })
        {
            writer.SetMetadata(WeightMetadata.ConfigKey, network.ToJson());
            writer.SetMetadata(WeightMetadata.SigmaDataKey, description.SigmaData.ToString("R", CultureInfo.InvariantCulture));
            writer.SetMetadata(WeightMetadata.KindKey, description.Kind.ToString().ToLowerInvariant());
            LatentMetadata.Write(writer, description.Latents);
        }

        long nonFinite = 0;
        foreach (ImportedTensor tensor in content.Tensors)
            writer.Add(tensor.Name, tensor.StoredType, tensor.Shape, stream => nonFinite += tensor.WriteTo(stream));
        writer.Save(path);
        return nonFinite;
    }

    /// <summary>Closes the imported file.</summary>
    public void Dispose() => file.Dispose();

    /// <summary>Bounds what a small file can make of itself: by names without end, or by many tensors that see the same numbers.</summary>
    private void Check()
    {
        if (content.Tensors.Count is 0 or > MaxTensors)
            throw file.Refuse(content.Tensors.Count == 0 ? "holds no tensors" : $"holds {content.Tensors.Count} tensors, at most {MaxTensors} are accepted");
        HashSet<string> names = new(StringComparer.Ordinal);
        Int128 bytes = 0;
        long header = 0;
        foreach (ImportedTensor tensor in content.Tensors)
        {
            if (tensor.Name.Length is 0 or > LongestName || tensor.Name == "__metadata__" || tensor.Name.Any(char.IsControl))
                throw file.Refuse($"has a tensor with the name '{tensor.Name}', which is empty, not printable, longer than {LongestName} characters or reserved");
            if (!names.Add(tensor.Name))
                throw file.Refuse($"has two tensors for the name '{tensor.Name}'");
            header += 4 * tensor.Name.Length + 128;
            bytes += (Int128)tensor.Count * tensor.Type.SizeInBytes();
        }

        if (header > MaxHeader)
            throw file.Refuse("has names of tensors that are too long for one header");
        if (bytes > MaxGrowth * file.Length + SmallFile)
            throw file.Refuse($"has tensors of {bytes} bytes in {file.Length}: they see the same numbers too often");
    }
}
