using System.Globalization;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Weights as safetensors under the names and in the order of EDM's state dict, so that PyTorch loads them as they are; the
/// network's configuration is JSON in <c>__metadata__["config"]</c>, the data's deviation is <c>__metadata__["sigma_data"]</c>,
/// the model's kind <c>__metadata__["kind"]</c>.
/// </summary>
public static class WeightFile
{
    private const string ConfigKey = "config", SigmaDataKey = "sigma_data", KindKey = "kind", WrapperPrefix = "model.", BufferSuffix = "resample_filter";

    /// <summary>sigma_data of a file that says nothing of it: EDM's and the paper's value for pixels in [-1, 1].</summary>
    public const float DefaultSigmaData = 0.5f;

    /// <summary>Writes a model, whole or not at all: what was at the path stays until the new file is complete.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, TrigFlowModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var writer = new SafetensorsWriter();
        writer.SetMetadata(ConfigKey, model.Network.Config.ToJson());
        writer.SetMetadata(SigmaDataKey, model.SigmaData.ToString("R", CultureInfo.InvariantCulture));
        writer.SetMetadata(KindKey, model.Kind.ToString().ToLowerInvariant());
        foreach (ParameterSpec parameter in model.Network.Parameters)
        {
            Tensor value = model.Weights[parameter.Name].Value;
            writer.Add(parameter.Name, SafetensorsType.F32, parameter.FileShape, stream =>
                stream.Write(MemoryMarshal.AsBytes<float>(parameter.ToFileOrder(value.ToArray()))));
        }

        writer.Save(path);
    }

    /// <summary>Reads a file's configuration and sigma_data, not its weights.</summary>
    /// <exception cref="InvalidFileException">The file is malformed, or holds no configuration of a DDPM++ network.</exception>
    public static (UNetConfig Config, float SigmaData) ReadConfig(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return (ReadNetwork(file).Config, ReadSigmaData(file));
    }

    /// <summary>Reads a model. Nothing is allocated on the device before every name and shape has been checked.</summary>
    /// <param name="path">The file. Names may begin with "model."; buffers called resample_filter are passed over.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="precision">How the network is to run.</param>
    /// <exception cref="ArgumentException">The device has no kernels for the precision.</exception>
    /// <exception cref="InvalidFileException">
    /// The file is malformed, a tensor is missing, unknown, of another shape or not finite, or the configuration is.
    /// </exception>
    public static TrigFlowModel Load(string path, ComputeDevice device, Precision precision = Precision.Auto)
    {
        bool rounded = precision.StorageOn(device) == DType.BFloat16;
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        UNet network = ReadNetwork(file);
        float sigmaData = ReadSigmaData(file);
        ModelKind kind = ReadKind(file);
        Dictionary<string, SafetensorsEntry> entries = Match(file, network);
        ParameterSlab weights = network.CreateSlab(device, rounded: rounded);
        try
        {
            Read(file, network, entries, weights);
            RoundedWeights.Refresh(weights);
            return new TrigFlowModel(network, weights, sigmaData, kind);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Reads the weights of a given network into a slab, as the start of a training; the slab's rounded values follow.</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">The network; the file's configuration must have the same parameters.</param>
    /// <param name="weights">A slab of the network's layout; if an exception is thrown part of it may be overwritten.</param>
    /// <returns>The file's sigma_data.</returns>
    /// <exception cref="InvalidFileException">As for <see cref="Load"/>, or the file is of another network.</exception>
    public static float LoadInto(string path, UNet network, ParameterSlab weights)
    {
        ArgumentNullException.ThrowIfNull(network);
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        UNetConfig found = ReadNetwork(file).Config;
        if (!found.HasSameParameters(network.Config))
            throw new InvalidFileException(path, $"is of another network: {found.ToJson()}, expected {network.Config.ToJson()}");
        float sigmaData = ReadSigmaData(file);
        Read(file, network, Match(file, network), weights);
        return sigmaData;
    }

    /// <summary>The network that a file's metadata describes.</summary>
    internal static UNet ReadNetwork(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(ConfigKey, out string? json))
            throw new InvalidFileException(file.Path, $"its metadata has no '{ConfigKey}': not a weight file of a DDPM++ network");
        var config = UNetConfig.FromJson(file.Path, json);
        try
        {
            return new UNet(config);
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(file.Path, e.Message, e);
        }
    }

    private static float ReadSigmaData(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(SigmaDataKey, out string? text))
            return DefaultSigmaData;
        return float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value) && value > 0
            ? value
            : throw new InvalidFileException(file.Path, $"{SigmaDataKey} is '{text}', expected a positive number");
    }

    /// <summary>A file that says nothing, such as one of EDM's, holds a diffusion model.</summary>
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

    /// <summary>The file's entry of every parameter; missing, unknown and misshapen ones throw.</summary>
    private static Dictionary<string, SafetensorsEntry> Match(SafetensorsFile file, UNet network)
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
            file.Require(entry.Name, parameter.FileShape);
        }

        if (entries.Count > network.Parameters.Count)
        {
            string unknown = entries.Keys.Except(network.Parameters.Select(parameter => parameter.Name)).First();
            throw new InvalidFileException(file.Path, $"tensor '{unknown}' is no parameter of the network its config describes");
        }

        return entries;
    }

    private static bool IsBuffer(string name) => name == BufferSuffix || name.EndsWith('.' + BufferSuffix, StringComparison.Ordinal);

    private static void Read(SafetensorsFile file, UNet network, Dictionary<string, SafetensorsEntry> entries, ParameterSlab weights)
    {
        foreach (ParameterSpec parameter in network.Parameters)
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(file.ReadSingles(entries[parameter.Name].Name)));
        RoundedWeights.Refresh(weights);
    }
}
