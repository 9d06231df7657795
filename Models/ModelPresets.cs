namespace TrigFlowNative.Models;

/// <summary>
/// Named networks: cifar10 as in arXiv:2410.11081, appendix G.2; mnist (28x28 padded to 32x32), which trains in minutes on a GPU;
/// demo, which trains in minutes on a CPU. The networks of EDM2 (arXiv:2312.02696, table 6) as in arXiv:2410.11081, tables 4 and 5, for images of ImageNet at
/// 64x64 (imagenet64-s to -xl) and for latents of it at 512x512 (imagenet512-s to -xxl), both with 1000 classes; cifar10-edm2, a small one with 10 classes
/// that trains in minutes on a GPU. A program adds its own before it reads a command line that names them.
/// </summary>
public static class ModelPresets
{
    private static readonly Lock Adding = new();

    private static Dictionary<string, NetworkConfig> rows = new(StringComparer.Ordinal) // replaced by a longer copy, never changed
    {
#pragma warning disable format // columns line up
        // size, channels of image and model, multipliers, blocks, attention;  parameters, a forward pass of one image
        ["cifar10"] = Row(32, 3, 128, [2, 2, 2], 4, [16]), //                      60.07 M    42.3  GFLOP
        ["mnist"]   = Row(32, 1,  32, [1, 2, 2], 2, [ 8]), //                       1.90 M     0.83 GFLOP
        ["demo"]    = Row(16, 3,  16, [1, 2, 4], 1, [ 8]), //                       0.76 M     0.06 GFLOP

        // size, channels of image and model, multipliers, blocks, classes;  parameters, a forward pass of one image
        ["cifar10-edm2"]    = Edm2(32, 3, 128, [1, 2, 2],    3,   10), //           38.12 M    18.4  GFLOP
        ["imagenet64-s"]    = Edm2(64, 3, 192, [1, 2, 3, 4], 3, 1000), //          293.92 M   201.6  GFLOP
        ["imagenet64-m"]    = Edm2(64, 3, 256, [1, 2, 3, 4], 3, 1000), //          522.18 M   357.9  GFLOP
        ["imagenet64-l"]    = Edm2(64, 3, 320, [1, 2, 3, 4], 3, 1000), //          815.59 M   558.7  GFLOP
        ["imagenet64-xl"]   = Edm2(64, 3, 384, [1, 2, 3, 4], 3, 1000), //         1174.13 M   804.0  GFLOP
        ["imagenet512-s"]   = Edm2(64, 4, 192, [1, 2, 3, 4], 3, 1000), //          293.93 M   201.6  GFLOP
        ["imagenet512-m"]   = Edm2(64, 4, 256, [1, 2, 3, 4], 3, 1000), //          522.18 M   357.9  GFLOP
        ["imagenet512-l"]   = Edm2(64, 4, 320, [1, 2, 3, 4], 3, 1000), //          815.59 M   558.7  GFLOP
        ["imagenet512-xl"]  = Edm2(64, 4, 384, [1, 2, 3, 4], 3, 1000), //         1174.14 M   804.0  GFLOP
        ["imagenet512-xxl"] = Edm2(64, 4, 448, [1, 2, 3, 4], 3, 1000), //         1597.83 M  1093.9  GFLOP
#pragma warning restore format
    };

    /// <summary>All presets by name, in the order in which they were added. A later <see cref="Add"/> does not change a dictionary that was returned before.</summary>
    public static IReadOnlyDictionary<string, NetworkConfig> All => Volatile.Read(ref rows);

    /// <summary>Adds a preset; several threads may do so at once.</summary>
    /// <param name="name">Name in lower-case letters, for <c>--preset</c> and configurations.</param>
    /// <param name="network">Configuration of its network; without classes if these are the data's affair.</param>
    /// <exception cref="ArgumentException">The name is empty or taken.</exception>
    public static void Add(string name, NetworkConfig network)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(network);
        lock (Adding)
        {
            if (rows.ContainsKey(name))
                throw new ArgumentException($"the preset '{name}' is known already");
            Volatile.Write(ref rows, new Dictionary<string, NetworkConfig>(rows, StringComparer.Ordinal) { [name] = network });
        }
    }

    /// <summary>Returns a preset by name; add classes, or take them away, with <c>with { LabelCount = 10 }</c>.</summary>
    /// <exception cref="ArgumentException">There is no preset of that name; the message lists them.</exception>
    public static NetworkConfig Get(string name) => All.TryGetValue(name, out NetworkConfig? config)
        ? config
        : throw new ArgumentException($"unknown preset '{name}': expected one of {string.Join(", ", All.Keys)}");

    private static DdpmppConfig Row(
        int resolution, int imageChannels, int modelChannels, int[] channelMult, int blocks, int[] attention) => new()
        {
            Resolution = resolution,
            ImageChannels = imageChannels,
            ModelChannels = modelChannels,
            ChannelMult = [.. channelMult],
            BlocksPerLevel = blocks,
            AttentionResolutions = [.. attention],
        };

    private static Edm2Config Edm2(int resolution, int imageChannels, int modelChannels, int[] channelMult, int blocks, int classes) => new()
    {
        Resolution = resolution,
        ImageChannels = imageChannels,
        LabelCount = classes,
        ModelChannels = modelChannels,
        ChannelMult = [.. channelMult],
        BlocksPerLevel = blocks,
        AttentionResolutions = [16, 8],
    };
}
