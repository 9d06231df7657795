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
    private readonly Shape shape, filters;
    private readonly DType type;
    private readonly float scale;
    private readonly float[] x, tx, weight, bias, dy;
    private readonly float[]? residual;
    private readonly Random random = new(20241011);

    /// <param name="shape">x (N, H, W, C).</param>
    /// <param name="filters">The weight (K, R, R, C).</param>
    /// <param name="type">Storage type of x, weight, residual and cotangent, to which their values are rounded.</param>
    /// <param name="withResidual">Whether the output ends with a residual and a scale.</param>
    public Conv2dSamples(Shape shape, Shape filters, DType type = DType.Float32, bool withResidual = false)
    {
        (this.shape, this.filters, this.type) = (shape, filters, type);
        (x, tx, weight, bias) = (Uniform(shape.Count), Uniform(shape.Count), Uniform(filters.Count), Uniform(filters[0]));
        dy = Uniform(shape.Count / shape.C * filters[0]);
        residual = withResidual ? Uniform(2 * dy.Length) : null;
        scale = withResidual ? 0.75f : 1;
    }

    private double Tolerance => type == DType.Float32 ? 1e-5 : 1e-2;

    /// <summary>Every result, as it lies in memory.</summary>
    public float[][] Check(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        var output = new Shape(shape.N, shape.H, shape.W, filters[0]);
        using Tensor input = Create(shape, x), tangent = Create(shape, tx), kernel = Create(filters, weight);
        using Tensor offset = device.CreateTensor(new Shape(filters[0]), bias), cotangent = Create(output, dy);
        using Tensor? other = residual is null ? null : Create(output, residual[..dy.Length]), tOther = residual is null ? null : Create(output, residual[dy.Length..]);
        using Tensor dx = device.CreateTensor(shape, type), dWeight = device.CreateTensor(filters), dBias = device.CreateTensor(offset.Shape);
        using Tensor dOther = device.CreateTensor(output, type), primal = device.CreateTensor(output, type), moved = device.CreateTensor(output, type);
        tape.Watch(input, dx);
        tape.Watch(kernel, dWeight);
        tape.Watch(offset, dBias);
        if (other is not null)
            tape.Watch(other, dOther);
        Tensor y = Conv2d.Apply(
            program, Copy.Join(program, input, tangent), kernel, offset, other is null ? null : Copy.Join(program, other, tOther), scale);
        Copy.Into(program, y.Primal, primal);
        Copy.Into(program, y.Tangent, moved);
        tape.Seed(y, cotangent);
        tape.Backward();
        program.Run();
        Near("y", primal, i => scale * (bias[i % filters[0]] + Output(x, i) + (residual?[i] ?? 0)));
        Near("ty", moved, i => scale * (Output(tx, i) + (residual?[dy.Length + i] ?? 0)));
        Near("dx", dx, i => scale * InputGradient(i));
        Near("dWeight", dWeight, i => scale * WeightGradient(i));
        Near("dBias", dBias, i => scale * dy.Where((_, j) => j % filters[0] == i).Sum(v => (double)v));
        if (residual is not null)
            Near("dResidual", dOther, i => scale * dy[i]);
        return [.. new[] { primal, moved, dx, dWeight, dBias }.Select(Values)];

        Tensor Create(Shape extents, float[] values)
        {
            Tensor tensor = device.CreateTensor(extents, type);
            if (type == DType.Float32)
                tensor.Upload<float>(values);
            else
                tensor.Upload<ushort>([.. values.Select(value => BFloat16.FromSingle(value).Bits)]);
            return tensor;
        }
    }

    private static float[] Values(Tensor tensor)
    {
        if (tensor.Type == DType.Float32)
            return tensor.ToArray();
        ushort[] bits = new ushort[tensor.Count];
        tensor.Download(bits.AsSpan());
        return [.. bits.Select(value => BitConverter.UInt32BitsToSingle((uint)value << 16))];
    }

    private void Near(string what, Tensor actual, Func<int, double> expected)
    {
        float[] values = Values(actual);
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

    /// <summary>Numbers that the storage type holds exactly.</summary>
    private float[] Uniform(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => Round(2 * random.NextSingle() - 1))];

    private float Round(float value) => type == DType.Float32 ? value : BFloat16.ToSingle(BFloat16.FromSingle(value));
}
