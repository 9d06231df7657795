using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Reads the decoder out of an autoencoder's safetensors file: its widths from the tensors' shapes, then its weights.</summary>
internal static class DecoderFile
{
    private const int MaxLevels = 8, MaxBlocks = 64, MaxChannels = 1 << 14;

    /// <summary>Builds the network that the file's decoder is of, and finds its tensors, before anything is allocated for them.</summary>
    /// <exception cref="InvalidFileException">A tensor is missing, unknown, or of another shape than the others imply.</exception>
    public static (DecoderConfig Config, DecoderNetwork Network, Dictionary<string, SafetensorsEntry> Entries) Describe(SafetensorsFile file)
    {
        Dictionary<string, SafetensorsEntry> entries = DecoderNames.Find(file);
        DecoderConfig config = ReadConfig(file, entries);
        DecoderNetwork network = Build(file, config);
        foreach (ParameterSpec parameter in network.Parameters)
        {
            SafetensorsEntry entry = Require(file, entries, parameter.Name);
            if (!Fits(parameter, entry))
            {
                throw new InvalidFileException(file.Path,
                    $"tensor '{entry.Name}' has the shape {SafetensorsEntry.FormatShape(entry.Shape.AsSpan())}, expected {SafetensorsEntry.FormatShape(parameter.FileShape.AsSpan())}");
            }
        }

        HashSet<string> known = [.. network.Parameters.Select(parameter => parameter.Name)];
        return entries.FirstOrDefault(entry => !known.Contains(entry.Key)).Value is { } unknown
            ? throw new InvalidFileException(file.Path, $"tensor '{unknown.Name}' is none of this decoder")
            : (config, network, entries);
    }

    /// <summary>Reads the weights into a slab; fp16 and bf16 become fp32.</summary>
    /// <exception cref="InvalidFileException">A tensor holds no floating-point numbers, or one that is not finite.</exception>
    public static void Read(SafetensorsFile file, DecoderNetwork network, Dictionary<string, SafetensorsEntry> entries, ParameterSlab weights)
    {
        foreach (ParameterSpec parameter in network.Parameters)
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(file.ReadSingles(entries[parameter.Name].Name)));
    }

    private static DecoderConfig ReadConfig(SafetensorsFile file, Dictionary<string, SafetensorsEntry> entries)
    {
        List<int> widths = [], blocks = [];
        for (int level = 0; level < MaxLevels && Has(level, 0); level++)
        {
            widths.Add(Extent(First(level, 0), 0));
            int count = 1;
            while (count < MaxBlocks && Has(level, count))
                count++;
            blocks.Add(count);
        }

        if (widths.Count == 0)
            Require(file, entries, First(0, 0));
        int latents = Extent("decoder.conv_in.weight", 1), image = Extent("decoder.conv_out.weight", 0);
        if (image != 3)
            throw new InvalidFileException(file.Path, $"its decoder draws {image} channels, expected 3");
        if (Extent("decoder.conv_in.weight", 0) != widths[0])
            throw new InvalidFileException(file.Path, $"tensor '{entries["decoder.conv_in.weight"].Name}' has {Extent("decoder.conv_in.weight", 0)} outputs, but the first level {widths[0]} channels");
        return new DecoderConfig { LatentChannels = latents, Widths = [.. widths], Blocks = [.. blocks], ImageChannels = image };

        bool Has(int level, int block) => entries.ContainsKey(First(level, block));

        int Extent(string name, int axis) => Require(file, entries, name) is var entry && entry.Shape.Length == 4 && entry.Shape[axis] is > 0 and <= MaxChannels
            ? (int)entry.Shape[axis]
            : throw new InvalidFileException(file.Path, $"tensor '{entry.Name}' has the shape {SafetensorsEntry.FormatShape(entry.Shape.AsSpan())}, expected that of a 3x3 convolution");

        static string First(int level, int block) => $"decoder.up_blocks.{level}.resnets.{block}.conv1.weight";
    }

    private static DecoderNetwork Build(SafetensorsFile file, DecoderConfig config)
    {
        try
        {
            return new DecoderNetwork(config);
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(file.Path, $"its decoder has levels of {string.Join(", ", config.Widths)} channels, which do not fall into {DecoderBlock.Groups} groups", e);
        }
    }

    private static SafetensorsEntry Require(SafetensorsFile file, Dictionary<string, SafetensorsEntry> entries, string name) =>
        entries.TryGetValue(name, out SafetensorsEntry? entry) ? entry : throw new InvalidFileException(file.Path, $"no tensor '{name}', nor one of CompVis' name for it");

    /// <summary>Matrices are those of linear layers or of 1x1 convolutions, whichever a program took.</summary>
    private static bool Fits(ParameterSpec parameter, SafetensorsEntry entry) =>
        entry.HasShape(parameter.FileShape.AsSpan())
        || (parameter.Shape.Rank == 2 && (entry.HasShape([parameter.Shape[0], parameter.Shape[1]]) || entry.HasShape([parameter.Shape[0], parameter.Shape[1], 1, 1])));
}
