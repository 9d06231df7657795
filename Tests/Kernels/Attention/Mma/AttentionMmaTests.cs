using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The text of the tensor-core kernels against float64, run by <see cref="PtxMachine"/>: no GPU is needed.</summary>
public class AttentionMmaTests
{
    private const double Tolerance = 1e-2;

    /// <summary>Images, rows, heads, channels; then rows that a block owns, streamed rows and warps to a row, 0 for the choice on an H100.</summary>
    public static TheoryData<int, int, int, int, int, int, int> Shapes => new()
    {
        { 1, 1, 1, 16, 0, 0, 0 }, { 1, 17, 3, 48, 0, 0, 0 }, { 2, 63, 1, 64, 0, 0, 0 }, { 1, 65, 2, 64, 0, 0, 0 }, { 1, 40, 1, 8, 0, 0, 0 },
        { 1, 200, 1, 16, 0, 0, 0 }, { 1, 130, 1, 128, 0, 0, 0 }, { 1, 65, 1, 256, 0, 0, 0 }, { 1, 70, 1, 136, 0, 0, 0 }, { 1, 33, 1, 72, 0, 0, 0 },
        { 1, 70, 1, 64, 32, 16, 1 }, { 1, 70, 1, 160, 32, 32, 2 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Agree_with_float64(int images, int length, int heads, int depth, int rows, int streamed, int split)
    {
        AttentionTiling tiling = rows > 0 ? new AttentionTiling(depth, rows, streamed, split) : AttentionTiling.For(227 << 10, depth, length)!;
        var problem = AttentionProblem.Random(images, length, heads, depth, mean: 0);
        var run = new AttentionMachineRun(problem, tiling);

        (float[] plain, float[] plainLog) = run.Forward();
        Near(problem.Output, plain);
        Near(problem.LogSumExp, plainLog, 1e-6);
        (float[] primal, float[] tangent, float[] log) = run.Tangent();
        Assert.Equal(plain, primal);
        Assert.Equal(plainLog, log);
        Near(problem.OutputTangent, tangent);
        Near(problem.Gradient, run.Gradient(primal, add: false));
        Near([.. problem.Gradient.Select(g => 2 * g)], run.Gradient(primal, add: true));
    }

    /// <summary>A mean of tS that would leave nothing of the result in bf16 if it were rounded along.</summary>
    [Theory]
    [InlineData(100, 64)]
    [InlineData(70, 256)]
    public void Keep_the_tangent_where_its_logits_have_a_large_mean(int length, int depth)
    {
        var problem = AttentionProblem.Random(1, length, 1, depth, mean: 100);
        var run = new AttentionMachineRun(problem, AttentionTiling.For(227 << 10, depth, length)!);
        Near(problem.OutputTangent, run.Tangent().Tangent);
    }

    /// <summary>The weight of a column beyond the last would be exp(0 - lse), which overflows. Sums of terms of size 40 cancel in the gradient.</summary>
    [Theory]
    [InlineData(70, 64, 40)]
    [InlineData(70, 256, 60)]
    public void Keep_padding_out_of_gradients_where_all_logits_are_very_negative(int length, int depth, float apart)
    {
        var problem = AttentionProblem.Random(1, length, 1, depth, mean: 0, apart);
        Assert.True(problem.LogSumExp.Max() < -90);
        var run = new AttentionMachineRun(problem, AttentionTiling.For(227 << 10, depth, length)!);
        Near(problem.Gradient, run.Gradient(run.Forward().Primal, add: false), 4 * Tolerance);
    }

    [Fact]
    public void Leave_to_the_portable_kernels_what_no_tiling_fits()
    {
        Assert.Null(AttentionTiling.For(227 << 10, 20, 64));
        Assert.Null(AttentionTiling.For(227 << 10, 264, 64));
        Assert.Null(AttentionTiling.For(99 << 10, 256, 64));
        foreach (int depth in Enumerable.Range(1, 32).Select(i => 8 * i))
        {
            foreach (int limit in new[] { 99 << 10, 163 << 10, 227 << 10 })
                Assert.InRange(AttentionTiling.For(limit, depth, 256)?.SharedBytes ?? 0, 0, limit);
            Assert.NotNull(AttentionTiling.For(163 << 10, depth, 256));
        }
    }

    private static void Near(double[] expected, float[] actual, double tolerance = Tolerance)
    {
        double error = OpBattery.RelativeError(expected, actual);
        Assert.True(error <= tolerance, $"off by {error:E2} relative L2, {tolerance:E2} allowed");
    }
}
