using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class AdamTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Follows_float64_over_20_steps_with_one_skipped(string device) =>
        OptimizerRun.Check(device, rectified: false, new AdamOptions(0.9f, 0.999f, 1e-8f));

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Follows_float64_with_a_large_epsilon(string device) =>
        OptimizerRun.Check(device, rectified: false, new AdamOptions(0.5f, 0.9f, 0.1f));

    [Fact]
    public void Takes_a_first_step_of_the_learning_rate_whatever_the_scale()
    {
        // m / (1 - b1) = g and sqrt(v / (1 - b2)) = |g| at the first step: theta moves by the rate against the gradient's sign.
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var run = new OptimizerRun(cpu, 3, rectified: false, new AdamOptions(0.9f, 0.99f, 1e-30f));
        run.Step([1e-6f, -5f, 1e4f], factor: 1f, rate: 0.25f);
        Assert.Equal([-0.25, 0.25, -0.25], run.Values.ToArray().Select(v => Math.Round(v, 5)));
    }

    [Fact]
    public void Refuses_options_out_of_range()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        Assert.Throws<ArgumentException>(() => new OptimizerRun(cpu, 3, rectified: false, new AdamOptions(1f, 0.99f, 1e-8f)));
        Assert.Throws<ArgumentException>(() => new OptimizerRun(cpu, 3, rectified: false, new AdamOptions(0.9f, 0.99f, 0f)));
        Assert.Throws<ArgumentException>(() => new OptimizerRun(cpu, 3, rectified: true, new AdamOptions(0.9f, float.NaN, 1e-8f)));
    }

    [Fact]
    public void Refuses_outputs_that_do_not_fit()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        Tensor slab = cpu.CreateTensor(new Shape(8)), one = cpu.CreateTensor(new Shape(1)), state = cpu.CreateTensor(new Shape(Adam.StateLength), DType.Float64);
        var slabs = new AdamSlabs(slab, slab, slab, slab, state);
        Refused(slabs with { ComputeWeights = slab });
        Refused(slabs with { ComputeWeights = cpu.CreateTensor(new Shape(7), DType.BFloat16) });
        Refused(slabs with { Average = (cpu.CreateTensor(new Shape(7)), one) });
        Refused(slabs with { Average = (slab, slab) });

        void Refused(AdamSlabs wrong)
        {
            using var program = new ComputeProgram(cpu);
            Tensor clip = cpu.CreateTensor(new Shape(GradientNorm.ClipLength));
            Assert.Throws<ArgumentException>(() => Adam.Into(program, wrong, new AdamOptions(0.9f, 0.99f, 1e-8f), one, clip));
        }
    }
}
