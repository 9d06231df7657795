using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Renames the convolutions of NVIDIA's <c>inception-2015-12-05.pkl</c>, which has the names of TensorFlow's graph, to those of pytorch-fid. The file has no factors of the
/// batch normalisation, which are 1 in the graph; they are written as ones.
/// </summary>
internal static class DetectorNames
{
    private const string Layers = "layers.";

    private static readonly string[] Kinds = [".weight", ".beta", ".mean", ".var"];

    private static readonly (string Own, string Theirs)[] Stem = [("conv", "Conv2d_1a_3x3"), ("conv_1", "Conv2d_2a_3x3"), ("conv_2", "Conv2d_2b_3x3"), ("conv_3", "Conv2d_3b_1x1"), ("conv_4", "Conv2d_4a_3x3")];

    private static readonly (string Own, string Theirs)[] A = [("conv", "branch1x1"), .. Row("tower", "branch5x5", 2), .. Row("tower_1", "branch3x3dbl", 3), ("tower_2_conv", "branch_pool")];

    private static readonly (string Own, string Theirs)[] B = [("conv", "branch3x3"), .. Row("tower", "branch3x3dbl", 3)];

    private static readonly (string Own, string Theirs)[] C = [("conv", "branch1x1"), .. Row("tower", "branch7x7", 3), .. Row("tower_1", "branch7x7dbl", 5), ("tower_2_conv", "branch_pool")];

    private static readonly (string Own, string Theirs)[] D = [.. Row("tower", "branch3x3", 2), .. Row("tower_1", "branch7x7x3", 4)];

    private static readonly (string Own, string Theirs)[] E =
    [
        ("conv", "branch1x1"), ("tower_conv", "branch3x3_1"), ("tower_mixed_conv", "branch3x3_2a"), ("tower_mixed_conv_1", "branch3x3_2b"), .. Row("tower_1", "branch3x3dbl", 2),
        ("tower_1_mixed_conv", "branch3x3dbl_3a"), ("tower_1_mixed_conv_1", "branch3x3dbl_3b"), ("tower_2_conv", "branch_pool"),
    ];

    private static readonly (string Own, string Theirs, (string Own, string Theirs)[] Layers)[] Blocks =
    [
        ("mixed", "Mixed_5b", A), ("mixed_1", "Mixed_5c", A), ("mixed_2", "Mixed_5d", A), ("mixed_3", "Mixed_6a", B), ("mixed_4", "Mixed_6b", C), ("mixed_5", "Mixed_6c", C),
        ("mixed_6", "Mixed_6d", C), ("mixed_7", "Mixed_6e", C), ("mixed_8", "Mixed_7a", D), ("mixed_9", "Mixed_7b", E), ("mixed_10", "Mixed_7c", E),
    ];

    /// <summary>pytorch-fid's name of each of the 94 convolutions by NVIDIA's, whose parts are joined by '_' where either '.' or '_' may stand.</summary>
    private static readonly Dictionary<string, string> Convolutions = Stem
        .Concat(from block in Blocks from layer in block.Layers select ($"{block.Own}_{layer.Own}", $"{block.Theirs}.{layer.Theirs}"))
        .ToDictionary(each => each.Item1, each => each.Item2, StringComparer.Ordinal);

    /// <summary>Whether tensors are those of the detector.</summary>
    public static bool Recognises(IReadOnlyList<ImportedTensor> tensors)
    {
        HashSet<string> names = [.. tensors.Select(each => each.Name)];
        return names.Contains("layers.conv.beta") && names.Contains("layers.conv.mean") && names.Contains("output.weight");
    }

    /// <summary>Renames the tensors of a module that <see cref="Recognises"/>.</summary>
    /// <exception cref="InvalidFileException">A convolution is missing, or a tensor belongs to none.</exception>
    public static IReadOnlyList<ImportedTensor> Rename(FileBytes file, IReadOnlyList<ImportedTensor> tensors)
    {
        List<ImportedTensor> renamed = [];
        HashSet<string> found = [];
        foreach (ImportedTensor tensor in tensors)
        {
            if (tensor.Name.StartsWith("output.", StringComparison.Ordinal))
            {
                renamed.Add(tensor with { Name = $"fc.{tensor.Name["output.".Length..]}" });
                continue;
            }

            string? kind = Kinds.FirstOrDefault(each => tensor.Name.EndsWith(each, StringComparison.Ordinal));
            string layer = kind is null || !tensor.Name.StartsWith(Layers, StringComparison.Ordinal) ? "" : tensor.Name[Layers.Length..^kind.Length].Replace('.', '_');
            if (!Convolutions.TryGetValue(layer, out string? theirs))
                throw file.Refuse($"has a tensor '{tensor.Name}', which no layer of the Inception network is called");
            found.Add(theirs + kind);
            renamed.Add(tensor with { Name = theirs + kind switch { ".weight" => ".conv.weight", ".beta" => ".bn.bias", ".mean" => ".bn.running_mean", _ => ".bn.running_var" } });
            if (kind == ".beta")
                renamed.Add(Ones($"{theirs}.bn.weight", tensor.Shape, tensor.Count));
        }

        if (Convolutions.Values.SelectMany(name => Kinds, (name, kind) => name + kind).FirstOrDefault(name => !found.Contains(name)) is { } missing)
            throw file.Refuse($"is no whole Inception network: it has nothing for {missing}");
        return renamed;
    }

    private static ImportedTensor Ones(string name, long[] shape, long count) => new(name, SafetensorsType.F32, shape, take =>
    {
        float[] ones = new float[count];
        Array.Fill(ones, 1);
        take(MemoryMarshal.AsBytes<float>(ones).ToArray());
    });

    private static IEnumerable<(string Own, string Theirs)> Row(string own, string theirs, int count) =>
        Enumerable.Range(0, count).Select(i => (i == 0 ? $"{own}_conv" : $"{own}_conv_{i}", $"{theirs}_{i + 1}"));
}
