using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// What the mma.sync products reach at the shapes of the cifar10 preset and as plain products; values are drawn at random, since
/// a GPU clocks higher on zeros. Hopper's own instructions reach some 650 TFLOP/s, of which these should lose less than half.
/// </summary>
public class MmaSpeedTests(ITestOutputHelper output)
{
    private const int Launches = 20, Rounds = 5;
    private const double LeastOnHopper = 350e12;

    /// <summary>Images, their extent, C, K, R, and whether the product is large and long enough to be held to the limit.</summary>
    public static IEnumerable<TheoryDataRow<string, (int N, int Extent, int C, int K, int R, bool Held)>> Shapes =>
        TestDevices.Cross<(int N, int Extent, int C, int K, int R, bool Held)>(
            ["cuda"],
            [
                (512, 32, 128, 256, 3, true), (512, 32, 256, 256, 3, true), (256, 32, 512, 256, 3, true), (512, 16, 256, 256, 3, true),
                (512, 16, 512, 256, 3, true), (512, 8, 256, 256, 3, true), (256, 8, 256, 256, 3, false), (512, 16, 512, 256, 1, false),
                (512, 16, 256, 768, 1, false), (1024, 1, 1024, 1024, 1, false), (2048, 1, 2048, 2048, 1, false),
                (4096, 1, 4096, 4096, 1, true), (8192, 1, 8192, 8192, 1, true),
            ]);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_use_the_tensor_cores(string device, (int N, int Extent, int C, int K, int R, bool Held) shape)
    {
        var gpu = (GpuDevice)TestDevices.Get(device);
        var e = new ConvExtents { N = shape.N, H = shape.Extent, W = shape.Extent, C = shape.C, K = shape.K, R = shape.R };
        using var program = new ComputeProgram(gpu);
        using Tensor x = Random(gpu, new Shape(e.Pixels, e.C)), y = Random(gpu, new Shape(e.Pixels, e.K));
        using Tensor weight = Random(gpu, new Shape(e.K, e.Taps * e.C)), dWeight = gpu.CreateTensor(weight.Shape);
        Tensor partials = MmaProduct.Partials(program, e)!;
        program.Emit("product.partials", [], [partials], _ => { }, _ => () => { });
        program.Run();
        (string Name, Action Run)[] directions =
        [
            ("forward", MmaProduct.Forward(gpu, e, x, weight, null, y, 0, 1f, null, 0f)),
            ("input gradient", MmaProduct.InputGradient(gpu, e, y, weight, x, 1f, 0)),
            ("weight gradient", MmaProduct.WeightGradient(gpu, e, x, y, partials, new GradientSlot(dWeight, false), 1f)),
        ];
        foreach ((string name, Action run) in directions)
        {
            double rate = 2.0 * e.Pixels * e.Taps * e.C * e.K / Median(gpu, run);
            string result = $"{name} of {shape.N} x {shape.Extent} x {shape.Extent}, {shape.C} to {shape.K}, {shape.R} x {shape.R}: {rate / 1e12:F0} TFLOP/s on {gpu.Description}";
            output.WriteLine(result);
            Assert.True(!shape.Held || !gpu.IsHopper || rate >= LeastOnHopper, result);
        }
    }

    /// <summary>Seconds of a launch, the median of several rounds after one to warm up.</summary>
    private static double Median(GpuDevice gpu, Action run)
    {
        using var timer = new CudaTimer(gpu);
        double[] seconds = new double[Rounds + 1];
        for (int round = 0; round <= Rounds; round++)
        {
            timer.Start();
            for (int i = 0; i < Launches; i++)
                run();
            timer.Stop();
            seconds[round] = timer.Seconds() / Launches;
        }

        return seconds[1..].Order().ElementAt(Rounds / 2);
    }

    private static Tensor Random(GpuDevice gpu, Shape shape)
    {
        var random = new Random(20241011);
        var values = new BFloat16[shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = BFloat16.FromSingle(2 * random.NextSingle() - 1);
        Tensor tensor = gpu.CreateTensor(shape, DType.BFloat16);
        tensor.Upload<BFloat16>(values);
        return tensor;
    }
}
