using System.Diagnostics;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The host's convolution against the processor's own limit, measured in turns: whoever shares the machine slows both.</summary>
public class HostConvolutionSpeedTests(ITestOutputHelper output)
{
    private const int N = 16, Size = 32, Channels = 64;
    private const double Flops = 2.0 * 9 * N * Size * Size * Channels * Channels;

    [Theory]
    [InlineData("forward")]
    [InlineData("input gradient")]
    [InlineData("weight gradient")]
    public void Convolution_reaches_a_fifth_of_the_fma_peak(string direction)
    {
        using var cpu = new CpuDevice();
        Shape image = new(N, Size, Size, Channels), kernel = new(Channels, 3, 3, Channels);
        Tensor x = Ones(cpu, image), weight = Ones(cpu, kernel), y = Ones(cpu, image);
        Action run = direction switch
        {
            "forward" => () => ConvolutionHost.Forward(cpu, x, weight, null, y),
            "input gradient" => () => ConvolutionHost.InputGradient(cpu, y, weight, new GradientSlot(x, Accumulate: false)),
            _ => () => ConvolutionHost.WeightGradient(cpu, x, y, new GradientSlot(weight, Accumulate: false)),
        };

        const int fewest = 5, most = 60;
        double peak = 0, reached = 0;
        for (int i = 0; i < fewest || (i < most && reached < 0.2 * peak); i++)
        {
            peak = Math.Max(peak, FmaPeak.Measure(cpu, Flops));
            long start = Stopwatch.GetTimestamp();
            run();
            reached = Math.Max(reached, Flops / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }

        string result = $"{direction}: {reached:F0} of {peak:F0} GFLOP/s, {reached / peak:P0} of the FMA peak on {cpu.Threads} threads";
        output.WriteLine(result);
        Assert.True(reached >= 0.2 * peak, result);
    }

    private static Tensor Ones(CpuDevice cpu, Shape shape)
    {
        Tensor tensor = cpu.CreateTensor(shape);
        tensor.Span.Fill(1f);
        return tensor;
    }
}
