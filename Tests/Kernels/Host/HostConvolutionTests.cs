using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// Convolutions large enough to be cut into many pieces on the host (lines of an image, groups of images, groups of channels,
/// chunks of pixels), which the shapes of the op battery are too small for.
/// </summary>
public class HostConvolutionTests
{
    /// <summary>N, H, W, C, K, R.</summary>
    public static TheoryData<int, int, int, int, int, int> Shapes => new()
    {
        { 2, 33, 40, 20, 24, 3 }, // images in pieces that do not divide the height
        { 11, 6, 5, 16, 35, 3 }, // several images to an item, the last item smaller
        { 1, 5, 3, 70, 130, 3 }, // few pixels, many channels: channels in groups
        { 3, 24, 31, 3, 13, 3 }, // runs shorter than a vector
        { 2, 30, 27, 17, 3, 3 }, // most of a panel empty
        { 1, 1, 1, 1, 1, 3 },
        { 3, 21, 19, 33, 18, 1 }, // a linear layer over pixels
        { 1, 1, 2, 130, 67, 1 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Agrees_with_float64_on_any_number_of_threads(int n, int h, int w, int c, int k, int r)
    {
        var random = new Random(3);
        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        float[] x = Values(2 * n * h * w * c), weight = Values(k * r * r * c), bias = Values(k), dy = Values(n * h * w * k);
        float[] y0 = Values(n * h * w * k), dx0 = Values(n * h * w * c), dw0 = Values(weight.Length), db0 = Values(k);
        var expected = Reference(n, h, w, c, k, r, x, weight, bias, dy);

        List<float[]>? first = null;
        foreach (int threads in new[] { 1, 2, 7 })
        {
            using var cpu = new CpuDevice(threads);
            using var program = new ComputeProgram(cpu);
            Shape input = new(n, h, w, c), output = new(n, h, w, k), kernel = new(k, r, r, c);
            Tensor dual = program.Allocate(input, hasTangent: true), both = program.Allocate(output, hasTangent: true);
            Tensor tweight = cpu.CreateTensor(kernel, weight), tbias = cpu.CreateTensor(new Shape(k), bias);
            Tensor plain = cpu.CreateTensor(output, y0), tdy = cpu.CreateTensor(output, dy);
            Tensor dx = cpu.CreateTensor(input, dx0), dw = cpu.CreateTensor(kernel, dw0), db = cpu.CreateTensor(new Shape(k), db0);
            Tensor dxOver = cpu.CreateTensor(input, dx0), dwOver = cpu.CreateTensor(kernel, dw0);
            Tensor dbOver = cpu.CreateTensor(new Shape(k), db0);
            program.Emit("test", [dual], [both], _ => { }, _ => () => { });
            program.Compile();
            x.CopyTo(dual.Span);

            ConvolutionHost.Forward(cpu, dual, tweight, tbias, both);
            ConvolutionHost.Forward(cpu, dual.Primal, tweight, tbias, plain);
            foreach (bool add in new[] { false, true })
            {
                ConvolutionHost.InputGradient(cpu, tdy, tweight, new GradientSlot(add ? dx : dxOver, add));
                ConvolutionHost.WeightGradient(cpu, dual.Primal, tdy, new GradientSlot(add ? dw : dwOver, add));
                ConvolutionHost.BiasGradient(cpu, tdy, new GradientSlot(add ? db : dbOver, add));
            }

            List<float[]> results = [both.Span.ToArray(), .. new[] { plain, dxOver, dwOver, dbOver, dx, dw, db }.Select(t => t.ToArray())];
            first ??= results;
            for (int i = 0; i < results.Count; i++)
                Assert.True(first[i].AsSpan().SequenceEqual(results[i]), $"result {i} has other bits on {threads} threads");
        }

        Assert.True(first![0].AsSpan(0, first[1].Length).SequenceEqual(first[1]), "the primal differs when a tangent is carried");
        Near("forward", expected.Y, first[0]);
        Near("input gradient", expected.Dx, first[2]);
        Near("weight gradient", expected.Dw, first[3]);
        Near("bias gradient", expected.Db, first[4]);
        Near("input gradient, added", [.. expected.Dx.Zip(dx0, (a, b) => a + b)], first[5]);
        Near("weight gradient, added", [.. expected.Dw.Zip(dw0, (a, b) => a + b)], first[6]);
        Near("bias gradient, added", [.. expected.Db.Zip(db0, (a, b) => a + b)], first[7]);
    }

    private static void Near(string what, double[] expected, float[] actual)
    {
        double error = OpBattery.RelativeError(expected, actual);
        Assert.True(error <= 1e-6, $"{what} is off by {error:E2} relative L2");
    }

    private static (double[] Y, double[] Dx, double[] Dw, double[] Db) Reference(
        int n, int h, int w, int c, int k, int r, float[] x, float[] weight, float[] bias, float[] dy)
    {
        double[] y = new double[2 * n * h * w * k], dx = new double[n * h * w * c], dw = new double[weight.Length], db = new double[k];
        for (int pixel = 0; pixel < 2 * n * h * w; pixel++)
        {
            bool primal = pixel < n * h * w;
            int image = pixel / (h * w), line = pixel / w % h, place = pixel % w;
            for (int o = 0; o < k; o++)
            {
                double sum = primal ? bias[o] : 0, d = primal ? dy[pixel * k + o] : 0;
                db[o] += d;
                for (int tap = 0; tap < r * r; tap++)
                {
                    int i = line + tap / r - r / 2, j = place + tap % r - r / 2;
                    if (i < 0 || i >= h || j < 0 || j >= w)
                        continue;
                    int from = ((image * h + i) * w + j) * c, at = (o * r * r + tap) * c;
                    for (int channel = 0; channel < c; channel++)
                    {
                        sum += (double)x[from + channel] * weight[at + channel];
                        if (primal)
                        {
                            dx[from + channel] += d * weight[at + channel];
                            dw[at + channel] += d * x[from + channel];
                        }
                    }
                }

                y[pixel * k + o] = sum;
            }
        }

        return (y, dx, dw, db);
    }
}
