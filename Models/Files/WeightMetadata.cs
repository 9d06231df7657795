using System.Globalization;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Reads what a weight file's metadata says: the network's configuration, the deviation of the data, the kind, the names of the classes, the latent space and the guidance scales.</summary>
internal static class WeightMetadata
{
    public const string ConfigKey = "config", SigmaDataKey = "sigma_data", KindKey = "kind", ClassNamesKey = "class_names", GuidanceKey = "guidance_range";

    /// <summary>The metadata by which a training's state is known; it holds weights too, but of several networks and in the order of memory.</summary>
    private const string FormatKey = "format", StatePrefix = "trigflow-training-state";

    /// <summary>Length of the longest configuration: no network's needs a hundredth of it.</summary>
    private const int MaxConfigLength = 1 << 20;

    /// <summary>Whether readers of weights look at a key of the metadata.</summary>
    public static bool IsOwn(string key) => key is ConfigKey or SigmaDataKey or KindKey or ClassNamesKey or GuidanceKey or FormatKey || LatentMetadata.IsOwn(key);

    /// <summary>Builds the network that a file's metadata describes, or a fallback if it describes none.</summary>
    /// <param name="file">The file.</param>
    /// <param name="fallback">
    /// Network of a file without a configuration; null if there must be one. Without classes, it gets those for which the file has weights.
    /// </param>
    public static INetwork ReadNetwork(SafetensorsFile file, NetworkConfig? fallback)
    {
        if (file.Metadata.TryGetValue(FormatKey, out string? format) && format.StartsWith(StatePrefix, StringComparison.Ordinal))
            throw new InvalidFileException(file.Path, "is a training state, not a weight file: take model.safetensors in the folder of its run");
        if (file.Metadata.TryGetValue(ConfigKey, out string? json))
        {
            return json.Length <= MaxConfigLength
                ? Build(file.Path, WithSigmaData(NetworkRegistry.Read(file.Path, json), file))
                : throw new InvalidFileException(file.Path, $"its '{ConfigKey}' has {json.Length} characters, at most {MaxConfigLength} are read");
        }

        if (fallback is null)
            throw new InvalidFileException(file.Path, $"its metadata has no '{ConfigKey}', which says what network its weights are for; name it (on the command line by --preset)");
        return Build(file.Path, fallback.LabelCount > 0 ? fallback : fallback with { LabelCount = CountLabels(file, fallback) });
    }

    /// <summary>A network that is told noise levels takes them by the file's own sigma_data, whatever its configuration says.</summary>
    private static NetworkConfig WithSigmaData(NetworkConfig config, SafetensorsFile file) => config switch
    {
        Edm2Config { Embedding: Edm2Embedding.Fourier } edm2 when file.Metadata.ContainsKey(SigmaDataKey) => edm2 with { SigmaData = ReadSigmaData(file) },
        DdpmppConfig { Variant: DdpmppVariant.Edm } edm when file.Metadata.ContainsKey(SigmaDataKey) => edm with { SigmaData = ReadSigmaData(file) },
        _ => config,
    };

    /// <summary>Reads the rest of the metadata.</summary>
    public static WeightDescription ReadDescription(SafetensorsFile file, NetworkConfig network) =>
        new(ReadSigmaData(file), ReadKind(file))
        {
            ClassNames = [.. ReadClassNames(file, network.LabelCount)],
            Latents = LatentMetadata.Read(file, network),
            GuidanceRange = ReadGuidance(file),
            IsAssumed = !file.Metadata.ContainsKey(SigmaDataKey) || !file.Metadata.ContainsKey(KindKey),
        };

    private static INetwork Build(string path, NetworkConfig config)
    {
        try
        {
            return config.Build();
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            throw new InvalidFileException(path, e.Message, e);
        }
    }

    /// <summary>
    /// Number of classes for which a file has weights: the extent that grows with the classes in a parameter that only a network with classes has.
    /// </summary>
    private static int CountLabels(SafetensorsFile file, NetworkConfig network)
    {
        HashSet<string> plain = [.. Build(file.Path, network).Parameters.Select(parameter => parameter.Name)];
        IEnumerable<ParameterSpec> two = Labelled(2), three = Labelled(3);
        foreach ((ParameterSpec small, ParameterSpec large) in two.Zip(three))
        {
            int axis = Enumerable.Range(0, small.FileShape.Length).FirstOrDefault(i => small.FileShape[i] != large.FileShape[i], -1);
            string end = "." + small.Name;
            SafetensorsEntry? entry = file.Find(small.Name) ?? file.Entries.FirstOrDefault(each => each.Name.EndsWith(end, StringComparison.Ordinal));
            if (axis >= 0 && entry is not null && entry.Shape.Length == small.FileShape.Length && entry.Shape[axis] is > 0 and <= int.MaxValue)
                return (int)entry.Shape[axis];
        }

        return 0;

        IEnumerable<ParameterSpec> Labelled(int count) =>
            Build(file.Path, network with { LabelCount = count }).Parameters.Where(parameter => !plain.Contains(parameter.Name));
    }

    private static float ReadSigmaData(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(SigmaDataKey, out string? text))
            return WeightFile.DefaultSigmaData;
        return float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value) && value > 0
            ? value
            : throw new InvalidFileException(file.Path, $"{SigmaDataKey} is '{text}', expected a positive number");
    }

    /// <summary>Kind of the model; a file without one, such as one of EDM's, holds a diffusion model.</summary>
    private static ModelKind ReadKind(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(KindKey, out string? text))
            return ModelKind.Diffusion;
        return text switch
        {
            "diffusion" => ModelKind.Diffusion,
            "consistency" => ModelKind.Consistency,
            _ => throw new InvalidFileException(file.Path, $"{KindKey} is '{text}', expected diffusion or consistency"),
        };
    }

    private static GuidanceRange? ReadGuidance(SafetensorsFile file) => !file.Metadata.TryGetValue(GuidanceKey, out string? text) ? null
        : GuidanceRange.TryParse(text, out GuidanceRange range) ? range
        : throw new InvalidFileException(file.Path, $"{GuidanceKey} is '{text}', expected two numbers such as [1, 2], the lower first");

    private static string[] ReadClassNames(SafetensorsFile file, int labelCount)
    {
        if (!file.Metadata.TryGetValue(ClassNamesKey, out string? text))
            return [];
        if (!ClassNames.TryParse(text, out string?[] names))
            throw new InvalidFileException(file.Path, $"{ClassNamesKey} is not a JSON array of strings");
        return ClassNames.Fault(names, labelCount) is { } fault
            ? throw new InvalidFileException(file.Path, $"{ClassNamesKey}: {fault}")
            : [.. names.OfType<string>()];
    }
}
