using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class DiffusionSamplerTests
{
    private static readonly GaussianData Data = new(0.7, 0.4);

    private static CpuDevice Cpu => (CpuDevice)TestDevices.Get("cpu");

    [Fact]
    public void The_error_falls_with_the_square_of_the_number_of_steps()
    {
        double[] errors = [.. new[] { 16, 32, 64 }.Select(Error)];
        Assert.InRange(errors[0] / errors[1], 3.2, 6);
        Assert.InRange(errors[1] / errors[2], 3.2, 6);
        Assert.True(errors[1] < 2e-2, $"{errors[1]}");
    }

    [Fact]
    public void Data_without_spread_are_found_in_one_step()
    {
        using TrigFlowModel network = new GaussianData(0.7, 0).DiffusionModel(Cpu);
        using var sampler = new DiffusionSampler(network, TrigFlowTime.KarrasGrid(1, 0.5), 1, batch: 2);
        Assert.All(sampler.Sample(2, 1), pixel => Assert.Equal(0.35f, pixel, 1e-5f));
    }

    [Fact]
    public void Each_step_evaluates_the_network_once_and_twice_with_guidance()
    {
        int calls = 0;
        using TrigFlowModel network = GaussianData.Network(Cpu, (_, _, _) => calls++ * 0.0, 1, labelCount: 2);
        int pixels = (int)GaussianData.Image.Count;
        using var plain = new DiffusionSampler(network, TrigFlowTime.KarrasGrid(7, 1), 1, batch: 1);
        plain.Sample(1, 1);
        Assert.Equal((7, 7 * pixels), (plain.Evaluations, calls));
        calls = 0;
        using var guided = new DiffusionSampler(network, TrigFlowTime.KarrasGrid(7, 1), 1.5f, batch: 1);
        guided.Sample(1, 1);
        Assert.Equal((14, 14 * pixels), (guided.Evaluations, calls));
    }

    /// <summary>F_none + w (F_class - F_none), for a network whose mean depends on the class.</summary>
    [Fact]
    public void Guidance_extrapolates_from_no_class_to_the_class()
    {
        static double Shift(int label) => label switch { -1 => 0.1, 0 => 0.3, _ => -0.2 };
        double[] times = TrigFlowTime.KarrasGrid(6, 1);
        using TrigFlowModel network = GaussianData.Network(Cpu, (u, t, label) => 0.2 * u * t + Shift(label), 1, labelCount: 2);
        using var sampler = new DiffusionSampler(network, times, 1.75f, batch: 4);
        float[] guided = sampler.Sample(3, 9, [1, -1, 0]);
        int pixels = guided.Length / 3;
        foreach ((int image, int label) in new[] { (0, 1), (1, -1), (2, 0) })
        {
            double shift = Shift(-1) + 1.75 * (Shift(label) - Shift(-1));
            using var expected = new DiffusionSampler(GaussianData.Network(Cpu, (u, t) => 0.2 * u * t + shift, 1), times, 1, batch: 1);
            float[] one = expected.Sample(1, 9, first: image);
            Assert.All(Enumerable.Range(0, pixels), i => Assert.Equal(one[i], guided[image * pixels + i], 1e-5f));
        }
    }

    /// <summary>F_g + w (F - F_g) with F_g of a second network, which has the classes of the images or none.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(2, 0)]
    [InlineData(2, 2)]
    public void Guidance_by_a_second_network_extrapolates_from_it(int classes, int guideClasses)
    {
        static double Own(int label) => label switch { -1 => 0.1, 0 => 0.3, _ => -0.2 };
        double Other(int label) => guideClasses == 0 ? 0.05 : 0.5 * Own(label) - 0.07;
        double[] times = TrigFlowTime.KarrasGrid(6, 1);
        using TrigFlowModel network = GaussianData.Network(Cpu, (u, t, label) => 0.2 * u * t + Own(label), 1, classes);
        using TrigFlowModel guide = GaussianData.Network(Cpu, (u, t, label) => 0.12 * u * t + Other(label), 1, guideClasses);
        using var sampler = new DiffusionSampler(network, times, 2.1f, batch: 4, guide);
        Assert.Equal(12, sampler.Evaluations);
        int[] labels = classes == 0 ? [-1, -1, -1] : [1, -1, 0];
        float[] guided = sampler.Sample(3, 9, classes == 0 ? [] : labels);
        int pixels = guided.Length / 3;
        foreach ((int image, int label) in labels.Index())
        {
            double slope = 0.12 + 2.1 * (0.2 - 0.12), shift = Other(label) + 2.1 * (Own(label) - Other(label));
            using var expected = new DiffusionSampler(GaussianData.Network(Cpu, (u, t) => slope * u * t + shift, 1), times, 1, batch: 1);
            float[] one = expected.Sample(1, 9, first: image);
            Assert.All(Enumerable.Range(0, pixels), i => Assert.Equal(one[i], guided[image * pixels + i], 1e-4f));
        }
    }

    [Fact]
    public void A_guide_that_does_not_fit_is_refused()
    {
        using TrigFlowModel model = GaussianData.Network(Cpu, (_, _, _) => 0, 0.5f, labelCount: 2), same = GaussianData.Network(Cpu, (_, _, _) => 0, 0.5f, labelCount: 2);
        DiffusionSampler.RequireGuide(model, same);
        Refused("is a consistency model", Data.ConsistencyModel(Cpu));
        Refused("has 3 classes, not 2 or none", GaussianData.Network(Cpu, (_, _, _) => 0, 0.5f, labelCount: 3));
        Refused("sigma_data 0.4, not 0.5", Data.DiffusionModel(Cpu, sigmaData: 0.4f));
        Refused("is of images 4x4x2, not 3x5x2", SamplerNetwork.Model(Cpu, kind: ModelKind.Diffusion));
        using var elsewhere = new CpuDevice();
        Refused("is on another device", Data.DiffusionModel(elsewhere));

        void Refused(string reason, TrigFlowModel guide)
        {
            using (guide)
                Assert.Contains(reason, Assert.Throws<ArgumentException>(() => new DiffusionSampler(model, 4, 1.5f, guide: guide)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Guidance_without_classes_and_steps_below_one_are_refused()
    {
        using var model = new TrigFlowModel(new DdpmppNetwork(SamplerNetwork.Plain), new DdpmppNetwork(SamplerNetwork.Plain).CreateSlab(Cpu), 0.5f);
        Assert.Throws<ArgumentException>(() => new DiffusionSampler(model, 4, guidance: 2));
        Assert.Throws<ArgumentException>(() => new DiffusionSampler(model, 4, guidance: float.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiffusionSampler(model, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiffusionSampler(model, 4, batch: 0));
    }

    [Fact]
    public void The_grid_runs_through_the_noise_levels_of_EDM()
    {
        double[] times = TrigFlowTime.KarrasGrid(18, 0.5);
        Assert.Equal(18, times.Length);
        Assert.Equal(1.56454, times[0], 1e-5);
        Assert.Equal(TrigFlowTime.Max(0.5), times[0]);
        Assert.Equal(Math.Atan(0.002 / 0.5), times[^1], 1e-12);
        double sigma = Math.Pow(Math.Pow(80, 1 / 7.0) + 5 / 17.0 * (Math.Pow(0.002, 1 / 7.0) - Math.Pow(80, 1 / 7.0)), 7);
        Assert.Equal(sigma, 0.5 * Math.Tan(times[5]), 1e-9);
    }

    /// <summary>Root mean square distance from where the exact flow takes the same noise, in units of sigma_data.</summary>
    private static double Error(int steps)
    {
        double[] times = TrigFlowTime.KarrasGrid(steps, 0.5);
        using var sampler = new DiffusionSampler(Data.DiffusionModel(Cpu), times, 1, batch: 8);
        float[] noise = SamplerNetwork.Noise(Cpu, 8, seed: 5), images = sampler.Sample(8, 5);
        return Math.Sqrt(images.Zip(noise, (image, z) => Math.Pow(image / 0.5 - Data.End(z, times[0]), 2)).Average());
    }
}
