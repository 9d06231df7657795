using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class AttentionTests
{
    /// <summary>Small enough for the simulator, where each tile costs tens of milliseconds.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Tiny => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[] { Case(1, 3, 5, 1, 8), Case(2, 1, 3, 2, 3), Case(1, 6, 11, 1, 2), Case(1, 1, 2, 1, 68) });

    public static IEnumerable<TheoryDataRow<string, OpCase>> Small => TestDevices.Cross(
        ["cpu", "cuda"],
        new[]
        {
            Case(1, 1, 1, 1, 1), Case(1, 1, 1, 3, 20), Case(2, 2, 3, 3, 1), Case(1, 5, 3, 3, 3), Case(1, 5, 7, 1, 20), Case(3, 7, 5, 3, 8), Case(2, 4, 8, 1, 17), Case(1, 8, 8, 1, 70),
            Case(1, 5, 13, 1, 3), Case(1, 13, 10, 1, 1), Case(1, 5, 14, 1, 8, 8),
        });

    /// <summary>The shapes of the networks; the float64 differences make anything larger slow.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Large => TestDevices.Cross(
        ["cpu", "cuda"], new[] { Case(1, 16, 16, 1, 64) });

    [Theory]
    [MemberData(nameof(Tiny))]
    [MemberData(nameof(Small))]
    [MemberData(nameof(Large))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Refuses_channels_that_do_not_divide()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        Tensor qkv = program.Allocate(new Shape(1, 2, 3, 12));
        Assert.Throws<ArgumentException>(() => Attention.Apply(program, qkv, 3));
        Assert.Throws<ArgumentException>(() => Attention.Apply(program, qkv.Reshape(6, 12)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Attention.Apply(program, qkv, 0));
    }

    private static OpCase Case(int n, int h, int w, int heads, int depth, double size = 1) =>
        new($"attention N={n} {h}x{w} heads={heads} D={depth} size={size}",
            [new Shape(n, h, w, 3 * heads * depth)], (p, x) => Attention.Apply(p, x[0], heads), x => Reference(x[0], n, h * w, heads, depth))
        {
            // Logits of size s carry a rounding error of some s 2^-24, and so do the weights.
            Tolerance = 2e-5 * size,
            Fill = size == 1 ? null : (_, random) =>
                [.. Enumerable.Range(0, 3 * n * h * w * heads * depth).Select(_ => (float)(size * Math.Sqrt(12) * (random.NextDouble() - 0.5)))],
        };

    /// <summary>O = softmax(Q K^T / sqrt(D)) V by the definition, row by row.</summary>
    private static double[] Reference(double[] qkv, int images, int length, int heads, int depth)
    {
        int channels = heads * depth;
        double[] y = new double[images * length * channels];
        double[] weight = new double[length];
        for (int n = 0; n < images; n++)
            for (int head = 0; head < heads; head++)
                for (int i = 0; i < length; i++)
                {
                    ReadOnlySpan<double> q = Row(qkv, n, 0, i, head);
                    for (int j = 0; j < length; j++)
                    {
                        ReadOnlySpan<double> k = Row(qkv, n, 1, j, head);
                        double s = 0;
                        for (int d = 0; d < depth; d++)
                            s += q[d] * k[d];
                        weight[j] = s / Math.Sqrt(depth);
                    }

                    double max = weight.Max(), sum = weight.Sum(s => Math.Exp(s - max));
                    Span<double> o = y.AsSpan((n * length + i) * channels + head * depth, depth);
                    for (int j = 0; j < length; j++)
                    {
                        ReadOnlySpan<double> v = Row(qkv, n, 2, j, head);
                        double p = Math.Exp(weight[j] - max) / sum;
                        for (int d = 0; d < depth; d++)
                            o[d] += p * v[d];
                    }
                }

        return y;

        ReadOnlySpan<double> Row(double[] all, int n, int part, int pixel, int head) =>
            all.AsSpan(((n * length + pixel) * 3 + part) * channels + head * depth, depth);
    }
}
