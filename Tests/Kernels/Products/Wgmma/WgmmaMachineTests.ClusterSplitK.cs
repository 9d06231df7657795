using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;
using static TrigFlowNative.Tests.Ptx.PtxMachineMemory;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Tiles whose k-iterations the blocks of a cluster share.</summary>
public partial class WgmmaMachineTests
{
    /// <summary>N, H, W, C, K, R; channels of the shortcut's sources; columns of a tile and blocks that share it; whether it is the input gradient, has a residual, writes fp32.</summary>
    public static TheoryData<int[], int[], int, int, bool, bool, bool> Shares => new()
    {
        { [1, 8, 8, 256, 64, 3], [0, 0], 64, 8, false, true, false },
        { [1, 9, 4, 72, 136, 3], [64, 40], 64, 4, false, false, false },
        { [1, 8, 16, 136, 200, 3], [0, 0], 128, 4, false, true, false },
        { [1, 5, 7, 200, 72, 3], [0, 0], 64, 4, true, true, true }, // the last tile has 8 columns
        { [3, 4, 9, 24, 128, 3], [200, 0], 128, 8, false, false, false },
        { [1, 6, 5, 72, 136, 3], [0, 0], 128, 2, true, false, false },
        { [1, 1, 150, 520, 40, 1], [0, 0], 40, 2, false, true, false }, // five runs of columns for two blocks
        { [1, 4, 4, 96, 24, 3], [0, 0], 24, 4, false, false, true }, // a block without columns
        { [1, 4, 8, 900, 8, 1], [64, 16], 8, 2, false, false, false },
    };

    [Theory]
    [MemberData(nameof(Shares))]
    public void Blocks_that_share_a_tile_are_right_in_every_element(int[] extents, int[] sources, int tileColumns, int splits, bool inputGradient, bool residual, bool fp32)
    {
        ConvExtents e = Extents(extents);
        SplitKIsRight(e, sources, tileColumns, splits, (inputGradient, residual, fp32), biased: e.Pixels - 5);
        SplitKIsRight(e, sources, tileColumns, splits, (inputGradient, residual, fp32), biased: 0);
    }

    /// <summary>Without biased pixels there is no bias: its address holds NaNs.</summary>
    private static void SplitKIsRight(ConvExtents e, int[] sources, int tileColumns, int splits, (bool InputGradient, bool Residual, bool Fp32) form, int biased)
    {
        (bool inputGradient, bool residual, bool fp32) = form;
        bool hasShortcut = sources[0] > 0;
        int inner = inputGradient ? e.K : e.C, columns = inputGradient ? e.C : e.K, further = sources.Sum(), known = inner / 64 * 64;
        var run = new PtxMachineMemory();
        // x lies in two tensors where it can.
        float[] x = run.Numbers(e.Pixels * inner), weight = run.Numbers(e.K * e.Taps * e.C), bias = run.Numbers(columns), there = run.Numbers(e.Pixels * columns);
        float[] far = run.Numbers(e.Pixels * further), more = run.Numbers(columns * further), moreBias = run.Numbers(columns);
        int firstChannels = known is 0 || known == inner ? inner : known;
        int xAt = run.Put(Rounded(Channels(x, inner, 0, firstChannels))), restAt = firstChannels == inner ? xAt : run.Put(Rounded(Channels(x, inner, firstChannels, inner)));
        int farAt = run.Put(Rounded(Channels(far, further, 0, sources[0]))), fartherAt = sources[1] > 0 ? run.Put(Rounded(Channels(far, further, sources[0], further))) : farAt;
        int weightAt = run.Put(Rounded(weight)), moreAt = run.Put(Rounded(more)), moreBiasAt = run.Put(moreBias), biasAt = run.Put(bias);
        int thereAt = fp32 ? run.Put(there) : run.Put(Rounded(there)), yAt = run.Put(new float[fp32 ? there.Length : (there.Length + 1) / 2]), maps = run.Put(new byte[8 * 128]);
        run.Bytes.AsSpan(yAt, (fp32 ? 4 : 2) * there.Length).Fill(0xFF);
        WgmmaTile tile = WgmmaTiles.Of(tileColumns, 1) with
        {
            TransposeB = inputGradient,
            Residual = residual,
            Fp32Output = fp32,
            Shortcut = hasShortcut,
            Splits = splits,
        };
        var box = PixelBox.Covering(e, WgmmaTile.Rows);
        run.PutImages(maps, xAt, e, firstChannels, box);
        run.PutImages(maps + 512, restAt, e, firstChannels == inner ? inner : inner - firstChannels, box);
        PtxMachine.EncodeMap(
            run.Bytes, maps + 128, weightAt, [e.C, e.Taps, e.K], [e.C, e.Taps * e.C], inputGradient ? [64, 1, WgmmaTile.Depth] : [WgmmaTile.Depth, 1, tileColumns]);
        if (hasShortcut)
        {
            run.PutImages(maps + 640, farAt, e, sources[0], box);
            run.PutImages(maps + 768, fartherAt, e, sources[1] > 0 ? sources[1] : sources[0], box);
            PtxMachine.EncodeMap(run.Bytes, maps + 896, moreAt, [further, 1, columns], [further, further], [WgmmaTile.Depth, 1, tileColumns]);
        }

        float alpha = 0.5f, beta = residual ? 2f : 0f;
        var plan = new WgmmaConvolutionPlan(e, tile, columns, firstChannels) { Projection = (further, sources[0]) };
        ConvolutionArguments arguments = plan.Arguments();
        (arguments.Maps, arguments.Epilogue.Y, arguments.Epilogue.Bias, arguments.Epilogue.Residual) = (maps, yAt, biased > 0 ? biasAt : 0, thereAt - yAt);
        arguments.Epilogue.ProjectionBias = biased > 0 ? moreBiasAt - biasAt : 0;
        (arguments.Epilogue.Alpha, arguments.Epilogue.Beta, arguments.Epilogue.BiasedRows) = (alpha, beta, biased);
        new PtxMachine(WgmmaProduct.Specification(tile), run.Bytes).Run(plan.Blocks(multiprocessors: 1), in arguments);
        float[] expected = new float[there.Length];
        for (int i = 0; i < expected.Length; i++)
        {
            int pixel = i / columns, column = i % columns;
            double sum = pixel >= biased ? 0 : hasShortcut ? bias[column] + moreBias[column] : bias[column];
            for (int tap = 0; tap < e.Taps; tap++)
                for (int c = 0; c < inner && Neighbour(e, pixel, tap, inputGradient ? -1 : 1) is var from && from >= 0; c++)
                    sum += (double)x[from * inner + c] * (inputGradient ? weight[(c * e.Taps + tap) * e.C + column] : weight[(column * e.Taps + tap) * e.C + c]);
            for (int c = 0; c < further; c++)
                sum += (double)far[pixel * further + c] * more[column * further + c];
            expected[i] = (float)(alpha * sum + beta * there[i]);
        }

        Assert.Equal(fp32 ? expected : Rounded(expected).Select(BFloat16.ToSingle), fp32 ? run.Singles(yAt, expected.Length) : run.Halves(yAt, expected.Length));
    }

    [Theory]
    [InlineData(256, 8, 36, 128, 4)] // one image of cifar10, by level
    [InlineData(256, 2, 36, 64, 8)]
    [InlineData(256, 1, 36, 64, 8)]
    [InlineData(256, 1, 72, 64, 8)]
    [InlineData(768, 2, 4, 64, 1)] // too few steps
    [InlineData(24, 4, 9, 24, 2)]
    [InlineData(256, 2048, 36, 256, 1)]
    [InlineData(256, 34, 36, 128, 1)]
    public void Blocks_share_tiles_where_half_of_the_multiprocessors_would_have_none(int columns, int boxes, int steps, int tileColumns, int splits)
    {
        WgmmaTile tile = WgmmaTiles.Best(columns, boxes, steps, 132);
        Assert.Equal((tileColumns, splits), (tile.Columns, tile.Splits));
        Assert.InRange(new ClusterSplitKTile(tile).SharedBytes, 1, 227 * 1024);
    }

    private static float[] Channels(float[] images, int channels, int first, int end) => [.. images.Where((_, i) => i % channels >= first && i % channels < end)];
}
