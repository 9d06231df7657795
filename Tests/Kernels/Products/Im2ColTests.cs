using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>A 3x3 convolution by way of its taps as channels is the convolution: on whole numbers, whose sums bf16 holds exactly.</summary>
public class Im2ColTests
{
    /// <summary>N, H, W, C, K; the channels that taps are made of are C on the way in, K on the way out.</summary>
    public static IEnumerable<TheoryDataRow<string, int[]>> Shapes =>
        TestDevices.Cross<int[]>(["simulator", "cuda"], [[1, 1, 1, 1, 2], [2, 5, 3, 3, 4], [1, 2, 7, 6, 3], [3, 4, 1, 2, 7]]);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Taps_of_the_input_times_the_weight_are_the_convolution(string device, int[] extents)
    {
        (int n, int h, int w, int c, int k) = (extents[0], extents[1], extents[2], extents[3], extents[4]);
        float[] x = Numbers(2 * n * h * w * c, 1), weight = Numbers(k * 9 * c, 2);
        int columns = Im2Col.Count(c);
        float[] taps = Unfold(device, new Shape(n, h, w, c), x, Im2Col.Order.ChannelsInTaps, 1, dual: true);
        for (int pixel = 0; pixel < 2 * n * h * w; pixel++)
        {
            Assert.All(Enumerable.Range(9 * c, columns - 9 * c), column => Assert.Equal(0, taps[pixel * columns + column]));
            for (int filter = 0; filter < k; filter++)
            {
                float sum = 0;
                for (int column = 0; column < 9 * c; column++)
                    sum += taps[pixel * columns + column] * weight[filter * 9 * c + column];
                Assert.Equal(Convolved(x, weight, h, w, c, pixel, filter), sum);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Taps_of_the_outputs_gathered_are_the_convolution(string device, int[] extents)
    {
        (int n, int h, int w, int c, int k) = (extents[0], extents[1], extents[2], extents[3], extents[4]);
        float[] x = Numbers(2 * n * h * w * c, 1), weight = Numbers(k * 9 * c, 2), bias = Numbers(k, 3);
        int columns = Im2Col.Count(k), pixels = n * h * w;
        float[] taps = new float[2 * pixels * columns];
        for (int i = 0; i < taps.Length; i++)
            taps[i] = i % columns < 9 * k ? Enumerable.Range(0, c).Sum(channel => x[i / columns * c + channel] * weight[i % columns * c + channel]) : float.NaN;
        float[] y = Fold(device, new Shape(n, h, w, columns), taps, new Shape(n, h, w, k), bias, Im2Col.Order.TapsInChannels, 1);
        for (int i = 0; i < y.Length; i++)
            Assert.Equal((i / k < pixels ? bias[i % k] : 0) + Convolved(x, weight, h, w, c, i / k, i % k), y[i]);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Gathering_is_the_adjoint_of_spreading_and_adds_to_what_is_there(string device, int[] extents)
    {
        (int n, int h, int w, int c) = (extents[0], extents[1], extents[2], extents[3]);
        int columns = Im2Col.Count(c);
        float[] u = Numbers(n * h * w * columns, 4), v = Numbers(n * h * w * c, 5);
        foreach (Im2Col.Order order in Enum.GetValues<Im2Col.Order>())
        {
            float[] spread = Unfold(device, new Shape(n, h, w, c), v, order, -1, dual: false);
            float[] gathered = Fold(device, new Shape(n, h, w, columns), u, new Shape(n, h, w, c), null, order, 1, there: 3);
            Assert.Equal(spread.Zip(u, (a, b) => a * b).Sum(), gathered.Zip(v, (a, b) => (a - 3) * b).Sum());
        }
    }

    private static float[] Unfold(string name, Shape shape, float[] values, Im2Col.Order order, int direction, bool dual)
    {
        ComputeDevice device = TestDevices.Get(name);
        using var program = new ComputeProgram(device) { Checked = true };
        using Tensor source = Upload(device, shape, values[..(int)shape.Count]), tangent = Upload(device, shape, values[^(int)shape.Count..]);
        Tensor target = program.Allocate(new Shape(shape.N, shape.H, shape.W, Im2Col.Count(shape.C)), dual, DType.BFloat16);
        Im2Col.Unfold(program, "taps", dual ? Copy.Join(program, source, tangent) : source, target, order, direction);
        using Tensor first = device.CreateTensor(target.Shape, DType.BFloat16), second = device.CreateTensor(target.Shape, DType.BFloat16);
        Copy.Into(program, target.Primal, first);
        if (dual)
            Copy.Into(program, target.Tangent, second);
        program.Run();
        return dual ? [.. Download(first), .. Download(second)] : Download(first);
    }

    /// <summary>Folds a dual tensor if there is a bias; otherwise adds to a number.</summary>
    private static float[] Fold(
        string name, Shape shape, float[] values, Shape result, float[]? bias, Im2Col.Order order, int direction, float there = 0)
    {
        ComputeDevice device = TestDevices.Get(name);
        using var program = new ComputeProgram(device) { Checked = true };
        using Tensor source = Upload(device, shape, values[..(int)shape.Count]), tangent = Upload(device, shape, values[^(int)shape.Count..]);
        using Tensor offset = device.CreateTensor(new Shape(result.C), bias ?? new float[result.C]);
        using Tensor first = Upload(device, result, [.. Enumerable.Repeat(there, (int)result.Count)]), second = device.CreateTensor(result, DType.BFloat16);
        if (bias is null)
        {
            Im2Col.Fold(program, "taps", source, null, new GradientSlot(first, true), order, direction);
            program.Run();
            return Download(first);
        }

        Tensor target = program.Allocate(result, true, DType.BFloat16);
        Im2Col.Fold(program, "taps", Copy.Join(program, source, tangent), offset, new GradientSlot(target, false), order, direction);
        Copy.Into(program, target.Primal, first);
        Copy.Into(program, target.Tangent, second);
        program.Run();
        return [.. Download(first), .. Download(second)];
    }

    private static float Convolved(float[] x, float[] weight, int height, int width, int channels, int pixel, int filter)
    {
        float sum = 0;
        for (int tap = 0; tap < 9; tap++)
        {
            int h = pixel / width % height + tap / 3 - 1, w = pixel % width + tap % 3 - 1;
            for (int c = 0; c < channels && h >= 0 && h < height && w >= 0 && w < width; c++)
                sum += x[((pixel / width / height * height + h) * width + w) * channels + c] * weight[(filter * 9 + tap) * channels + c];
        }

        return sum;
    }

    private static float[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-1, 2))];
    }

    private static Tensor Upload(ComputeDevice device, Shape shape, float[] values)
    {
        Tensor tensor = device.CreateTensor(shape, DType.BFloat16);
        tensor.Upload<ushort>([.. values.Select(value => BFloat16.FromSingle(value).Bits)]);
        return tensor;
    }

    private static float[] Download(Tensor tensor)
    {
        ushort[] bits = new ushort[tensor.Count];
        tensor.Download(bits.AsSpan());
        return [.. bits.Select(value => BitConverter.UInt32BitsToSingle((uint)value << 16))];
    }
}
