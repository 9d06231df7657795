using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class ConsistencySamplerTests
{
    private static readonly GaussianData Data = new(-0.6, 0.8);

    private static CpuDevice Cpu => (CpuDevice)TestDevices.Get("cpu");

    [Fact]
    public void One_step_of_the_exact_model_follows_the_flow_to_its_end()
    {
        using var sampler = new ConsistencySampler(Data.ConsistencyModel(Cpu), ConsistencySampler.DefaultTimes(1, 0.5), batch: 6);
        float[] noise = SamplerNetwork.Noise(Cpu, 6, seed: 11), images = sampler.Sample(6, 11);
        double end = TrigFlowTime.Max(0.5);
        Assert.All(images.Zip(noise), pair => Assert.Equal(0.5 * Data.End(pair.Second, end), pair.First, 2e-6));
    }

    /// <summary>x_0 = f(z, t_max), x = cos(1.1) x_0 + sin(1.1) z', x_0 = f(x, 1.1), with noise z' of its own.</summary>
    [Fact]
    public void Two_steps_add_fresh_noise_between()
    {
        using var identity = new ConsistencySampler(GaussianData.Network(Cpu, (_, _) => 0, sigmaData: 1, ModelKind.Consistency), [1.5, 1.1], batch: 4);
        float[] first = SamplerNetwork.Noise(Cpu, 4, seed: 2), both = identity.Sample(4, 2);
        double[] second = [.. both.Zip(first, (x, z) => (x / Math.Cos(1.1) - Math.Cos(1.1) * Math.Cos(1.5) * z) / Math.Sin(1.1))];
        Assert.InRange(Correlation(first, second), -0.3, 0.3);
        Assert.Equal(1, Math.Sqrt(second.Average(z => z * z)), 0.2);

        using var sampler = new ConsistencySampler(Data.ConsistencyModel(Cpu), times: null, batch: 4);
        Assert.Equal(2, sampler.Evaluations);
        float[] images = sampler.Sample(4, 2);
        for (int i = 0; i < images.Length; i++)
        {
            double x0 = Data.End(first[i], TrigFlowTime.Max(0.5));
            Assert.Equal(0.5 * Data.End(Math.Cos(1.1) * x0 + Math.Sin(1.1) * second[i], 1.1), images[i], 5e-6);
        }
    }

    [Fact]
    public void Samples_of_the_exact_model_have_the_mean_and_deviation_of_the_data()
    {
        using var sampler = new ConsistencySampler(Data.ConsistencyModel(Cpu, sigmaData: 2), times: null, batch: 64);
        float[] images = sampler.Sample(1024, 3);
        double mean = images.Average(), deviation = Math.Sqrt(images.Average(x => (x - mean) * (x - mean)));
        Assert.Equal(2 * -0.6, mean, 0.04);
        Assert.Equal(2 * 0.8, deviation, 0.04);
    }

    [Fact]
    public void An_image_does_not_depend_on_the_batch_it_is_drawn_in()
    {
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount: 3);
        int[] classes = [0, 1, 2, -1, 0, 1, 2];
        float[] expected = Draw(batch: 7);
        Assert.Equal(expected, Draw(batch: 7));
        Assert.Equal(expected, Draw(batch: 3));
        Assert.Equal(expected, Draw(batch: 16));
        using var sampler = new ConsistencySampler(model, batch: 2);
        Assert.Equal(expected[(4 * 32)..], sampler.Sample(3, 21, classes.AsSpan(4), first: 4));
        Assert.NotEqual(expected, sampler.Sample(7, 22, classes));
        Assert.NotEqual(expected[..32], sampler.Sample(1, 21, [2]));
        Assert.Equal(sampler.Sample(1, 21, [-1]), sampler.Sample(1, 21));

        float[] Draw(int batch)
        {
            using var drawn = new ConsistencySampler(model, batch: batch);
            return drawn.Sample(7, 21, classes);
        }
    }

    [Fact]
    public void What_depends_on_the_times_alone_is_computed_once_for_all_evaluations()
    {
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount: 3);
        using var sampler = new ConsistencySampler(model, ConsistencySampler.DefaultTimes(3, 0.5));
        int Launches(string op) => sampler.ProgramSteps.Count(step => step.Op == op);
        Assert.Equal((1, 1, 2), (Launches("time-embedding.forward"), Launches("pixelnorm.forward"), Launches("silu.forward")));
        int convolutions = model.Network.Parameters.Count(entry => entry.Shape.Rank == 4);
        Assert.Equal((3, 3 * convolutions), (Launches("random-normal.forward"), Launches("conv2d.forward")));
    }

    [Theory]
    [MemberData(nameof(TestDevices.Gpu), MemberType = typeof(TestDevices))]
    public void Devices_draw_the_same_images(string device)
    {
        using TrigFlowModel host = SamplerNetwork.Model(Cpu), gpu = SamplerNetwork.Model(TestDevices.Get(device));
        using ConsistencySampler one = new(host), two = new(gpu, batch: 5);
        Assert.All(one.Sample(7, 5).Zip(two.Sample(7, 5)), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
        using TrigFlowModel diffusion = SamplerNetwork.Model(Cpu, kind: ModelKind.Diffusion), onGpu = SamplerNetwork.Model(TestDevices.Get(device), kind: ModelKind.Diffusion);
        using DiffusionSampler three = new(diffusion, steps: 8), four = new(onGpu, steps: 8, batch: 5);
        Assert.All(three.Sample(7, 5).Zip(four.Sample(7, 5)), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
    }

    [Fact]
    public void A_sampler_sees_weights_change_and_frees_what_it_took()
    {
        long before = Cpu.AllocatedBytes;
        using (TrigFlowModel model = SamplerNetwork.Model(Cpu))
        using (var sampler = new ConsistencySampler(model))
        {
            float[] first = sampler.Sample(1, 1);
            long held = Cpu.AllocatedBytes;
            model.Network.Initialise(model.Weights, 1);
            Assert.NotEqual(first, sampler.Sample(1, 1));
            Assert.Equal(held, Cpu.AllocatedBytes);
        }

        Assert.Equal(before, Cpu.AllocatedBytes);
    }

    [Fact]
    public void The_library_samples_from_a_file_in_three_lines()
    {
        using TemporaryFolder folder = new();
        long before = Cpu.AllocatedBytes;
        using (TrigFlowModel student = SamplerNetwork.Model(Cpu), teacher = SamplerNetwork.Model(Cpu, kind: ModelKind.Diffusion))
        {
            student.Save(folder.File("student.safetensors"));
            teacher.Save(folder.File("teacher.safetensors"));
        }

        using (var sampler = ConsistencySampler.Load(folder.File("student.safetensors"), Cpu))
        {
            byte[] images = sampler.SampleBytes(count: 5, seed: 1);
            Assert.Equal(5 * 4 * 4 * 2, images.Length);
            Assert.Equal(Array.ConvertAll(sampler.Sample(5, 1), x => (byte)Math.Clamp(Math.Floor(x * 127.5 + 128), 0, 255)), images);
        }

        using (var sampler = DiffusionSampler.Load(folder.File("teacher.safetensors"), Cpu, steps: 4))
            Assert.Equal(2 * 32, sampler.SampleBytes(2, 1).Length);
        Assert.Equal(before, Cpu.AllocatedBytes);
    }

    [Fact]
    public void Times_and_classes_out_of_range_are_refused()
    {
        using TrigFlowModel model = SamplerNetwork.Model(Cpu, labelCount: 3);
        Assert.Equal([TrigFlowTime.Max(0.5), 1.1, 0.55], ConsistencySampler.DefaultTimes(3, 0.5));
        foreach (double[] times in new double[][] { [], [1.1, 1.1], [1.0, 1.5], [1.5, 0], [1.6], [double.NaN] })
            Assert.Throws<ArgumentException>(() => new ConsistencySampler(model, times));
        using var sampler = new ConsistencySampler(model);
        Assert.Throws<ArgumentException>(() => sampler.Sample(2, 1, [0]));
        Assert.Throws<ArgumentException>(() => sampler.Sample(1, 1, [3]));
        Assert.Throws<ArgumentException>(() => sampler.Sample(1, 1, [-2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.Sample(0, 1));
    }

    private static double Correlation(float[] a, double[] b) =>
        a.Zip(b, (x, y) => x * y).Average() / Math.Sqrt(a.Average(x => (double)x * x) * b.Average(y => y * y));
}
