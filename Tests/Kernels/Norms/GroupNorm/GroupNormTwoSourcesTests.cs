using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>A norm and a linear layer over channels that lie in two tensors give the same results as over the concatenation of the two.</summary>
public class GroupNormTwoSourcesTests
{
    public static IEnumerable<TheoryDataRow<string, DType>> Cases =>
    [
        .. TestDevices.Cross(["cpu", "simulator"], [DType.Float32]), .. TestDevices.Cross(["simulator", "cuda"], [DType.BFloat16]),
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Two_sources_are_their_concatenation(string device, DType type)
    {
        // Groups of 8 channels; the second source is wider than the first, so that exchanging them shows.
        Shape first = device == "cuda" ? new(3, 16, 12, 64) : new(1, 3, 2, 8), second = device == "cuda" ? new(3, 16, 12, 128) : new(1, 3, 2, 16);
        float[][] apart = Run(device, type, first, second, concatenate: false), together = Run(device, type, first, second, concatenate: true);
        Assert.All(apart.Zip(together).Take(2), pair => Assert.Equal(pair.Second, pair.First));
        // Gradients in bf16 are rounded at the concatenation too, where there is one.
        double tolerance = type == DType.Float32 ? 1e-6 : 5e-3;
        Assert.All(apart.Zip(together), pair => Assert.InRange(OpBattery.RelativeError([.. pair.Second.Select(v => (double)v)], pair.First), 0, tolerance));
        Assert.Contains(apart[1], value => value != 0);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void One_tensor_twice_gets_the_gradients_of_both(string device, DType type)
    {
        Shape shape = device == "cuda" ? new(3, 16, 12, 64) : new(1, 3, 2, 8);
        float[][] apart = Run(device, type, shape, shape, concatenate: false, twice: true), together = Run(device, type, shape, shape, concatenate: true, twice: true);
        double tolerance = type == DType.Float32 ? 1e-6 : 5e-3;
        Assert.All(apart.Zip(together).Take(3), pair => Assert.InRange(OpBattery.RelativeError([.. pair.Second.Select(v => (double)v)], pair.First), 0, tolerance));
    }

    [Fact]
    public void Sources_that_do_not_fit_are_named()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor x = device.CreateTensor(new Shape(1, 3, 2, 8)), xSkip = device.CreateTensor(new Shape(1, 2, 2, 8)), weight = device.CreateTensor(new Shape(16));
        Assert.Contains("(1, 2, 2, 8)", Assert.Throws<ArgumentException>(() => GroupNorm.Apply(program, x, weight, weight, 2, xSkip: xSkip)).Message, StringComparison.Ordinal);
    }

    /// <summary>Output, tangent and the gradients of both sources, of the sum of a norm and a linear layer over them, or over the first <paramref name="twice"/>.</summary>
    private static float[][] Run(string deviceName, DType type, Shape first, Shape second, bool concatenate, bool twice = false)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        var random = new Random(5);
        int channels = first.C + second.C;
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        using Tensor x = Create(first), tx = Create(first), xSkip = Create(second), txSkip = Create(second);
        using Tensor dx = device.CreateTensor(first, type), dxSkip = device.CreateTensor(second, type);
        using Tensor scale = device.CreateTensor(new Shape(channels), Numbers(channels)), shift = device.CreateTensor(new Shape(channels), Numbers(channels));
        using Tensor filters = Create(new Shape(channels, channels)), dy = Create(new Shape(first.N, first.H, first.W, channels));
        using Tensor y = device.CreateTensor(dy.Shape, type), ty = device.CreateTensor(dy.Shape, type);
        tape.Watch(x, dx);
        tape.Watch(xSkip, dxSkip);
        Tensor a = Copy.Join(program, x, tx);
        Tensor? b = twice ? a : Copy.Join(program, xSkip, txSkip);
        if (concatenate)
            (a, b) = (Concat.Apply(program, a, b), null);
        Tensor normalised = GroupNorm.Apply(program, a, scale, shift, channels / 8, silu: true, xSkip: b);
        Tensor sum = ScaledAdd.Apply(program, normalised, Linear.Apply(program, a, filters, xSkip: b), 0.5f);
        Copy.Into(program, sum.Primal, y);
        Copy.Into(program, sum.Tangent, ty);
        tape.Seed(sum, dy);
        tape.Backward();
        program.Run();
        return [Read(y), Read(ty), Read(dx), Read(dxSkip)];

        float[] Numbers(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => 2 * random.NextSingle() - 1)];

        Tensor Create(Shape shape)
        {
            Tensor tensor = device.CreateTensor(shape, type);
            if (type == DType.Float32)
                tensor.Upload<float>(Numbers(shape.Count));
            else
                tensor.Upload<ushort>([.. Numbers(shape.Count).Select(value => BFloat16.FromSingle(value).Bits)]);
            return tensor;
        }
    }

    private static float[] Read(Tensor tensor)
    {
        if (tensor.Type == DType.Float32)
            return tensor.ToArray();
        ushort[] bits = new ushort[tensor.Count];
        tensor.Download(bits.AsSpan());
        return [.. bits.Select(value => BitConverter.UInt32BitsToSingle((uint)value << 16))];
    }
}
