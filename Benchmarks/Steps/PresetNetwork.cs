using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>The networks of models' presets as they are measured: with the classes of the data for which they are made.</summary>
internal static class PresetNetwork
{
    private const int ImageNetClasses = 1000, FewClasses = 10;

    /// <summary>Returns the configuration of a preset. EDM2's networks, which are made for ImageNet, get its classes if the preset names none.</summary>
    /// <param name="preset">Name of a model's preset.</param>
    /// <param name="guided">Whether classes are needed; a network without any then gets ten.</param>
    /// <exception cref="ArgumentException">There is no such preset; the message lists them.</exception>
    public static NetworkConfig Of(string preset, bool guided = false)
    {
        NetworkConfig config = ModelPresets.Get(preset);
        if (config.LabelCount > 0)
            return config;
        return config is Edm2Config ? config with { LabelCount = ImageNetClasses } : guided ? config with { LabelCount = FewClasses } : config;
    }

    /// <summary>Returns a class for each of a number of images; empty for a network without classes.</summary>
    public static int[] Labels(NetworkConfig config, int count) =>
        config.LabelCount == 0 ? [] : [.. Enumerable.Range(0, count).Select(i => (int)((i * 7919L + 13) % config.LabelCount))];
}
