using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>What both samplers share: the kind of model that they take, what they say of it, pixels that are not finite, and memory when they cannot be made.</summary>
public class ImageSamplerTests
{
    private static CpuDevice Cpu => (CpuDevice)TestDevices.Get("cpu");

    [Fact]
    public void A_model_of_the_other_kind_is_refused_by_its_name()
    {
        using TemporaryFolder folder = new();
        long before = Cpu.AllocatedBytes;
        using (TrigFlowModel diffusion = SamplerNetwork.Model(Cpu, kind: ModelKind.Diffusion), consistency = SamplerNetwork.Model(Cpu))
        {
            diffusion.Save(folder.File("teacher"));
            consistency.Save(folder.File("student"));
            const string isDiffusion = "is a diffusion model: DiffusionSampler draws from it", isConsistency = "is a consistency model: ConsistencySampler draws from it";
            Assert.Equal(isDiffusion, Assert.Throws<ArgumentException>(() => new ConsistencySampler(diffusion)).Message);
            Assert.Equal(isDiffusion, Assert.Throws<ArgumentException>(() => new ConsistencySampler(diffusion, [1.0])).Message);
            Assert.Equal(isConsistency, Assert.Throws<ArgumentException>(() => new DiffusionSampler(consistency)).Message);
            InvalidFileException refused = Assert.Throws<InvalidFileException>(() => ConsistencySampler.Load(folder.File("teacher"), Cpu));
            Assert.Equal((folder.File("teacher"), isDiffusion), (refused.Path, refused.Reason));
            refused = Assert.Throws<InvalidFileException>(() => DiffusionSampler.Load(folder.File("student"), Cpu));
            Assert.Equal((folder.File("student"), isConsistency), (refused.Path, refused.Reason));
        }

        Assert.Equal(before, Cpu.AllocatedBytes);
    }

    [Fact]
    public void A_sampler_says_what_it_draws()
    {
        using TrigFlowModel model = GaussianData.Network(Cpu, (_, _, _) => 0, 1, labelCount: 4);
        using var sampler = new DiffusionSampler(model, batch: 3);
        Assert.Equal((3, 3, 5, 2, 4, ModelKind.Diffusion), (sampler.Batch, sampler.Height, sampler.Width, sampler.Channels, sampler.LabelCount, sampler.Kind));
        Assert.Empty(sampler.ClassNames);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void Pixels_that_are_not_finite_are_said(double bad)
    {
        int evaluations = 0;
        using TrigFlowModel model = GaussianData.Network(Cpu, (_, _) => evaluations++ is 4 * 30 + 7 or 6 * 30 ? bad : 0.0, sigmaData: 1, ModelKind.Consistency);
        using var sampler = new ConsistencySampler(model, [1.0], batch: 2);
        byte[] bytes = sampler.SampleBytes(8, 3, out NonFiniteImages found, first: 10);
        Assert.Equal(new NonFiniteImages(2, 8, 14), found);
        Assert.Equal("2 of 8 images have values that are not finite (NaN or infinity), the first is image 14", found.ToString());
        evaluations = 0;
        Assert.Equal(found.ToString(), Assert.Throws<ArithmeticException>(() => sampler.SampleBytes(8, 3, first: 10)).Message);

        // Finite images have the bytes that they had, and the sampler goes on.
        evaluations = 1000;
        float[] sound = sampler.Sample(8, 3, first: 10);
        byte[] expected = Array.ConvertAll(sound, pixel => (byte)Math.Clamp(pixel * 127.5f + 128, 0, 255));
        Assert.Equal(expected, sampler.SampleBytes(8, 3, first: 10));
        Assert.Equal(expected[..(4 * 30)], bytes[..(4 * 30)]);
    }

    [Fact]
    public void Counts_of_images_that_are_not_finite_add_up()
    {
        NonFiniteImages none = NonFiniteImages.In([1, 2, float.MaxValue, -4], 2), one = NonFiniteImages.In([1, 2, float.NegativeInfinity, 4], 2, first: 2);
        Assert.False(none.Any);
        Assert.Equal("all values of 2 images are finite", none.ToString());
        Assert.Equal(new NonFiniteImages(1, 4, 3), none.And(one));
        Assert.Equal(new NonFiniteImages(2, 4, 3), one.And(new NonFiniteImages(1, 2, 4)));
        Assert.Throws<ArgumentException>(() => NonFiniteImages.In([1, 2, 3], 2));
    }

    [Fact]
    public void A_sampler_that_cannot_be_made_leaves_no_memory_behind()
    {
        using TrigFlowModel consistency = SamplerNetwork.Model(Cpu), diffusion = SamplerNetwork.Model(Cpu, kind: ModelKind.Diffusion);
        long before = Cpu.AllocatedBytes;
        Assert.Throws<ArgumentException>(() => new ConsistencySampler(consistency, guidance: 2));
        Assert.Throws<ArgumentException>(() => new DiffusionSampler(diffusion, guidance: 2));
        Assert.Throws<TensorLimitException>(() => new ConsistencySampler(consistency, batch: 1 << 27)); // states of 2^32 elements
        Assert.Throws<TensorLimitException>(() => new DiffusionSampler(diffusion, batch: 1 << 27));
        var shape = new Shape(8);
        Assert.Throws<ArgumentException>(() => new ParameterSlab(Cpu, [("a", shape)], withGradients: true, DType.Float32, [new JoinedParameters("w", ["a", "b"])]));
        Assert.Throws<ArgumentException>(() => new ParameterSlab(
            Cpu, [("a", new Shape(2, 3)), ("b", new Shape(2, 4))], withGradients: true, DType.Float32, [new JoinedParameters("w", ["a", "b"])]));
        Assert.Equal(before, Cpu.AllocatedBytes);
    }

    [Fact]
    public void A_draw_is_cancelled_between_batches()
    {
        using var cancel = new CancellationTokenSource();
        int evaluations = 0;
        using TrigFlowModel model = GaussianData.Network(Cpu, (_, _) =>
        {
            if (++evaluations == 3 * 30)
                cancel.Cancel();
            return 0;
        }, sigmaData: 1, ModelKind.Consistency);
        using var sampler = new ConsistencySampler(model, [1.0], batch: 1);
        Assert.Throws<OperationCanceledException>(() => sampler.Sample(100, 1, cancellation: cancel.Token));
        Assert.Equal(3 * 30, evaluations);
        Assert.Equal(60, sampler.Sample(2, 1).Length);
    }
}
