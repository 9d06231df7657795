using System.Globalization;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Weights as safetensors under the names and in the order of EDM's state dict, so that PyTorch loads them as they are. The
/// metadata holds the network's configuration as JSON (<c>config</c>), the deviation of the data (<c>sigma_data</c>) and the
/// model's kind (<c>kind</c>).
/// </summary>
public static class WeightFile
{
    private const string ConfigKey = "config", SigmaDataKey = "sigma_data", KindKey = "kind", WrapperPrefix = "model.", BufferSuffix = "resample_filter";

    /// <summary>sigma_data of a file without one: the value of EDM and of the sCM paper for pixels in [-1, 1].</summary>
    public const float DefaultSigmaData = 0.5f;

    /// <summary>Writes weights, whole or not at all: the old file stays until the new one is complete.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="network">The network.</param>
    /// <param name="weights">A slab of the network's parameters; further ones are left out.</param>
    /// <param name="description">The rest of the metadata.</param>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    /// <exception cref="KeyNotFoundException">The slab lacks a parameter of the network.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void Save(string path, INetwork network, ParameterSlab weights, WeightDescription description)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(description);
        var writer = new SafetensorsWriter();
        writer.SetMetadata(ConfigKey, network.Config.ToJson());
        writer.SetMetadata(SigmaDataKey, description.SigmaData.ToString("R", CultureInfo.InvariantCulture));
        writer.SetMetadata(KindKey, description.Kind.ToString().ToLowerInvariant());
        foreach (ParameterSpec parameter in network.Parameters)
        {
            Tensor value = weights[parameter.Name].Value;
            writer.Add(parameter.Name, SafetensorsType.F32, parameter.FileShape.AsSpan(), stream =>
                stream.Write(MemoryMarshal.AsBytes<float>(parameter.ToFileOrder(value.ToArray()))));
        }

        writer.Save(path);
    }

    /// <summary>Reads the metadata of a file, without its weights.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is malformed, or holds no configuration of a network.</exception>
    public static (NetworkConfig Network, WeightDescription Description) ReadDescription(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return (ReadNetwork(file).Config, ReadDescription(file));
    }

    /// <summary>Reads a network and its weights. Nothing is allocated on the device before every name and shape has been checked.</summary>
    /// <param name="path">Path of the file. Names in it may begin with "model."; buffers called resample_filter are ignored.</param>
    /// <param name="device">Device of the weights.</param>
    /// <param name="activations">Storage type of the network's activations, fp32 or bf16; compute weights are made for it.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">
    /// The file is malformed, its metadata is missing or invalid, or a tensor is missing, unknown, of another shape or not finite.
    /// </exception>
    public static LoadedWeights Load(string path, ComputeDevice device, DType activations = DType.Float32)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        INetwork network = ReadNetwork(file);
        WeightDescription description = ReadDescription(file);
        Dictionary<string, SafetensorsEntry> entries = Match(file, network);
        file.VerifyChecksum();
        ParameterSlab weights = network.CreateSlab(device, activations: activations);
        try
        {
            Read(file, network, entries, weights);
            return new LoadedWeights(network, weights, description);
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
    /// initial values, under which they change nothing.
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
        INetwork found = ReadNetwork(file);
        if (found.Config != network.Config with { Conditions = found.Config.Conditions } || found.Config.Conditions.Except(network.Config.Conditions).Any())
            throw new InvalidFileException(path, $"is of another network: {found.Config.ToJson()}, expected {network.Config.ToJson()}");
        Dictionary<string, SafetensorsEntry> entries = Match(file, found);
        file.VerifyChecksum();
        Read(file, found, entries, weights);
        foreach ((int index, ParameterSpec further) in network.Parameters.Index().Where(each => !entries.ContainsKey(each.Item.Name)))
            weights[further.Name].Value.Upload<float>(further.Initial.Draw((int)further.Shape.Count, seed: 0, index));
        network.RefreshComputeWeights(weights);
    }

    /// <summary>Builds the network that a file's metadata describes.</summary>
    internal static INetwork ReadNetwork(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(ConfigKey, out string? json))
            throw new InvalidFileException(file.Path, $"its metadata has no '{ConfigKey}': not a weight file of a network");
        NetworkConfig config = NetworkRegistry.Read(file.Path, json);
        try
        {
            return config.Build();
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(file.Path, e.Message, e);
        }
    }

    private static WeightDescription ReadDescription(SafetensorsFile file) => new(ReadSigmaData(file), ReadKind(file));

    private static float ReadSigmaData(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(SigmaDataKey, out string? text))
            return DefaultSigmaData;
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

    /// <summary>Maps each parameter's name to its entry; throws if a tensor is missing, unknown or misshapen.</summary>
    private static Dictionary<string, SafetensorsEntry> Match(SafetensorsFile file, INetwork network)
    {
        Dictionary<string, SafetensorsEntry> entries = [];
        foreach (SafetensorsEntry entry in file.Entries.Where(entry => !IsBuffer(entry.Name)))
        {
            string name = entry.Name.StartsWith(WrapperPrefix, StringComparison.Ordinal) ? entry.Name[WrapperPrefix.Length..] : entry.Name;
            if (!entries.TryAdd(name, entry))
                throw new InvalidFileException(file.Path, $"holds '{name}' twice, with and without the prefix '{WrapperPrefix}'");
        }

        foreach (ParameterSpec parameter in network.Parameters)
        {
            if (!entries.TryGetValue(parameter.Name, out SafetensorsEntry? entry))
                throw new InvalidFileException(file.Path, $"no tensor '{parameter.Name}'");
            file.Require(entry.Name, parameter.FileShape.AsSpan());
        }

        if (entries.Count > network.Parameters.Count)
        {
            string unknown = entries.Keys.Except(network.Parameters.Select(parameter => parameter.Name)).First();
            throw new InvalidFileException(file.Path, $"tensor '{unknown}' is no parameter of the network its config describes");
        }

        return entries;
    }

    private static bool IsBuffer(string name) => name == BufferSuffix || name.EndsWith('.' + BufferSuffix, StringComparison.Ordinal);

    private static void Read(SafetensorsFile file, INetwork network, Dictionary<string, SafetensorsEntry> entries, ParameterSlab weights)
    {
        foreach (ParameterSpec parameter in network.Parameters)
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(file.ReadSingles(entries[parameter.Name].Name)));
        network.RefreshComputeWeights(weights);
    }
}

/// <summary>Metadata of a weight file beside the network's configuration.</summary>
/// <param name="SigmaData">Standard deviation of the data, in the data's unit; positive.</param>
/// <param name="Kind">Kind of the model.</param>
public sealed record WeightDescription(float SigmaData, ModelKind Kind);

/// <summary>Network and weights of a file.</summary>
/// <param name="Network">The network that the file describes.</param>
/// <param name="Weights">Its weights; the caller disposes of them.</param>
/// <param name="Description">The rest of the metadata.</param>
public sealed record LoadedWeights(INetwork Network, ParameterSlab Weights, WeightDescription Description);
