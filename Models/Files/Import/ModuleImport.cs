using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Imports a module of PyTorch: a network of EDM or EDM2 as a weight file of this program, if it has such a network; NVIDIA's detector as the Inception network under
/// pytorch-fid's names; any other as its state dict.
/// </summary>
internal static class ModuleImport
{
    /// <summary>Reads a module.</summary>
    /// <param name="file">The file.</param>
    /// <param name="module">The module.</param>
    /// <param name="around">The dictionary in which it is; null if it stands alone.</param>
    /// <param name="tensors">Makes the file's tensors.</param>
    public static ImportContent Read(FileBytes file, PersistentModule module, PickleMap? around, TorchTensors tensors)
    {
        (IReadOnlyList<(string Name, PickleValue Value)> records, int skipped) = module.Walk(file);
        ImportedTensor[] all = [.. records.Select(each => ImportedTensor.Of(each.Name, tensors.Read(each.Value, each.Name)))];
        if (DetectorNames.Recognises(all))
        {
            return new ImportContent("NVIDIA's Inception detector, under pytorch-fid's names", DetectorNames.Rename(file, all))
            {
                Skipped = skipped,
                Metadata = new Dictionary<string, string> { [StateDictImport.FeatureNetworkKey] = "inception-2015" },
                Licence = ImportContent.NvidiaLicence,
            };
        }

        NetworkLayout? layout = EdmLayout.Recognises(module) ? EdmLayout.Read(module) : Edm2Layout.Recognises(module) ? Edm2Layout.Read(module, around, all) : null;
        if (layout is null)
            return new ImportContent($"state dict of a pickled {module.ClassName}", all) { Skipped = skipped, Licence = module.IsNvidia ? ImportContent.NvidiaLicence : null };
        (ImportedTensor[] own, string? fault) = Fit(layout, all);
        ImportContent content = new(layout.Kind, fault is null ? own : all) { Skipped = skipped, Licence = ImportContent.NvidiaLicence };
        if (fault is not null)
            return content with { Notes = [$"no configuration, since {fault}; the tensors are written as they are"] };
        string[] left = [.. all.Select(each => layout.Rename(each.Name)).Except(own.Select(each => each.Name))];
        return content with
        {
            Network = layout.Config,
            Description = new WeightDescription(layout.SigmaData, ModelKind.Diffusion) { Latents = layout.Latents },
            Notes = left.Length == 0 ? [] : [$"left out, since the network does not read them: {string.Join(", ", left.Take(4))}{(left.Length > 4 ? $" and {left.Length - 4} more" : "")}"],
        };
    }

    /// <summary>The tensors that are the network's parameters, widened to float32; or why the file is not of this network.</summary>
    private static (ImportedTensor[] Tensors, string? Fault) Fit(NetworkLayout layout, ImportedTensor[] all)
    {
        if (layout.Config is null)
            return ([], layout.Fault);
        INetwork network;
        try
        {
            network = layout.Config.Build();
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            return ([], e.Message);
        }

        Dictionary<string, ImportedTensor> byName = new(StringComparer.Ordinal);
        foreach (ImportedTensor tensor in all)
            byName[layout.Rename(tensor.Name)] = tensor;
        List<ImportedTensor> own = [];
        foreach (ParameterSpec parameter in network.Parameters)
        {
            if (!byName.TryGetValue(parameter.Name, out ImportedTensor? tensor))
                return ([], $"it has no tensor '{parameter.Name}', which the network of its arguments has in this program");
            if (!parameter.FileShape.AsSpan().SequenceEqual(tensor.Shape))
                return ([], $"its tensor '{parameter.Name}' is {SafetensorsEntry.FormatShape(tensor.Shape)}, but {SafetensorsEntry.FormatShape(parameter.FileShape.AsSpan())} in this program's network");
            own.Add(tensor with { Name = parameter.Name, Widened = true });
        }

        return ([.. own], null);
    }
}

/// <summary>What the arguments of a published network's class say.</summary>
/// <param name="Kind">What the file is, in words.</param>
/// <param name="Prefix">What stands before the names of the parameters.</param>
/// <param name="Config">Configuration of the same network in this program; null if there is none.</param>
/// <param name="Fault">Why there is none.</param>
internal sealed record NetworkLayout(string Kind, string Prefix, NetworkConfig? Config, string? Fault)
{
    /// <summary>Deviation of the data.</summary>
    public float SigmaData { get; init; } = WeightFile.DefaultSigmaData;

    /// <summary>Space of the latents that the network draws; null for pixels, or if the file does not say.</summary>
    public LatentSpace? Latents { get; init; }

    /// <summary>The name of a tensor without the prefix.</summary>
    public string Rename(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;
}
