using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Reads networks of features from safetensors files, under the names that their authors' files have: Inception (pytorch-fid's), ResNet-18 (the initialisers of the
/// package's ONNX file) and DINOv2. Which of them a file holds is seen by its names.
/// </summary>
public static class FeatureNetworkFile
{
    private static readonly (string[] Marks, Func<FeatureTensors, ComputeDevice, FeatureOptions, IFeatureNetwork> Read)[] Kinds =
    [
        ([InceptionNetwork.Mark], (tensors, device, options) => new InceptionNetwork(tensors, device, options)),
        ([ResnetNames.Mark], (tensors, device, options) => new ResnetNetwork(tensors, device, options)),
        ([DinoNetwork.Mark, DinoNetwork.SecondMark], (tensors, device, options) => new DinoNetwork(tensors, device, options)),
    ];

    /// <summary>Whether a file has the names of a network of features; it need not be whole.</summary>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is absent, unreadable or malformed.</exception>
    public static bool Recognises(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return Kinds.Any(kind => kind.Marks.All(mark => file.Find(mark) is not null));
    }

    /// <summary>Reads a network. Nothing is allocated on the device before every name and shape has been checked.</summary>
    /// <param name="path">A safetensors file, such as <c>trigflow import</c> writes it.</param>
    /// <param name="device">Device that computes.</param>
    /// <param name="options">The user's choices; null for the defaults.</param>
    /// <returns>The network; the caller disposes of it.</returns>
    /// <exception cref="ArgumentException">The path is empty, or the batch is below 1.</exception>
    /// <exception cref="InvalidFileException">
    /// The file is malformed or of no network of features, a tensor is missing, unknown, of another shape or not finite, or the data do not match the checksum in the
    /// metadata.
    /// </exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public static IFeatureNetwork Load(string path, ComputeDevice device, FeatureOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        var read = Kinds.FirstOrDefault(kind => kind.Marks.All(mark => file.Find(mark) is not null)).Read
            ?? throw new InvalidFileException(path, $"is no network of features: none of the tensors {string.Join(", ", Kinds.Select(kind => $"'{kind.Marks[0]}'"))} is in it (Inception, ResNet-18, DINOv2; 'trigflow import' makes such files)");
        file.VerifyChecksum();
        return read(new FeatureTensors(file, ""), device, options ?? new FeatureOptions());
    }
}
