using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class DeviceMathTests
{
    // The host reaches 8.9e-8; a GPU, which fuses multiplications and additions as it likes, 1.02e-7.
    private const double UlpOfOne = 1.1920929e-7;

    /// <summary>Arguments of the sine: densely over [-2 pi, 2 pi], the floats beside multiples of pi/4, and the ends of the range.</summary>
    private static float[] Angles()
    {
        var angles = new List<float> { DeviceMath.MaxAngle, -DeviceMath.MaxAngle, 0f, -0f, 1e-30f };
        for (int i = -Steps; i <= Steps; i++)
            angles.Add((float)(2 * Math.PI * i / Steps));
        for (int i = 1; i <= 127; i++)
            for (int ulps = -3; ulps <= 3; ulps++)
                angles.AddRange([Move((float)(i * Math.PI / 4), ulps), -Move((float)(i * Math.PI / 4), ulps)]);
        return [.. angles];
    }

    private const int Steps = 20000;

    /// <summary>Arguments of the logarithm: all that Philox.ToUnit gives in strides, the ends, and the floats beside 1, sqrt(1/2) and powers of 2.</summary>
    private static float[] Units()
    {
        var units = new List<float>();
        for (uint word = 0; word < 1u << 24; word += 397)
            units.Add(Philox.ToUnit(word << 8));
        for (int i = 0; i < 64; i++)
        {
            units.Add(Philox.ToUnit((uint)i << 8));
            units.Add(Move(1f, -i));
            units.Add(Move(1f, i));
            units.Add(Move(MathF.Sqrt(0.5f), i - 32));
            units.Add(MathF.Pow(2, i - 60));
        }

        return [.. units];
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Sine_and_cosine_are_accurate_to_a_unit_in_the_last_place_of_1(string deviceName)
    {
        float[] angles = Angles();
        float[] values = Run(deviceName, angles, 2, (x, y, i) =>
        {
            DeviceMath.Angle angle = DeviceMath.SinCos(x[i]);
            y[2 * i] = angle.Sin;
            y[2 * i + 1] = angle.Cos;
        }, SinCosKernel);
        double worst = 0;
        for (int i = 0; i < angles.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(values[2 * i] - Math.Sin(angles[i])));
            worst = Math.Max(worst, Math.Abs(values[2 * i + 1] - Math.Cos(angles[i])));
        }

        Assert.True(worst < UlpOfOne, $"absolute error {worst:E2}");
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Angles_in_float64_are_reduced_over_a_million_radians(string deviceName)
    {
        float[] angles = [.. Angles(), .. Angles().Select(x => 9_000f * x).Where(x => MathF.Abs(x) <= 1e6f), 1e6f, -1e6f];
        float[] values = Run(deviceName, angles, 2, (x, y, i) =>
        {
            DeviceMath.Angle angle = DeviceMath.SinCos((double)x[i]);
            y[2 * i] = angle.Sin;
            y[2 * i + 1] = angle.Cos;
        }, WideSinCosKernel);
        double worst = 0;
        for (int i = 0; i < angles.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(values[2 * i] - Math.Sin(angles[i])));
            worst = Math.Max(worst, Math.Abs(values[2 * i + 1] - Math.Cos(angles[i])));
        }

        Assert.True(worst < UlpOfOne, $"absolute error {worst:E2}");
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Sine_and_cosine_of_turns_are_accurate_to_a_unit_in_the_last_place_of_1(string deviceName)
    {
        float[] turns = [.. Units().Where(u => u <= 1), .. Units().Where(u => u <= 1).Select(u => -u), 0f];
        float[] values = Run(deviceName, turns, 2, (x, y, i) =>
        {
            DeviceMath.Angle angle = DeviceMath.SinCosOfTurns(x[i]);
            y[2 * i] = angle.Sin;
            y[2 * i + 1] = angle.Cos;
        }, TurnsKernel);
        double worst = 0;
        for (int i = 0; i < turns.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(values[2 * i] - Math.Sin(2 * Math.PI * turns[i])));
            worst = Math.Max(worst, Math.Abs(values[2 * i + 1] - Math.Cos(2 * Math.PI * turns[i])));
        }

        Assert.True(worst < UlpOfOne, $"absolute error {worst:E2}");
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Logarithm_is_accurate_to_2e7_of_its_value(string deviceName)
    {
        float[] units = Units();
        float[] values = Run(deviceName, units, 1, (x, y, i) => y[i] = DeviceMath.Log(x[i]), LogKernel);
        double worst = 0;
        for (int i = 0; i < units.Length; i++)
        {
            double exact = Math.Log(units[i]);
            worst = Math.Max(worst, exact == 0 ? Math.Abs(values[i]) : Math.Abs(values[i] / exact - 1));
        }

        Assert.True(worst < 2e-7, $"relative error {worst:E2}");
    }

    internal static void SinCosKernel(Index1D i, ArrayView<float> x, ArrayView<float> y)
    {
        DeviceMath.Angle angle = DeviceMath.SinCos(x[i]);
        y[2 * i] = angle.Sin;
        y[2 * i + 1] = angle.Cos;
    }

    internal static void WideSinCosKernel(Index1D i, ArrayView<float> x, ArrayView<float> y)
    {
        DeviceMath.Angle angle = DeviceMath.SinCos((double)x[i]);
        y[2 * i] = angle.Sin;
        y[2 * i + 1] = angle.Cos;
    }

    internal static void TurnsKernel(Index1D i, ArrayView<float> x, ArrayView<float> y)
    {
        DeviceMath.Angle angle = DeviceMath.SinCosOfTurns(x[i]);
        y[2 * i] = angle.Sin;
        y[2 * i + 1] = angle.Cos;
    }

    internal static void LogKernel(Index1D i, ArrayView<float> x, ArrayView<float> y) => y[i] = DeviceMath.Log(x[i]);

    private static float[] Run(string deviceName, float[] x, int results, Action<float[], float[], int> host, Action<Index1D, ArrayView<float>, ArrayView<float>> kernel)
    {
        float[] y = new float[x.Length * results];
        if (TestDevices.Get(deviceName) is not GpuDevice gpu)
        {
            for (int i = 0; i < x.Length; i++)
                host(x, y, i);
            return y;
        }

        using Tensor source = gpu.CreateTensor(new Shape(x.Length), x), target = gpu.CreateTensor(new Shape(y.Length));
        gpu.Accelerator.LoadAutoGroupedKernel(kernel)(gpu.Stream, x.Length, source.View, target.View);
        return target.ToArray();
    }

    private static float Move(float x, int ulps) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(x) + ulps);
}
