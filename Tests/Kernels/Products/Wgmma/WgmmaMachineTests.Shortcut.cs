using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;
using static TrigFlowNative.Tests.Ptx.PtxMachineMemory;

namespace TrigFlowNative.Tests.Kernels;

public partial class WgmmaMachineTests
{
    /// <summary>N, H, W, C, K, R; channels of the shortcut's sources, the second perhaps none; columns of a tile.</summary>
    public static TheoryData<int[], int[], int> Shortcuts => new()
    {
        { [1, 5, 7, 24, 40, 3], [16, 0], 40 }, { [3, 9, 4, 72, 136, 3], [64, 40], 64 }, { [1, 8, 16, 8, 200, 3], [128, 72], 128 }, { [2, 6, 5, 40, 72, 3], [200, 0], 192 },
        { [4, 8, 16, 40, 200, 1], [72, 0], 128 },
    };

    [Theory]
    [MemberData(nameof(Shortcuts))]
    public void A_shortcut_is_part_of_the_sum_with_both_biases_or_neither(int[] extents, int[] sources, int tileColumns)
    {
        ConvExtents e = Extents(extents);
        ShortcutIsRight(e, sources, tileColumns, biased: e.Pixels - 5);
        ShortcutIsRight(e, sources, tileColumns, biased: 0);
    }

    /// <summary>Without biased pixels there is no bias: its address holds NaNs.</summary>
    private static void ShortcutIsRight(ConvExtents e, int[] sources, int tileColumns, int biased)
    {
        ConvExtents far = e with { C = sources.Sum(), R = 1 };
        var run = new PtxMachineMemory();
        float[] x = run.Numbers(e.Pixels * e.C), weight = run.Numbers(e.K * e.Taps * e.C), bias = run.Numbers(e.K);
        float[] first = run.Numbers(e.Pixels * sources[0]), second = run.Numbers(e.Pixels * sources[1]), more = run.Numbers(e.K * far.C), moreBias = run.Numbers(e.K);
        int xAt = run.Put(Rounded(x)), weightAt = run.Put(Rounded(weight)), moreBiasAt = run.Put(moreBias), biasAt = run.Put(bias), moreAt = run.Put(Rounded(more));
        int firstAt = run.Put(Rounded(first)), secondAt = sources[1] > 0 ? run.Put(Rounded(second)) : firstAt;
        int yAt = run.Put(Rounded(new float[e.Pixels * e.K])), maps = run.Put(new byte[8 * 128]);
        WgmmaTile tile = WgmmaTiles.Of(tileColumns, 1) with { Shortcut = true };
        var box = PixelBox.Covering(e, WgmmaTile.Rows);
        run.PutImages(maps, xAt, e, e.C, box);
        PtxMachine.EncodeMap(run.Bytes, maps + 128, weightAt, [e.C, e.Taps, e.K], [e.C, e.Taps * e.C], [WgmmaTile.Depth, 1, tile.PartColumns]);
        run.PutImages(maps + 256, yAt, e, e.K, box.Half);
        run.PutImages(maps + 384, yAt, e, e.K, box.Half);
        run.PutImages(maps + 512, xAt, e, e.C, box);
        run.PutImages(maps + 640, firstAt, e, sources[0], box);
        run.PutImages(maps + 768, secondAt, e, sources[1] > 0 ? sources[1] : sources[0], box);
        PtxMachine.EncodeMap(run.Bytes, maps + 896, moreAt, [far.C, 1, e.K], [far.C, far.C], [WgmmaTile.Depth, 1, tile.PartColumns]);
        var plan = new WgmmaConvolutionPlan(e, tile, e.K, e.C) { Projection = (far.C, sources[0]) };
        ConvolutionArguments arguments = plan.Arguments();
        (arguments.Maps, arguments.Epilogue.StoreMaps) = (maps, maps + ConvolutionMaps.Y);
        (arguments.Epilogue.Y, arguments.Epilogue.Bias, arguments.Epilogue.ProjectionBias) = (yAt, biased > 0 ? biasAt : 0, biased > 0 ? moreBiasAt - biasAt : 0);
        (arguments.Epilogue.Alpha, arguments.Epilogue.BiasedRows) = (0.5f, biased);
        new PtxMachine(WgmmaProduct.Specification(tile), run.Bytes).Run(plan.Blocks(Processors), in arguments);
        float[] expected = new float[e.Pixels * e.K];
        for (int i = 0; i < expected.Length; i++)
        {
            int pixel = i / e.K, column = i % e.K;
            double sum = pixel < biased ? bias[column] + moreBias[column] : 0;
            for (int tap = 0; tap < e.Taps; tap++)
                for (int c = 0; c < e.C && Neighbour(e, pixel, tap, 1) is var from && from >= 0; c++)
                    sum += (double)x[from * e.C + c] * weight[(column * e.Taps + tap) * e.C + c];
            for (int c = 0; c < far.C; c++)
                sum += (double)(c < sources[0] ? first[pixel * sources[0] + c] : second[pixel * sources[1] + c - sources[0]]) * more[column * far.C + c];
            expected[i] = (float)(0.5 * sum);
        }

        Assert.Equal(Rounded(expected).Select(BFloat16.ToSingle), run.Halves(yAt, expected.Length));
    }
}
