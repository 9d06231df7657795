using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>A few parameters under Adam or RAdam, on a device and by a float64 loop.</summary>
internal sealed class OptimizerRun : IDisposable
{
    private readonly ComputeProgram program;
    private readonly AdamSlabs slabs;
    private readonly Tensor rate, clip, gain;

    public OptimizerRun(ComputeDevice device, int count, bool rectified, AdamOptions options, bool withOutputs = false)
    {
        program = new ComputeProgram(device) { Checked = true };
        var shape = new Shape(count);
        slabs = new AdamSlabs(
            device.CreateTensor(shape), device.CreateTensor(shape), device.CreateTensor(shape), device.CreateTensor(shape),
            device.CreateTensor(new Shape(Adam.StateLength), DType.Float64));
        gain = device.CreateTensor(new Shape(1));
        if (withOutputs)
            slabs = slabs with { Average = (device.CreateTensor(shape), gain), ComputeWeights = device.CreateTensor(shape, DType.BFloat16) };
        rate = device.CreateTensor(new Shape(1));
        clip = device.CreateTensor(new Shape(GradientNorm.ClipLength));
        if (rectified)
            RAdam.Into(program, slabs, options, rate, clip);
        else
            Adam.Into(program, slabs, options, rate, clip);
    }

    public Tensor Values => slabs.MasterWeights;

    /// <summary>Without further outputs, then with them: the parameters must not notice.</summary>
    public static void Check(string device, bool rectified, AdamOptions options)
    {
        byte[] plain = Check(device, rectified, options, withOutputs: false);
        Assert.Equal(plain, Check(device, rectified, options, withOutputs: true));
    }

    private static byte[] Check(string device, bool rectified, AdamOptions options, bool withOutputs)
    {
        const int count = 39, steps = 20, skipped = 8; // three elements beyond the last four
        var random = new Random(11);
        using var run = new OptimizerRun(TestDevices.Get(device), count, rectified, options, withOutputs);
        double[] values = [.. Enumerable.Range(0, count).Select(_ => (double)(float)random.NextDouble())];
        double[] first = new double[count], second = new double[count], average = new double[count];
        run.Values.Upload<float>([.. values.Select(v => (float)v)]);
        for (int step = 1, k = 0; step <= steps; step++)
        {
            float factor = step == skipped ? 0f : step % 5 == 0 ? 0.25f : 1f, learningRate = 0.01f / step;
            float weight = step == 1 ? 1f : 0.6f / step;
            float[] gradients = [.. Enumerable.Range(0, count).Select(i => step == skipped ? float.NaN : (float)(random.NextDouble() - 0.4) * MathF.Pow(10, i % 9 - 4))];
            (byte[] Bits, double[] State) before = (run.Bits(), run.State());
            run.Step(gradients, factor, learningRate, weight);
            Assert.All(run.slabs.Gradients.ToArray(), g => Assert.Equal(0f, g));
            if (step == skipped)
            {
                Assert.Equal(before.Bits, run.Bits());
                Assert.Equal(before.State, run.State());
                continue;
            }

            Reference(values, first, second, gradients, factor, learningRate, ++k, rectified, options);
            average = [.. average.Zip(values, (old, value) => old + weight * (value - old))];
            if (withOutputs)
                Assert.Equal(run.Values.ToArray().Select(v => BFloat16.FromSingle(v).Bits), run.RoundedBits());
        }

        Near("values", values, run.Values);
        Near("first moments", first, run.slabs.FirstMoments);
        Near("second moments", second, run.slabs.SecondMoments);
        if (withOutputs)
            Near("the average", average, run.slabs.Average!.Value.Values);
        Assert.Equal(1 - Math.Pow(options.Beta1, steps - 1), run.State()[0], 1e-14);
        Assert.Equal(1 - Math.Pow(options.Beta2, steps - 1), run.State()[1], 1e-14);
        Assert.Equal(steps - 1, run.State()[2]);
        return [.. run.Values.ToArray().SelectMany(BitConverter.GetBytes)];
    }

    public void Step(float[] gradients, float factor, float rate, float gain = 1f)
    {
        this.gain.Upload<float>([gain]);
        slabs.Gradients.Upload<float>(gradients);
        this.rate.Upload<float>([rate]);
        clip.Upload<float>([1f, factor]);
        program.Run();
    }

    public void Dispose() => program.Dispose();

    /// <summary>Written from the papers, not from the op: computes bias corrections as powers, and the rectification in full.</summary>
    private static void Reference(
        double[] values, double[] first, double[] second, float[] gradients, double factor, double rate, int k, bool rectified, AdamOptions options)
    {
        double b1 = options.Beta1, b2 = options.Beta2;
        double limit = 2 / (1 - b2) - 1, length = limit - 2 * k * Math.Pow(b2, k) / (1 - Math.Pow(b2, k));
        for (int i = 0; i < values.Length; i++)
        {
            double g = factor * gradients[i];
            first[i] = b1 * first[i] + (1 - b1) * g;
            second[i] = b2 * second[i] + (1 - b2) * g * g;
            double mean = first[i] / (1 - Math.Pow(b1, k)), adapted = mean / (Math.Sqrt(second[i] / (1 - Math.Pow(b2, k))) + options.Epsilon);
            double rectification = Math.Sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length));
            values[i] -= rate * (!rectified ? adapted : length > 5 ? rectification * adapted : mean);
        }
    }

    private static void Near(string what, double[] expected, Tensor actual)
    {
        double error = OpBattery.RelativeError(expected, actual.ToArray());
        Assert.True(error < 1e-6, $"{what} are off by {error:E2} relative L2");
    }

    /// <summary>All that a skipped step leaves as it is.</summary>
    private byte[] Bits()
    {
        IEnumerable<float> floats = new[] { slabs.MasterWeights, slabs.FirstMoments, slabs.SecondMoments, slabs.Average?.Values }.OfType<Tensor>().SelectMany(slab => slab.ToArray());
        return [.. floats.SelectMany(BitConverter.GetBytes), .. RoundedBits().SelectMany(BitConverter.GetBytes)];
    }

    private ushort[] RoundedBits()
    {
        ushort[] bits = new ushort[slabs.ComputeWeights?.Count ?? 0];
        slabs.ComputeWeights?.Download(bits.AsSpan());
        return bits;
    }

    private double[] State()
    {
        double[] state = new double[Adam.StateLength];
        slabs.State.Download(state.AsSpan());
        return state;
    }
}
