using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Operations and bytes of rows, against numbers computed by hand; and the list of rows.</summary>
public class KernelCaseTests
{
    [Fact]
    public void Counts_of_a_matrix_product()
    {
        var forward = ProductCase.Gemm(512, 384, 128, DType.BFloat16, Direction.Forward);
        Assert.Equal("gemm/forward/512x384x128", forward.Name);
        Assert.Equal(50_331_648, forward.Flops); // 2 x 512 x 384 x 128
        Assert.Equal(622_592, forward.Bytes); // 2 (512 x 128 + 512 x 384 + 384 x 128)
        var weight = ProductCase.Gemm(512, 384, 128, DType.BFloat16, Direction.WeightGradient);
        Assert.Equal(forward.Flops, weight.Flops);
        Assert.Equal(720_896, weight.Bytes); // the weight's gradient has four bytes: 98,304 more
    }

    [Fact]
    public void Counts_of_a_convolution()
    {
        var forward = ProductCase.Conv(256, 32, 128, 256, 3, DType.BFloat16, Direction.Forward);
        Assert.Equal("conv/forward/n256 128->256 32x32 k3", forward.Name);
        Assert.Equal(154_618_822_656, forward.Flops); // 2 x 9 x 262,144 pixels x 128 x 256
        Assert.Equal(201_916_416, forward.Bytes); // 2 (262,144 x (128 + 256) + 9 x 128 x 256)
        Assert.Equal("conv/input-gradient/n64 960->384 32x32 k1", ProductCase.Conv(64, 32, 960, 384, 1, DType.BFloat16, Direction.InputGradient).Name);
        Assert.Equal(48_318_382_080, ProductCase.Conv(64, 32, 960, 384, 1, DType.BFloat16, Direction.InputGradient).Flops);
    }

    [Fact]
    public void Counts_of_attention()
    {
        AttentionCase Case(string direction) => new(16, 8, 64, 32, 64, DType.BFloat16, direction);
        Assert.Equal("attention/forward/b16 h8 l2048 d64", Case(Direction.Forward).Name);
        Assert.Equal(137_438_953_472, Case(Direction.Forward).Flops); // 2 products of 2 x 128 x 2048^2 x 64
        Assert.Equal(3 * Case(Direction.Forward).Flops, Case(Direction.Tangent).Flops);
        Assert.Equal(2.5 * Case(Direction.Forward).Flops, Case(Direction.Backward).Flops);
        Assert.Equal(134_217_728, Case(Direction.Forward).Bytes); // 4 tensors of 16,777,216 elements of 2 bytes
        Assert.Equal(2 * Case(Direction.Forward).Bytes, Case(Direction.Tangent).Bytes);
        Assert.Equal(2 * Case(Direction.Forward).Bytes, Case(Direction.Backward).Bytes); // q, k, v, y, dy, dq, dk, dv
    }

    [Fact]
    public void Counts_of_what_memory_decides()
    {
        Assert.Equal(536_870_912, new NormCase(256, 32, 256, DType.BFloat16, Direction.Tangent).Bytes); // x, tx, y, ty of 67,108,864 x 2
        Assert.Equal(268_435_456, new NormCase(256, 32, 256, DType.BFloat16, Direction.Forward).Bytes); // x, y
        Assert.Equal(402_653_184, new NormCase(256, 32, 256, DType.BFloat16, Direction.Backward).Bytes); // x, dy, dx
        Assert.Equal(16_384, new ModulatedNormCase(2, 8, 16, DType.BFloat16, Direction.Tangent).Bytes); // x, tx, y, ty of 2,048 x 2
        Assert.Equal(12_288, new ModulatedNormCase(2, 8, 16, DType.BFloat16, Direction.Backward).Bytes); // x, dy, dx
        Assert.Equal(24_576, new MagnitudeNormCase(2, 8, 16, 0, DType.BFloat16, Direction.Tangent).Bytes); // x, y, activation and their tangents
        Assert.Equal(12_288, new MagnitudeNormCase(2, 8, 16, 8, DType.BFloat16, Direction.Backward).Bytes); // x, dy, dx
        Assert.Equal(46_000, new OptimizerCase(1000).Bytes); // 11 x 4 + 2 each
        Assert.Equal(8_000, new CopyCase(1000).Bytes);
        Assert.All(new KernelCase[] { new NormCase(2, 4, 12, DType.Float32, Direction.Tangent), new OptimizerCase(8), new CopyCase(8) }, each => Assert.Equal(0, each.Flops));
    }

    [Theory]
    [InlineData("groupnorm/forward/n256 c256 32x32", 268_435_456)] // x and y of 67,108,864 x 2
    [InlineData("pixelnorm/forward+tangent/100x20", 32_000)] // x, tx, y, ty of 2,000 x 4
    [InlineData("pixelnorm/backward/100x20", 24_000)] // x, dy, dx
    [InlineData("weight-norm/make/10x20+3x100", 3_000)] // 500 x (4 + 2)
    [InlineData("weight-norm/force/10x20+3x100", 5_000)] // 500 x (4 + 4 + 2)
    [InlineData("weight-norm/backward/10x20+3x100", 6_000)] // w, G, dw of 500 x 4
    [InlineData("elementwise/forward/residual n2 c8 4x4", 1_536)] // a, b, y of 256 x 2
    [InlineData("elementwise/forward+tangent/residual n2 c8 4x4", 3_072)]
    [InlineData("elementwise/backward/residual n2 c8 4x4", 1_536)] // dy, da, db
    [InlineData("elementwise/backward/silu n2 c8 4x4", 3_072)] // x, dy, dx of 256 x 4: fp32 alone
    [InlineData("elementwise/forward/cast n2 c8 4x4", 1_536)] // 256 x (4 + 2)
    [InlineData("joined-silu/forward/n2 c12+4 4x4", 2_048)] // a, b and y of 512 x 2
    [InlineData("joined-silu/forward+tangent/n2 c12+4 4x4", 4_096)]
    [InlineData("joined-silu/backward/n2 c12+4 4x4", 3_072)] // a and b, dy, da and db
    [InlineData("joined-silu/backward/n2 c8 4x4", 1_536)] // x, dy, dx of 256 x 2
    [InlineData("clamp/forward/n2 c8 4x4", 512)] // x of 256 x 2: nothing is written
    [InlineData("clamp/forward+tangent/n2 c8 4x4", 512)]
    [InlineData("clamp/backward/n2 c8 4x4", 512)]
    [InlineData("resample/forward/up n2 c8 4x4", 2_560)] // 256 x 2 in, four times that out
    [InlineData("resample/backward/down n2 c8 4x4", 640)] // 256 x 2 and a quarter of that
    [InlineData("random/forward/normal n2 c3 5x5", 600)] // 150 x 4
    public void Bytes_of_the_small_ops(string name, double bytes)
    {
        SuiteCase each = Assert.Single(BenchmarkSuite.Named(name, DType.BFloat16));
        Assert.Equal((bytes, 0.0), (each.Bytes, each.Flops));
    }

    [Theory]
    [InlineData("sample/2-step/cifar10 n8", 8, 16 * 42.3e9)] // twice eight forward passes of 42.3 GFLOP, as the preset's table says
    [InlineData("sample/1-step/demo n3", 3, 3 * 0.06e9)]
    public void Operations_of_a_sample_are_forward_passes(string name, int images, double flops)
    {
        var each = (WorkCase)Assert.Single(BenchmarkSuite.Named(name, DType.BFloat16));
        Assert.Equal(images, each.Images);
        Assert.InRange(each.Flops / flops, 0.9, 1.1);
    }

    [Fact]
    public void A_step_is_four_forward_passes_and_a_feed_its_bytes()
    {
        var step = (WorkCase)Assert.Single(BenchmarkSuite.Named("step/sct/demo n2", DType.Float32));
        using PreparedWork prepared = step.Prepare(TestDevices.Get("cpu"));
        Assert.InRange(prepared.Flops / (2 * RecordedPass.OfPreset("demo").Flops), 3.9, 4.1);
        Assert.Equal([3_145_728.0, 3_145_728, 786_432], BenchmarkSuite.Named("feed/n256 c3 32x32", DType.BFloat16).Select(each => each.Bytes)); // 786,432 x 4, and as bytes
        Assert.All(BenchmarkSuite.Named("launch/10 kernels", DType.BFloat16), each => Assert.Equal((0.0, 0.0), (each.Flops, each.Bytes)));
    }

    [Fact]
    public void The_presets_hold_what_the_peers_measured_and_more()
    {
        string[] names = [.. new[] { SuitePresets.Standard, "cifar10", SuitePresets.Edm2S, SuitePresets.Odd }
            .SelectMany(preset => BenchmarkSuite.Cases(new SuiteScope(preset, 256, DType.BFloat16))).Select(each => each.Name)];
        string[] measured =
        [
            "gemm/forward/8192x8192x8192", "gemm/forward/65536x768x256", "conv/weight-gradient/n256 256->256 32x32 k3", "conv/forward/n256 384->256 32x32 k1",
            "conv/input-gradient/n64 960->384 32x32 k1", "attention/forward+tangent/b16 h16 l4096 d64", "attention/backward/b256 h1 l256 d256",
            "norm/backward/n256 c512 32x32", "norm/forward+tangent/n256 c256 8x8", "copy/forward/67108864 fp32", "gemm/input-gradient/3000x3000x3000",
        ];
        Assert.Empty(measured.Except(names));
        Assert.Contains(names, name => name.StartsWith("optimizer/update/adam 600", StringComparison.Ordinal));
    }
}
