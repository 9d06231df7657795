namespace TrigFlowNative.Models;

/// <summary>What a reader found in a file.</summary>
/// <param name="Kind">What the file is, in words.</param>
/// <param name="Tensors">The tensors to be written.</param>
internal sealed record ImportContent(string Kind, IReadOnlyList<ImportedTensor> Tensors)
{
    /// <summary>Terms of NVIDIA's published files of some kinds.</summary>
    public const string NvidiaLicence = "NVIDIA publishes files of this kind under CC BY-NC-SA 4.0: name the source, no commercial use, share what is made of them under the same terms";

    /// <summary>Configuration of the network whose weights the tensors are; null if they are of none that this program has.</summary>
    public NetworkConfig? Network { get; init; }

    /// <summary>sigma_data and the space of the latents, for a network.</summary>
    public WeightDescription? Description { get; init; }

    /// <summary>Further metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Values of the file that are no tensors, and were passed over.</summary>
    public int Skipped { get; init; }

    /// <summary>Sentences about what was chosen or left out.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Terms under which files of this kind are published; null if there are none to be said.</summary>
    public string? Licence { get; init; }

    /// <summary>Compares all numbers with the file's checksums, where it has some.</summary>
    public Action Verify { get; init; } = () => { };
}
