namespace TrigFlowNative.Models;

/// <summary>
/// Named networks: cifar10 as in arXiv:2410.11081, appendix G.2; mnist (28x28 padded to 32x32), which trains in minutes on a GPU;
/// demo, which trains in minutes on a CPU. A program adds its own before it reads a command line that names them.
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
#pragma warning restore format
    };

    /// <summary>All presets by name, in the order in which they were added. A later <see cref="Add"/> does not change a dictionary that was returned before.</summary>
    public static IReadOnlyDictionary<string, NetworkConfig> All => Volatile.Read(ref rows);

    /// <summary>Adds a preset; several threads may do so at once.</summary>
    /// <param name="name">Name in lower-case letters, for <c>--preset</c> and configurations.</param>
    /// <param name="network">Configuration of its network, without classes.</param>
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

    /// <summary>Returns a preset by name; add classes with <c>with { LabelCount = 10 }</c>.</summary>
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
}
