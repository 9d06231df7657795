using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// Checks a dual convolution and its gradients at shapes of several tiles, where a float64 loop over everything would take
/// too long, at elements drawn at random.
/// </summary>
internal sealed class Conv2dSamples
{
    private const int Samples = 200;
    private const double Tolerance = 1e-5;
    private readonly Shape shape, filters;
    private readonly float[] x, tx, weight, bias, dy;
    private readonly Random random = new(20241011);

    public Conv2dSamples(Shape shape, Shape filters)
    {
        (this.shape, this.filters) = (shape, filters);
        (x, tx, weight, bias) = (Uniform(shape.Count), Uniform(shape.Count), Uniform(filters.Count), Uniform(filters[0]));
        dy = Uniform(shape.Count / shape.C * filters[0]);
    }

    public void Check(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        using Tensor input = device.CreateTensor(shape, x), tangent = device.CreateTensor(shape, tx);
        using Tensor kernel = device.CreateTensor(filters, weight), offset = device.CreateTensor(new Shape(filters[0]), bias);
        using Tensor dx = device.CreateTensor(shape), dWeight = device.CreateTensor(filters), dBias = device.CreateTensor(offset.Shape);
        tape.Watch(input, dx);
        tape.Watch(kernel, dWeight);
        tape.Watch(offset, dBias);
        Tensor y = Conv2d.Apply(program, Copy.Join(program, input, tangent), kernel, offset);
        using Tensor cotangent = device.CreateTensor(y.Shape, dy), primal = device.CreateTensor(y.Shape), moved = device.CreateTensor(y.Shape);
        Copy.Into(program, y.Primal, primal);
        Copy.Into(program, y.Tangent, moved);
        tape.Seed(y, cotangent);
        tape.Backward();
        program.Run();
        Near("y", primal, i => bias[i % filters[0]] + Output(x, i));
        Near("ty", moved, i => Output(tx, i));
        Near("dx", dx, InputGradient);
        Near("dWeight", dWeight, WeightGradient);
        Near("dBias", dBias, i => dy.Where((_, j) => j % filters[0] == i).Sum(v => (double)v));
    }

    private void Near(string what, Tensor actual, Func<int, double> expected)
    {
        float[] values = actual.ToArray();
        int[] chosen = [.. Enumerable.Range(0, Samples).Select(_ => random.Next(values.Length))];
        double error = OpBattery.RelativeError([.. chosen.Select(expected)], [.. chosen.Select(i => values[i])]);
        Assert.True(error <= Tolerance, $"conv2d {shape} {filters}: {what} is off by {error:E2} relative L2, {Tolerance:E2} allowed");
    }

    private double Output(float[] source, int i)
    {
        (int pixel, int k) = (i / filters[0], i % filters[0]);
        double sum = 0;
        for (int tap = 0; tap < filters[1] * filters[1]; tap++)
            for (int c = 0; c < shape.C && Neighbour(pixel, tap, 1) is var from && from >= 0; c++)
                sum += (double)weight[(k * filters[1] * filters[1] + tap) * shape.C + c] * source[from * shape.C + c];
        return sum;
    }

    private double InputGradient(int i)
    {
        (int pixel, int c) = (i / shape.C, i % shape.C);
        double sum = 0;
        for (int tap = 0; tap < filters[1] * filters[1]; tap++)
            for (int k = 0; k < filters[0] && Neighbour(pixel, tap, -1) is var to && to >= 0; k++)
                sum += (double)weight[(k * filters[1] * filters[1] + tap) * shape.C + c] * dy[to * filters[0] + k];
        return sum;
    }

    private double WeightGradient(int i)
    {
        int taps = filters[1] * filters[1];
        (int k, int tap, int c) = (i / shape.C / taps, i / shape.C % taps, i % shape.C);
        double sum = 0;
        for (int pixel = 0; pixel < shape.N * shape.H * shape.W; pixel++)
            if (Neighbour(pixel, tap, 1) is var from && from >= 0)
                sum += (double)dy[pixel * filters[0] + k] * x[from * shape.C + c];
        return sum;
    }

    /// <summary>The pixel at a tap from a pixel, forwards or backwards; -1 outside of the image.</summary>
    private int Neighbour(int pixel, int tap, int direction)
    {
        int h = pixel / shape.W % shape.H + direction * (tap / filters[1] - filters[1] / 2);
        int w = pixel % shape.W + direction * (tap % filters[1] - filters[1] / 2);
        return h < 0 || h >= shape.H || w < 0 || w >= shape.W ? -1 : (pixel / shape.W / shape.H * shape.H + h) * shape.W + w;
    }

    private float[] Uniform(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => 2 * random.NextSingle() - 1)];
}
