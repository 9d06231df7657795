namespace TrigFlowNative.Tests.Models;

/// <summary>A pickle of NVIDIA's detector in which every tensor has one number, that of its place.</summary>
internal static class TestDetector
{
    private static readonly string[] Kinds = ["weight", "beta", "mean", "var"];

    private static readonly string[] A = ["conv", "tower.conv", "tower.conv_1", "tower_1.conv", "tower_1.conv_1", "tower_1.conv_2", "tower_2.conv"];

    private static readonly string[] C =
        ["conv", "tower.conv", "tower.conv_1", "tower.conv_2", "tower_1.conv", "tower_1.conv_1", "tower_1.conv_2", "tower_1.conv_3", "tower_1.conv_4", "tower_2.conv"];

    private static readonly string[] E =
        ["conv", "tower_conv", "tower_mixed_conv", "tower_mixed_conv_1", "tower_1_conv", "tower_1_conv_1", "tower_1_mixed_conv", "tower_1_mixed_conv_1", "tower_2_conv"];

    private static readonly string[] Layers =
    [
        "conv", "conv_1", "conv_2", "conv_3", "conv_4", .. Block("mixed", A), .. Block("mixed_1", A), .. Block("mixed_2", A), .. Block("mixed_3", "conv", "tower.conv", "tower.conv_1", "tower.conv_2"),
        .. Block("mixed_4", C), .. Block("mixed_5", C), .. Block("mixed_6", C), .. Block("mixed_7", C),
        .. Block("mixed_8", "tower.conv", "tower.conv_1", "tower_1.conv", "tower_1.conv_1", "tower_1.conv_2", "tower_1.conv_3"), .. Block("mixed_9", E), .. Block("mixed_10", E),
    ];

    /// <summary>The number of a layer's tensor: weight, beta, mean or var.</summary>
    public static float Number(string layer, int kind) => 10 * Array.IndexOf(Layers, layer) + kind;

    /// <summary>The pickled module, without a layer or with one more.</summary>
    public static byte[] Module(string? without = null, string? more = null)
    {
        IEnumerable<string> layers = Layers.Where(layer => layer != without).Concat(more is null ? [] : [more]);
        return TestTorch.Tree("InceptionV3",
        [
            .. layers.SelectMany(layer => Kinds.Select((kind, i) => ($"layers.{layer}.{kind}", Single(Number(layer, i))))), ("output.weight", Single(7)), ("output.bias", Single(8)),
        ]);
    }

    private static byte[] Single(float value) => TestTorch.Embedded("FloatStorage", TestTorch.Raw(value), 1, 1);

    private static IEnumerable<string> Block(string name, params string[] layers) => layers.Select(layer => $"{name}.{layer}");
}
