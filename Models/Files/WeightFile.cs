using System.Globalization;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Weights as safetensors under the names and in the order of EDM's state dict, so that PyTorch loads them as they are. The
/// metadata holds the network's configuration as JSON (<c>config</c>), the deviation of the data (<c>sigma_data</c>), the
/// model's kind (<c>kind</c>) and, if they have any, the names of the classes (<c>class_names</c>), the space of the latents (<c>latent_mean</c>,
/// <c>latent_std</c>, <c>latent_range</c>) and the guidance scales of the training (<c>guidance_range</c>).
/// </summary>
/// <remarks>
/// Files of PyTorch are read too: prefixes of its wrappers are taken off the names, and a file without a configuration is read for a network that the caller names.
/// Of a file that holds an average of the weights beside them, under <c>ema.</c>, the average is read. Every name and shape is checked before anything is allocated
/// for it, so that a file costs no more memory than its own size.
/// </remarks>
public static class WeightFile
{
    /// <summary>sigma_data of a file without one: the value of EDM and of the sCM paper for pixels in [-1, 1].</summary>
    public const float DefaultSigmaData = 0.5f;

    /// <summary>Writes weights, whole or not at all: the old file stays until the new one is complete.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="network">The network.</param>
    /// <param name="weights">A slab of the network's parameters; further ones are left out.</param>
    /// <param name="description">The rest of the metadata.</param>
    /// <param name="type">Type of the stored values: F32, BF16 or F16. A tensor with values beyond the type's range is stored as F32.</param>
    /// <param name="further">Further metadata, which readers of weights pass over; null for none.</param>
    /// <exception cref="ArgumentException">
    /// The path is empty or names no file, the type is another one, a key of the further metadata is one of the file's own, or the names of the classes break the
    /// rules of <see cref="ClassNames"/>.
    /// </exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the network.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void Save(
        string path, INetwork network, ParameterSlab weights, WeightDescription description, SafetensorsType type = SafetensorsType.F32,
        IReadOnlyDictionary<string, string>? further = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(description);
        if (ClassNames.Fault(description.ClassNames, network.Config.LabelCount) is { } fault)
            throw new ArgumentException(fault, nameof(description));
        var writer = new SafetensorsWriter();
        writer.SetMetadata(WeightMetadata.ConfigKey, network.Config.ToJson());
        writer.SetMetadata(WeightMetadata.SigmaDataKey, description.SigmaData.ToString("R", CultureInfo.InvariantCulture));
        writer.SetMetadata(WeightMetadata.KindKey, description.Kind.ToString().ToLowerInvariant());
        if (!description.ClassNames.IsEmpty)
            writer.SetMetadata(WeightMetadata.ClassNamesKey, ClassNames.Format(description.ClassNames));
        LatentMetadata.Write(writer, description.Latents);
        if (description.GuidanceRange is { } range)
            writer.SetMetadata(WeightMetadata.GuidanceKey, range.Format());
        foreach ((string key, string value) in further ?? new Dictionary<string, string>())
        {
            if (WeightMetadata.IsOwn(key))
                throw new ArgumentException($"the metadata '{key}' of a weight file has a meaning of its own", nameof(further));
            writer.SetMetadata(key, value);
        }

        foreach (ParameterSpec parameter in network.Parameters)
        {
            Tensor value = weights[parameter.Name].Value;
            SafetensorsType stored = type == SafetensorsType.F32 ? type : WeightEncoding.Fitting(type, value.ToArray());
            writer.Add(parameter.Name, stored, parameter.FileShape.AsSpan(), stream =>
                stream.Write(WeightEncoding.Encode(stored, parameter.ToFileOrder(value.ToArray()))));
        }

        writer.Save(path);
    }

    /// <summary>Reads what a file holds, without its weights, after checking that it has a tensor of the right shape for every parameter.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="fallback">
    /// Network of a file without a configuration; null if there must be one. Without classes, it gets those for which the file has weights.
    /// </param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">
    /// The file is malformed, holds a training state or no configuration of a network, or a tensor is missing, unknown or of another shape.
    /// </exception>
    public static (NetworkConfig Network, WeightDescription Description) ReadDescription(string path, NetworkConfig? fallback = null)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        INetwork network = WeightMetadata.ReadNetwork(file, fallback);
        WeightDescription description = WeightMetadata.ReadDescription(file, network.Config);
        WeightNames.Match(file, network);
        return (network.Config, description);
    }

    /// <summary>Whether a file's metadata holds the configuration of a network; if not, the caller must name one.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is malformed.</exception>
    public static bool HasNetwork(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.Metadata.ContainsKey(WeightMetadata.ConfigKey);
    }

    /// <summary>Reads a network and its weights. Nothing is allocated on the device before every name and shape has been checked.</summary>
    /// <param name="path">Path of the file. Names in it may have the prefixes of PyTorch's wrappers; buffers called resample_filter are ignored.</param>
    /// <param name="device">Device of the weights.</param>
    /// <param name="activations">Storage type of the network's activations, fp32 or bf16; compute weights are made for it.</param>
    /// <param name="fallback">
    /// Network of a file without a configuration; null if there must be one. Without classes, it gets those for which the file has weights.
    /// </param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">
    /// The file is malformed, holds a training state, its metadata is missing or invalid, or a tensor is missing, unknown, of another shape or not finite, or the
    /// data do not match the checksum in the metadata.
    /// </exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public static LoadedWeights Load(string path, ComputeDevice device, DType activations = DType.Float32, NetworkConfig? fallback = null)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        INetwork network = WeightMetadata.ReadNetwork(file, fallback);
        WeightDescription description = WeightMetadata.ReadDescription(file, network.Config);
        WeightMatch match = WeightNames.Match(file, network);
        file.VerifyChecksum();
        ParameterSlab weights = network.CreateSlab(device, activations: activations);
        try
        {
            Read(file, network, match.Entries, weights);
            return new LoadedWeights(network, weights, description) { Prefix = match.Prefix, OtherPrefixes = match.Others };
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Reads the weights of a given network into a slab, as the start of a training, and makes the slab's compute weights.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="network">
    /// The network. Its configuration must be the file's, except for scalar conditions that the file's network lacks: the layers of these get their
    /// initial values, under which they change nothing. A file without a configuration must fit this one, without its scalar conditions or with them.
    /// </param>
    /// <param name="weights">A slab of the network's parameters; if an exception is thrown, part of it may be overwritten.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">As for <see cref="Load"/>, or the file holds another network.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the network.</exception>
    public static void LoadInto(string path, INetwork network, ParameterSlab weights)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(weights);
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        (INetwork found, WeightMatch match) = FindFitting(file, network.Config);
        file.VerifyChecksum();
        Read(file, found, match.Entries, weights);
        foreach ((int index, ParameterSpec further) in network.Parameters.Index().Where(each => !match.Entries.ContainsKey(each.Item.Name)))
            weights[further.Name].Value.Upload<float>(further.Initial.Draw((int)further.Shape.Count, seed: 0, index));
        network.RefreshComputeWeights(weights);
    }

    /// <summary>Requires that a training of a network can start from a file, as <see cref="LoadInto"/> does, without reading values.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="network">The network.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">As for <see cref="LoadInto"/>, except that a value may not be finite.</exception>
    public static void RequireFit(string path, INetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        FindFitting(file, network.Config);
        file.VerifyChecksum();
    }

    /// <summary>Builds the network that a file's metadata describes.</summary>
    internal static INetwork ReadNetwork(SafetensorsFile file) => WeightMetadata.ReadNetwork(file, fallback: null);

    /// <summary>The same as <see cref="Find"/>, of a file whose network is the given one but for conditions that it lacks.</summary>
    private static (INetwork Network, WeightMatch Match) FindFitting(SafetensorsFile file, NetworkConfig config)
    {
        (INetwork found, WeightMatch match) = Find(file, config);
        string? difference = found.Config.DifferenceFrom(config with { Conditions = found.Config.Conditions })
            ?? (found.Config.Conditions.Except(config.Conditions).Any() ? found.Config.DifferenceFrom(config) : null);
        return difference is null ? (found, match) : throw new InvalidFileException(file.Path, $"is of another network: its {difference}");
    }

    /// <summary>The file's network and its tensors. A file without a configuration holds the given network, or this network before it got conditions.</summary>
    private static (INetwork Network, WeightMatch Match) Find(SafetensorsFile file, NetworkConfig config)
    {
        INetwork found = WeightMetadata.ReadNetwork(file, config);
        bool described = file.Metadata.ContainsKey(WeightMetadata.ConfigKey);
        if (described && found.Config with { Conditions = config.Conditions } != config)
            return (found, new WeightMatch([], "", [])); // refused by the caller, whose message says more than a name that is missing
        if (described || config.Conditions.IsEmpty)
            return (found, WeightNames.Match(file, found));
        try
        {
            INetwork plain = (config with { Conditions = [] }).Build();
            return (plain, WeightNames.Match(file, plain));
        }
        catch (InvalidFileException)
        {
            return (found, WeightNames.Match(file, found));
        }
    }

    private static void Read(SafetensorsFile file, INetwork network, Dictionary<string, SafetensorsEntry> entries, ParameterSlab weights)
    {
        foreach (ParameterSpec parameter in network.Parameters)
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(file.ReadSingles(entries[parameter.Name].Name)));
        network.RefreshComputeWeights(weights);
    }
}

/// <summary>Network and weights of a file.</summary>
/// <param name="Network">The network that the file describes.</param>
/// <param name="Weights">Its weights; the caller disposes of them.</param>
/// <param name="Description">The rest of the metadata.</param>
public sealed record LoadedWeights(INetwork Network, ParameterSlab Weights, WeightDescription Description)
{
    /// <summary>What stood before all names in the file and was taken off, such as "module."; empty for nothing.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Prefixes of further networks in the file, which were passed over: the weights beside an average.</summary>
    public IReadOnlyList<string> OtherPrefixes { get; init; } = [];
}
