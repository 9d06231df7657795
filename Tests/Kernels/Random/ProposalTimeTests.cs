using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class ProposalTimeTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Is_the_angle_of_a_log_normal_noise_level(string device)
    {
        const float pMean = -1.2f, pStd = 1.4f, sigmaData = 0.3f;
        (float[] t, float[] normal) = Draw(device, 500, step: 3, firstSample: 0, pMean, pStd, sigmaData);
        Assert.All(t.Zip(normal), pair => Assert.Equal(Math.Atan(Math.Exp(pMean + pStd * (double)pair.Second) / sigmaData), pair.First, 4e-7));
        double[] logs = [.. t.Select(angle => Math.Log(sigmaData * Math.Tan(angle)))];
        Assert.InRange(logs.Average(), pMean - 4 * pStd / Math.Sqrt(500), pMean + 4 * pStd / Math.Sqrt(500));
        Assert.Equal(t[200..], Draw(device, 300, 3, 200, pMean, pStd, sigmaData).T); // a batch may come in pieces
        Assert.NotEqual(t, Draw(device, 500, 4, 0, pMean, pStd, sigmaData).T);
    }

    [Fact]
    public void The_arc_tangent_is_accurate_over_all_noise_levels()
    {
        double worst = 0, worstRelative = 0;
        for (float s = -30; s <= 30; s += 1e-3f)
        {
            double exact = Math.Atan(Math.Exp(s)), error = Math.Abs(ProposalTime.ArcTanExp(s) - exact);
            worst = Math.Max(worst, error);
            worstRelative = Math.Max(worstRelative, error / exact);
        }

        Assert.InRange(worst, 0, 1.5e-7);
        Assert.InRange(worstRelative, 0, 2.5e-7);
    }

    [Fact]
    public void Refuses_numbers_out_of_range()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using var program = new ComputeProgram(cpu);
        var random = new RandomSource(1, (RandomPurpose)2, cpu.CreateTensor(new Shape(2), DType.Int32));
        Tensor t = program.Allocate(new Shape(3));
        Assert.Throws<ArgumentException>(() => ProposalTime.Into(program, t, random, 0, 1, 0));
        Assert.Throws<ArgumentException>(() => ProposalTime.Into(program, t, random, 0, -1, 1));
        Assert.Throws<ArgumentException>(() => ProposalTime.Into(program, t, random, float.NaN, 1, 1));
        Assert.Throws<ArgumentException>(() => ProposalTime.Into(program, program.Allocate(new Shape(3, 1)), random, 0, 1, 1));
    }

    private static (float[] T, float[] Normal) Draw(
        string device, int count, int step, int firstSample, float pMean, float pStd, float sigmaData)
    {
        ComputeDevice on = TestDevices.Get(device);
        Tensor counter = on.CreateTensor(new Shape(2), DType.Int32), t = on.CreateTensor(new Shape(count)), normal = on.CreateTensor(new Shape(count));
        counter.Upload<int>([step, firstSample]);
        var random = new RandomSource(0xFEDC_BA98_7654_3210, (RandomPurpose)5, counter);
        using var program = new ComputeProgram(on) { Checked = true };
        ProposalTime.Into(program, t, random, pMean, pStd, sigmaData);
        RandomNormal.Into(program, normal, random);
        program.Run();
        return (t.ToArray(), normal.ToArray());
    }
}
