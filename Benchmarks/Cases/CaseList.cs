using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using static TrigFlowNative.Benchmarks.Cases.Direction;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>What is measured.</summary>
internal static class CaseList
{
    private static readonly string[] Products = [Forward, InputGradient, WeightGradient];

    /// <summary>Rows, outputs, inputs: squares, then qkv and proj of cifar10 at batch 256, then one too small to fill a GPU.</summary>
    private static readonly (int M, int N, int K)[] Gemms =
    [
        (1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096), (8192, 8192, 8192), (65536, 768, 256), (65536, 256, 256), (512, 512, 128),
    ];

    /// <summary>Images, size, inputs, outputs, taps: EDM2-S at 64x64 (arXiv:2312.02696), 192 channels times 1, 2, 3, 4.</summary>
    private static readonly (int N, int Size, int C, int K, int R)[] Edm2S =
    [
        (64, 64, 192, 192, 3), (64, 32, 384, 384, 3), (64, 16, 576, 576, 3), (64, 8, 768, 768, 3), (64, 64, 576, 192, 3), (64, 32, 960, 384, 1),
    ];

    /// <summary>Images, heads, height = width, depth.</summary>
    private static readonly (int N, int Heads, int Size, int Depth)[] Attentions =
        [(16, 16, 64, 64), (16, 16, 32, 64), (256, 12, 16, 64), (256, 1, 16, 256), (256, 1, 8, 256)];

    private static readonly (int N, int Size, int C)[] Norms = [(256, 32, 256), (256, 32, 512), (256, 16, 256), (256, 8, 256)];

    /// <summary>In no table: shapes beside those above, with extents that are multiples of nothing much.</summary>
    private static readonly (int N, int Size, int C, int K, int R)[] NeighbourConvolutions =
        [(100, 24, 288, 288, 3), (250, 30, 264, 248, 3), (250, 15, 256, 256, 3), (250, 9, 272, 256, 3), (60, 60, 200, 200, 3), (250, 31, 520, 264, 1)];

    private static readonly (int M, int N, int K)[] NeighbourGemms = [(3000, 3000, 3000), (1000, 1000, 1000), (60000, 776, 264), (8000, 7992, 8008)];

    /// <summary>The rows of the table: matrices, every convolution of a preset and those of EDM2-S, attention, norms, optimizer, copy.</summary>
    public static IEnumerable<KernelCase> Full(string preset, int batch, DType type)
    {
        var network = new UNet(ModelPresets.Get(preset));
        var convolutions = NetworkShapes.Convolutions(network).Select(conv => (N: batch, conv.Size, conv.C, conv.K, conv.R));
        return
        [
            .. Each(Gemms, type), .. Each(convolutions.Concat(Edm2S).Distinct(), type),
            .. Attentions.SelectMany(s => new[] { Forward, Tangent, Backward }.Select(d => new AttentionCase(s.N, s.Heads, s.Size, s.Size, s.Depth, type, d))),
            .. Norms.SelectMany(s => new[] { Tangent, Backward }.Select(d => new NormCase(s.N, s.Size, s.C, type, d))),
            new OptimizerCase((int)network.ParameterCount), new CopyCase(1 << 26),
            .. Each(NeighbourGemms, type), .. Each(NeighbourConvolutions, type),
        ];
    }

    /// <summary>The same ops at shapes that a simulator or two cores can do.</summary>
    public static IEnumerable<KernelCase> Quick(DType type) =>
    [
        .. Each([(24, 16, 8), (33, 20, 12)], type), .. Each([(2, 4, 8, 16, 3), (1, 5, 12, 4, 3), (2, 4, 8, 12, 1)], type),
        .. new[] { Forward, Tangent, Backward }.Select(d => new AttentionCase(2, 2, 3, 2, 8, type, d)),
        .. new[] { Tangent, Backward }.Select(d => new NormCase(2, 4, 12, type, d)),
        new OptimizerCase(1000), new CopyCase(1 << 20),
    ];

    private static IEnumerable<KernelCase> Each(IEnumerable<(int M, int N, int K)> gemms, DType type) =>
        gemms.SelectMany(s => Products.Select(direction => ProductCase.Gemm(s.M, s.N, s.K, type, direction)));

    private static IEnumerable<KernelCase> Each(IEnumerable<(int N, int Size, int C, int K, int R)> convolutions, DType type) =>
        convolutions.SelectMany(s => Products.Select(direction => ProductCase.Conv(s.N, s.Size, s.C, s.K, s.R, type, direction)));
}
