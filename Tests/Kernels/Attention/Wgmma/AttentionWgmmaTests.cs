using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Kernels.Device;
using TrigFlowNative.Tests.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Attention on Hopper's tensor cores against float64, run by <see cref="PtxMachine"/>: no GPU is needed.</summary>
public class AttentionWgmmaTests
{
    private const double Tolerance = 1e-2;

    /// <summary>Images, rows, heads, channels: one tile and several, of rows, of keys, of heads, and more tiles than blocks.</summary>
    public static TheoryData<int, int, int, int> Shapes => new()
    {
        { 1, 1, 1, 64 }, { 2, 63, 1, 64 }, { 1, 65, 3, 64 }, { 2, 200, 2, 64 }, { 1, 100, 1, 48 }, { 5, 130, 1, 56 },
        { 1, 1, 1, 128 }, { 1, 130, 2, 128 }, { 1, 70, 1, 104 }, { 4, 64, 1, 256 }, { 1, 65, 1, 256 }, { 1, 200, 1, 256 }, { 1, 70, 2, 200 }, { 3, 130, 1, 256 }, { 1, 500, 1, 64 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Agrees_with_float64(int images, int length, int heads, int depth)
    {
        var problem = AttentionProblem.Random(images, length, heads, depth, mean: 0);
        var run = new AttentionMachineRun(problem, AttentionTiling.For(227 << 10, depth, length)!);
        (float[] plain, _, float[] plainLog) = run.OnHopper(tangent: false);
        Near(problem.Output, plain);
        Near(problem.LogSumExp, plainLog, 1e-6);
        (float[] primal, float[]? tangent, float[] log) = run.OnHopper(tangent: true);
        Assert.Equal(plain, primal);
        Assert.Equal(plainLog, log);
        Near(problem.OutputTangent, tangent!);
        Near(problem.Gradient, run.GradientOnHopper(primal, add: false));
        Near([.. problem.Gradient.Select(g => 2 * g)], run.GradientOnHopper(primal, add: true));
    }

    /// <summary>A mean of tS that would leave nothing of the result in bf16 if it were rounded along.</summary>
    [Theory]
    [InlineData(100, 64)]
    [InlineData(70, 256)]
    public void Keeps_the_tangent_where_its_logits_have_a_large_mean(int length, int depth)
    {
        var problem = AttentionProblem.Random(1, length, 1, depth, mean: 100);
        Near(problem.OutputTangent, new AttentionMachineRun(problem, AttentionTiling.For(227 << 10, depth, length)!).OnHopper(tangent: true).Tangent!);
    }

    /// <summary>Maxima that rise from tile to tile of keys: by less than a reference bears with, and by more.</summary>
    [Theory]
    [InlineData(300, 64, 4, 0.06f)]
    [InlineData(300, 64, 8, 0.1f)]
    [InlineData(200, 256, 16, 0.1f)]
    public void Agrees_with_float64_where_maxima_rise(int length, int depth, float apart, float rise)
    {
        var problem = AttentionProblem.Random(1, length, 1, depth, mean: 0, apart, rise);
        (float[] primal, float[]? tangent, float[] log) = new AttentionMachineRun(problem, AttentionTiling.For(227 << 10, depth, length)!).OnHopper(tangent: true);
        Near(problem.Output, primal);
        Near(problem.OutputTangent, tangent!);
        Near(problem.LogSumExp, log, 1e-6);
    }

    /// <summary>The weight of a row or column beyond the last would be exp(0 - lse), which overflows. Sums of terms of size 40 cancel in the gradient.</summary>
    [Theory]
    [InlineData(70, 64, 40)]
    [InlineData(70, 128, 50)]
    [InlineData(70, 256, 60)]
    public void Keeps_padding_out_of_gradients_where_all_logits_are_very_negative(int length, int depth, float apart)
    {
        var problem = AttentionProblem.Random(1, length, 1, depth, mean: 0, apart);
        Assert.True(problem.LogSumExp.Max() < -90);
        var run = new AttentionMachineRun(problem, AttentionTiling.For(227 << 10, depth, length)!);
        Near(problem.Gradient, run.GradientOnHopper(run.OnHopper(tangent: false).Primal, add: false), 4 * Tolerance);
    }

    /// <summary>A kernel cannot go on with fewer stages than its steps hold at a time.</summary>
    [Fact]
    public void Tiles_fit_with_the_stages_that_their_steps_hold()
    {
        int[] depths = [.. Enumerable.Range(1, 300).Where(WgmmaAttentionTile.Takes)];
        Assert.Equal([48, 56, 64, 96, 104, 112, 120, 128, .. Enumerable.Range(24, 9).Select(i => 8 * i)], depths);
        foreach (int depth in depths)
        {
            foreach (WgmmaAttentionTile tile in new WgmmaAttentionTile[] { new(depth, Tangent: false), new(depth, Tangent: true) })
            {
                Assert.InRange(tile.SharedBytes, 1, 227 << 10);
                Assert.InRange(tile.Stages, tile.Shares ? 4 : 8, 16);
            }

            foreach (WgmmaAttentionGradientTile tile in new WgmmaAttentionGradientTile[] { new(depth, OwnsKeys: false), new(depth, OwnsKeys: true) })
            {
                Assert.InRange(tile.SharedBytes, 1, 227 << 10);
                Assert.InRange(tile.Stages, tile.OwnsKeys ? 4 : 3, 16);
            }
        }
    }

    /// <summary>On ILGPU's simulator, with warps as wide as a GPU's.</summary>
    [Theory]
    [InlineData(2, 70, 2, 48)]
    [InlineData(1, 3, 1, 128)]
    [InlineData(1, 130, 1, 200)]
    public void Statistics_are_those_of_the_rows_and_none_for_padding(int images, int length, int heads, int depth)
    {
        var problem = AttentionProblem.Random(images, length, heads, depth, mean: 0);
        using var context = Context.Create(builder => builder.CPU(new CPUDevice(32, WgmmaAttentionPath.StatisticsThreads / 32, 1)));
        using Accelerator simulator = context.CreateCPUAccelerator(0);
        float[] output = [.. problem.Output.Select(value => AttentionProblem.Rounded((float)value))], log = [.. problem.LogSumExp.Select(value => (float)value)];
        int padded = WgmmaAttentionPath.PaddedLength(length), lanes = WgmmaAttentionPath.StatisticsLanes(depth), rows = images * heads * padded;
        using var y = simulator.Allocate1D(Rounded(output));
        using var dy = simulator.Allocate1D(Rounded(problem.Cotangents));
        using var logs = simulator.Allocate1D(log);
        using var statistics = simulator.Allocate1D(Enumerable.Repeat(float.NaN, 2 * rows).ToArray());
        var sizes = new AttentionSizes(new Shape(images, 1, length, problem.Stride), heads);
        simulator.LoadStreamKernel<ArrayView<Bf16x8>, ArrayView<Bf16x8>, ArrayView<float>, ArrayView<float>, AttentionSizes, int, int>(WgmmaAttentionPath.StatisticsKernel)(
            new KernelConfig((rows * lanes + WgmmaAttentionPath.StatisticsThreads - 1) / WgmmaAttentionPath.StatisticsThreads, WgmmaAttentionPath.StatisticsThreads),
            y.View.AsContiguous().Cast<Bf16x8>(), dy.View.AsContiguous().Cast<Bf16x8>(), logs.View.AsContiguous(), statistics.View.AsContiguous(), sizes, padded, lanes);
        simulator.Synchronize();
        float[] actual = statistics.GetAsArray1D();
        for (int i = 0; i < rows; i++)
        {
            int pair = i / padded, row = i % padded, at = 2 * i - row % 64;
            int first = (pair / heads * length + row) * problem.Channels + pair % heads * depth;
            double delta = row < length ? Enumerable.Range(first, depth).Sum(channel => (double)output[channel] * problem.Cotangents[channel]) : 0;
            Assert.Equal(row < length ? -Math.Log2(Math.E) * log[pair * length + row] : double.NegativeInfinity, actual[at], 1e-4);
            Assert.Equal(-delta / Math.Sqrt(depth), actual[at + 64], 1e-5);
        }
    }

    private static BFloat16[] Rounded(float[] values) => [.. values.Select(BFloat16.FromSingle)];

    private static void Near(double[] expected, float[] actual, double tolerance = Tolerance)
    {
        double error = OpBattery.RelativeError(expected, actual);
        Assert.True(error <= tolerance, $"off by {error:E2} relative L2, {tolerance:E2} allowed");
    }
}
