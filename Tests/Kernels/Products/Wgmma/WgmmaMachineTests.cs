using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;
using static TrigFlowNative.Tests.Ptx.PtxMachineMemory;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The kernels on Hopper's tensor cores, run by <see cref="PtxMachine"/> on numbers whose sums are exact: every element must be right.</summary>
public partial class WgmmaMachineTests
{
    private const int Processors = 3; // blocks of the grid: fewer than tiles, so that blocks go on to further tiles

    /// <summary>N, H, W, C, K, R; columns of a tile; whether it is the input gradient, has a residual, writes fp32.</summary>
    public static TheoryData<int[], int, bool, bool, bool> Products => new()
    {
        { [1, 1, 1500, 40, 200, 1], 128, false, false, false },
        { [4, 16, 16, 72, 136, 1], 128, false, true, false },
        { [2, 16, 16, 136, 200, 1], 128, true, true, false },
        { [3, 11, 29, 72, 72, 3], 72, false, true, false },
        { [1, 10, 60, 8, 104, 3], 104, true, false, false },
        { [5, 7, 9, 120, 72, 1], 120, true, true, true },
        { [1, 5, 7, 24, 40, 3], 40, false, false, false },
        { [3, 9, 4, 72, 136, 3], 64, false, true, false },
        { [2, 16, 8, 8, 200, 1], 128, false, true, false },
        { [1, 1, 300, 64, 72, 1], 64, false, false, true },
        { [2, 6, 5, 72, 136, 3], 64, true, true, false },
        { [1, 8, 16, 264, 16, 3], 256, true, false, false },
        { [1, 4, 4, 40, 24, 1], 40, true, true, true },
        { [3, 9, 4, 72, 136, 3], 72, false, true, false }, // tiles that end within a chunk
        { [1, 1, 700, 40, 264, 1], 88, false, false, false },
        { [2, 6, 5, 200, 24, 1], 104, true, true, false },
        { [1, 5, 7, 24, 408, 1], 136, false, true, false },
        { [1, 5, 7, 24, 136, 1], 72, false, false, true },
        { [1, 1, 900, 40, 520, 1], 256, false, false, false },
        { [2, 6, 5, 72, 264, 1], 224, true, true, false },
    };

    [Theory]
    [MemberData(nameof(Products))]
    public void A_convolution_is_right_in_every_element(int[] extents, int tileColumns, bool inputGradient, bool residual, bool fp32)
    {
        ConvExtents e = Extents(extents);
        IsRight(e, tileColumns, inputGradient, residual, fp32, 0.5f, biased: e.Pixels - 5);
        IsRight(e, tileColumns, inputGradient, residual, fp32, 0.5f, biased: 0);
        IsRight(e, tileColumns, inputGradient, residual, fp32, 1, biased: e.Pixels / 2 + 1); // halves of tiles with, without and partly with a bias
    }

    private static void IsRight(ConvExtents e, int tileColumns, bool inputGradient, bool residual, bool fp32, float alpha, int biased)
    {
        int inner = inputGradient ? e.K : e.C, columns = inputGradient ? e.C : e.K;
        var run = new PtxMachineMemory();
        float[] x = run.Numbers(e.Pixels * inner), weight = run.Numbers(e.K * e.Taps * e.C), bias = run.Numbers(columns), there = run.Numbers(e.Pixels * columns);
        int xAt = run.Put(Rounded(x)), weightAt = run.Put(Rounded(weight)), biasAt = run.Put(bias);
        int yAt = fp32 ? run.Put(there) : run.Put(Rounded(there)), maps = run.Put(new byte[9 * 128]);
        WgmmaTile tile = WgmmaTiles.Of(tileColumns, 1) with { TransposeB = inputGradient, Residual = residual && !fp32, Fp32Output = fp32, LastDepth = (inner % 64 + 15) / 16 is > 0 and var depth ? depth : 4 };
        var box = PixelBox.Covering(e, WgmmaTile.Rows);
        run.PutImages(maps, xAt, e, inner, box);
        run.PutImages(maps + 512, xAt, e, inner, box);
        int[] part = inputGradient ? [64, 1, tile.PartDepth] : [WgmmaTile.Depth, 1, tile.PartColumns];
        PtxMachine.EncodeMap(run.Bytes, maps + 128, weightAt, [e.C, e.Taps, e.K], [e.C, e.Taps * e.C], part);
        run.PutImages(maps + 256, yAt, e, columns, box.Half);
        run.PutImages(maps + 384, yAt, e, columns, box.Half);
        var plan = new WgmmaConvolutionPlan(e, tile, columns, inner);
        for (int i = 0; plan.HasStoreMaps && i < plan.NTiles; i++)
            run.PutImages(maps + (ConvolutionMaps.Plain + i) * 128, yAt, e, columns, box.Half, Math.Min(columns, (i + 1) * tileColumns));
        float beta = residual ? 2f : 0f;
        ConvolutionArguments arguments = plan.Arguments();
        (arguments.Maps, arguments.Epilogue.StoreMaps) = (maps, maps + (plan.HasStoreMaps ? ConvolutionMaps.Plain * 128 : ConvolutionMaps.Y));
        (arguments.Epilogue.Y, arguments.Epilogue.Bias, arguments.Epilogue.BiasedRows) = (yAt, biasAt, biased);
        (arguments.Epilogue.Alpha, arguments.Epilogue.Beta) = (alpha, beta);
        new PtxMachine(WgmmaProduct.Specification(tile), run.Bytes).Run(plan.Blocks(Processors), in arguments);
        float[] expected = new float[e.Pixels * columns];
        for (int i = 0; i < expected.Length; i++)
        {
            int pixel = i / columns, column = i % columns;
            double sum = pixel < biased ? bias[column] : 0;
            for (int tap = 0; tap < e.Taps; tap++)
                for (int c = 0; c < inner && Neighbour(e, pixel, tap, inputGradient ? -1 : 1) is var from && from >= 0; c++)
                    sum += (double)x[from * inner + c] * (inputGradient ? weight[(c * e.Taps + tap) * e.C + column] : weight[(column * e.Taps + tap) * e.C + c]);
            expected[i] = (float)(alpha * sum + beta * there[i]);
        }

        Assert.Equal(fp32 ? expected : Rounded(expected).Select(BFloat16.ToSingle), fp32 ? run.Singles(yAt, expected.Length) : run.Halves(yAt, expected.Length));
    }

    private static ConvExtents Extents(int[] v) => new() { N = v[0], H = v[1], W = v[2], C = v[3], K = v[4], R = v[5] };

    private static int Neighbour(ConvExtents e, int pixel, int tap, int direction)
    {
        int h = pixel / e.W % e.H + direction * (tap / e.R - e.R / 2), w = pixel % e.W + direction * (tap % e.R - e.R / 2);
        return h < 0 || h >= e.H || w < 0 || w >= e.W ? -1 : (pixel / e.W / e.H * e.H + h) * e.W + w;
    }
}
