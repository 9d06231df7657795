using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>The tensors of one network in a safetensors file: those whose names begin with a prefix, each of which a network must ask for.</summary>
/// <param name="file">The file, opened so that values which are not finite are refused.</param>
/// <param name="prefix">What stands before all names.</param>
internal sealed class FeatureTensors(SafetensorsFile file, string prefix)
{
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);

    /// <summary>Path of the file, for messages.</summary>
    public string Path => file.Path;

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Has(string name) => file.Find(prefix + name) is not null;

    /// <summary>What the file's metadata say under a key; null for nothing.</summary>
    public string? Says(string key) => file.Metadata.GetValueOrDefault(key);

    /// <summary>The extents of a tensor, at least <paramref name="rank"/> of them, each from 1 to 65536.</summary>
    /// <exception cref="InvalidFileException">The tensor is missing, or has other extents.</exception>
    public int[] Extents(string name, int rank)
    {
        SafetensorsEntry entry = file.Require(prefix + name);
        return entry.Shape.Length == rank && entry.Shape.All(extent => extent is >= 1 and <= 1 << 16)
            ? [.. entry.Shape.Select(extent => (int)extent)]
            : throw Refused($"tensor '{prefix}{name}' has the shape {SafetensorsEntry.FormatShape(entry.Shape.AsSpan())}, expected {rank} extents from 1 to {1 << 16}");
    }

    /// <summary>Checks a tensor's shape, and that it holds floating-point numbers, before anything is read.</summary>
    /// <exception cref="InvalidFileException">The tensor is missing, has another shape, or holds no floating-point numbers.</exception>
    public void Expect(string name, params ReadOnlySpan<long> shape)
    {
        asked.Add(name);
        SafetensorsEntry entry = file.Require(prefix + name, shape);
        if (entry.Type is not (SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.F64))
            throw Refused($"tensor '{prefix}{name}' holds {entry.Type.FileName()}, expected floating-point numbers");
    }

    /// <summary>Reads the values of a tensor whose shape has been checked.</summary>
    /// <exception cref="InvalidFileException">A value is not finite, or the file has become shorter.</exception>
    public float[] Read(string name) => file.ReadSingles(prefix + name);

    /// <summary>Refuses tensors that nothing asked for.</summary>
    /// <param name="network">What the network is, for the message.</param>
    /// <param name="passedOver">Names that mean nothing here.</param>
    /// <exception cref="InvalidFileException">There is a tensor that is none of the network.</exception>
    public void RefuseOthers(string network, Predicate<string> passedOver)
    {
        string? other = file.Entries.Select(entry => entry.Name).Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..])
            .FirstOrDefault(name => !asked.Contains(name) && !passedOver(name));
        if (other is not null)
            throw Refused($"tensor '{prefix}{other}' is none of {network}");
    }

    /// <summary>The exception for this file.</summary>
    public InvalidFileException Refused(string reason) => new(file.Path, reason);
}
