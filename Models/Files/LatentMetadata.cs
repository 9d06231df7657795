using System.Globalization;
using System.Text.Json;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>The latent space of a model in its file's metadata: three JSON arrays of numbers, all there or none.</summary>
internal static class LatentMetadata
{
    public const string MeanKey = "latent_mean", DeviationKey = "latent_std", RangeKey = "latent_range";

    private static readonly string[] Keys = [MeanKey, DeviationKey, RangeKey];

    /// <summary>Whether a key is one of the latent space's.</summary>
    public static bool IsOwn(string key) => Keys.Contains(key, StringComparer.Ordinal);

    /// <summary>Writes the metadata; nothing for a model of pixels.</summary>
    public static void Write(SafetensorsWriter writer, LatentSpace? space)
    {
        if (space is null)
            return;
        writer.SetMetadata(MeanKey, Format(space.Mean));
        writer.SetMetadata(DeviationKey, Format(space.Deviation));
        writer.SetMetadata(RangeKey, Format([space.Low, space.High]));
    }

    /// <summary>Reads the metadata of a network's file; null if it has none of the keys.</summary>
    /// <exception cref="InvalidFileException">A key is missing beside the others, or the numbers are not those of a space of the network's channels.</exception>
    public static LatentSpace? Read(SafetensorsFile file, NetworkConfig network)
    {
        if (!Keys.Any(file.Metadata.ContainsKey))
            return null;
        float[] mean = ReadNumbers(file, MeanKey), deviation = ReadNumbers(file, DeviationKey), range = ReadNumbers(file, RangeKey);
        if (range.Length != 2)
            throw new InvalidFileException(file.Path, $"{RangeKey} has {range.Length} numbers, expected two");
        try
        {
            LatentSpace space = new([.. mean], [.. deviation], range[0], range[1]);
            return space.Channels == network.Image.C
                ? space
                : throw new InvalidFileException(file.Path, $"{MeanKey} is of {space.Channels} channels, but the network's latents have {network.Image.C}");
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(file.Path, e.Message, e);
        }
    }

    private static string Format(IEnumerable<float> numbers) => $"[{string.Join(", ", numbers.Select(each => each.ToString("R", CultureInfo.InvariantCulture)))}]";

    private static float[] ReadNumbers(SafetensorsFile file, string key)
    {
        if (!file.Metadata.TryGetValue(key, out string? text))
            throw new InvalidFileException(file.Path, $"its metadata has no '{key}' beside {string.Join(" and ", Keys.Where(file.Metadata.ContainsKey))}");
        try
        {
            return JsonSerializer.Deserialize<float[]>(text) ?? throw new InvalidFileException(file.Path, $"{key} is not a JSON array of numbers");
        }
        catch (JsonException e)
        {
            throw new InvalidFileException(file.Path, $"{key} is not a JSON array of numbers", e);
        }
    }
}
