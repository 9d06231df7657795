namespace TrigFlowNative.Models;

/// <summary>Imports state dicts of PyTorch: all tensors, bit for bit, under their own names.</summary>
internal static class StateDictImport
{
    /// <summary>Names by which published networks are known, with the word for the metadata and for people.</summary>
    private static readonly (string[] Names, string Word, string Words)[] Known =
    [
        (["Conv2d_1a_3x3.conv.weight", "Mixed_7c.branch_pool.bn.running_var", "fc.weight"], "inception-2015", "Inception-v3 of 2015 as pytorch-fid names it"),
        (["cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.0.ls1.gamma"], "dinov2", "DINOv2"),
    ];

    /// <summary>Reads a file's content.</summary>
    public static ImportContent Read(FileBytes file, TorchContent torch, string kind, string? key)
    {
        StateDict found = StateDict.Find(file, torch.Root, key);
        ImportedTensor[] tensors = [.. found.Tensors.Select(each => ImportedTensor.Of(each.Name, torch.Tensors.Read(each.Value, each.Name)))];
        HashSet<string> names = [.. tensors.Select(each => each.Name)];
        (string[] Names, string Word, string Words)? known = Known.Select(each => ((string[], string, string)?)each).FirstOrDefault(each => each!.Value.Item1.All(names.Contains));
        return new ImportContent(known is { } network ? $"{kind}: {network.Words}" : kind, tensors)
        {
            Skipped = found.Skipped,
            Notes = found.Key.Length > 0 ? [$"taken from the key '{found.Key}'"] : [],
            Metadata = known is { } word ? new Dictionary<string, string> { [FeatureNetworkKey] = word.Word } : [],
            Verify = torch.Verify,
        };
    }

    /// <summary>Key of the metadata that names a feature network.</summary>
    public const string FeatureNetworkKey = "feature_network";
}
