using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>bf16 convolutions, by every path that a device has, against float64 loops.</summary>
public class ProductKernelsTests
{
    /// <summary>
    /// x, weight, residual: channels that are not a multiple of 8, of 64 or of a tile, extents that no box of pixels divides, one image,
    /// fewer rows than a tile, several tiles in every direction.
    /// </summary>
    private static readonly (Shape X, Shape Weight, bool Residual)[] Shapes =
    [
        (new(1, 1, 1, 1), new(1, 1, 1, 1), false), (new(1, 5, 7, 3), new(5, 3, 3, 3), false), (new(2, 9, 4, 8), new(8, 3, 3, 8), true),
        (new(1, 7, 9, 24), new(40, 3, 3, 24), true), (new(3, 13, 11, 72), new(264, 3, 3, 72), true), (new(2, 16, 16, 128), new(3, 3, 3, 128), false),
        (new(5, 9, 11, 64), new(8, 1, 1, 64), false), (new(2, 8, 8, 320), new(192, 3, 3, 320), true), (new(3, 28, 28, 96), new(72, 1, 1, 96), true),
        (new(8, 32, 32, 64), new(136, 3, 3, 64), true), (new(40, 16, 16, 40), new(24, 1, 1, 40), false), // pixels enough to be shared out
        (new(3, 9, 11, 6), new(40, 3, 3, 6), true), (new(2, 8, 8, 64), new(7, 3, 3, 64), true), // few channels, with a residual
        (new(9, 4, 4, 16), new(392, 3, 3, 16), false), (new(1, 1, 300, 40), new(48, 3, 3, 40), true),
    ];

    public static IEnumerable<TheoryDataRow<string, int>> OnGpu => TestDevices.Cross(["cuda"], Enumerable.Range(0, Shapes.Length));

    public static IEnumerable<TheoryDataRow<string, int>> Tiny => TestDevices.Cross(["simulator"], [0, 1, 2]);

    [Theory]
    [MemberData(nameof(Tiny))]
    public void The_portable_path_agrees_with_float64(string device, int shape) => Check(device, TensorCorePath.Portable, shape);

    [Theory]
    [MemberData(nameof(OnGpu))]
    public void Wgmma_agrees_with_float64_and_repeats_its_bits(string device, int shape)
    {
        if (TestDevices.Get(device) is not GpuDevice { IsHopper: true })
            Assert.Skip("wgmma is Hopper's");
        float[][] first = Check(device, TensorCorePath.Wgmma, shape), second = Check(device, TensorCorePath.Wgmma, shape);
        Assert.All(first.Zip(second), pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second)));
    }

    [Theory]
    [MemberData(nameof(OnGpu))]
    public void Mma_agrees_with_float64_and_repeats_its_bits(string device, int shape)
    {
        float[][] first = Check(device, TensorCorePath.Mma, shape), second = Check(device, TensorCorePath.Mma, shape);
        Assert.All(first.Zip(second), pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second)));
    }

    [Theory]
    [MemberData(nameof(OnGpu))]
    public void The_portable_path_agrees_with_float64_on_a_GPU(string device, int shape) => Check(device, TensorCorePath.Portable, shape);

    [Fact]
    public void Bf16_is_refused_on_the_host_by_name()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor x = device.CreateTensor(new Shape(1, 2, 2, 8), DType.BFloat16), weight = device.CreateTensor(new Shape(8, 3, 3, 8), DType.BFloat16);
        Assert.Contains("conv2d", Assert.Throws<ArgumentException>(() => Conv2d.Apply(program, x, weight)).Message, StringComparison.Ordinal);
    }

    private static float[][] Check(string deviceName, TensorCorePath path, int shape)
    {
        var device = (GpuDevice)TestDevices.Get(deviceName);
        TensorCorePath before = device.TensorCores;
        device.TensorCores = path;
        try
        {
            (Shape x, Shape weight, bool residual) = Shapes[shape];
            return new Conv2dSamples(x, weight, DType.BFloat16, residual).Check(deviceName);
        }
        finally
        {
            device.TensorCores = before;
        }
    }
}
