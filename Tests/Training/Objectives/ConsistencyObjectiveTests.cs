using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using TrigFlowNative.Tests.Models;
using TrigFlowNative.Training.Objectives;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class ConsistencyObjectiveTests
{
    private const float SigmaData = 0.5f;
    private static readonly GaussianFlow Flow = new(Mean: 0.3, Std: 0.25, SigmaData);
    private static readonly Shape Image = new(1, 2, 3, 1);
    private static readonly DistillationOptions Distillation = new() { PMean = -1f, PStd = 1.4f };
    private static readonly ConsistencyOptions Training = new() { PMean = -1f, PStd = 1.4f };

    [Fact]
    public void The_tangent_along_the_teachers_flow_vanishes_for_the_consistency_function_alone()
    {
        ObjectiveRun exact = Distil(Flow.Consistency, 1, r: 1);
        Assert.InRange(exact.TangentNorm.Max(), 0, 1e-5);
        Assert.InRange(exact.Error.Max(), 0, 1e-8);
        Assert.InRange(Distil(Flow.Consistency, 1.1f, r: 1).TangentNorm.Average(), 0.01, 10);
        Assert.InRange(Distil(Flow.Diffusion, 1, r: 1).TangentNorm.Average(), 0.05, 10);
        Assert.InRange(Distil(Flow.Consistency, 1, r: 0.5f).TangentNorm.Average(), 0.05, 10); // it needs both terms
    }

    [Fact]
    public void Without_warm_up_the_tangent_draws_F_to_the_flow_itself()
    {
        // At r = 0, g = -cos^2 t (sigma_d F - dx/dt): zero for the diffusion model's F.
        Assert.InRange(Distil(Flow.Diffusion, 1, r: 0).TangentNorm.Max(), 0, 1e-5);
    }

    [Fact]
    public void Without_a_teacher_the_tangent_vanishes_in_expectation()
    {
        // c = 1000 makes g / (|g| + c) linear in g, so that its expectation given x_t, 0, is left alone.
        ConsistencyOptions linear = Training with { TangentConstant = 1000 };
        ObjectiveRun exact = Train(1, 1, linear);
        Assert.InRange(1000 * exact.Gradient(AffineNetwork.Scale), -1e-3, 1e-3);
        Assert.InRange(1000 * exact.Gradient(AffineNetwork.Shift), -1e-3, 1e-3);
        Assert.InRange(1000 * Train(1.5f, 1, linear).Gradient(AffineNetwork.Scale), 5e-3, 1); // against the gradient, back to 1
        Assert.InRange(1000 * Train(0.5f, 1, linear).Gradient(AffineNetwork.Scale), -1, -5e-3);
        Assert.InRange(1000 * Train(1, 1.5f, linear).Gradient(AffineNetwork.Shift), 2e-2, 1);
    }

    [Fact]
    public void The_target_moves_F_by_the_normalised_tangent()
    {
        float[] images = Flow.Images(4096 * 6, 2);
        foreach (TangentNorm kind in Enum.GetValues<TangentNorm>())
        {
            ObjectiveRun run = Train(0.7f, 1.2f, Training with { TangentNorm = kind, TangentConstant = 0.2f });
            for (int n = 0; n < run.T.Length; n += 41)
            {
                double t = run.T[n], cos = Math.Cos(t), sin = Math.Sin(t);
                double[] g = [.. Enumerable.Range(6 * n, 6).Select(i =>
                {
                    double xt = cos * images[i] + sin * run.Noise[i], dxdt = cos * run.Noise[i] - sin * images[i];
                    Assert.Equal(dxdt, run.DxDt[i], 1e-5);
                    return -cos * cos * (SigmaData * run.F[i] - dxdt) - (cos * sin * xt + SigmaData * run.J[i]);
                })];
                double length = Math.Sqrt(g.Sum(v => v * v)), divisor = (kind == TangentNorm.Euclidean ? length : length / Math.Sqrt(6)) + 0.2;
                Assert.Equal(length, run.TangentNorm[n], 1e-5);
                for (int i = 0; i < 6; i++)
                    Assert.Equal(run.F[6 * n + i] + g[i] / divisor, run.Target[6 * n + i], 1e-5);
            }
        }
    }

    [Fact]
    public void Guidance_is_drawn_uniformly_for_each_sample()
    {
        // The teacher's F is 0.2 without and 0.5 with a label, so dx/dt over sigma_d is 0.2 + 0.3 s.
        INetwork network = AffineNetwork.Of(_ => (0, 1), Image, labelCount: 3);
        ComputeDevice cpu = TestDevices.Get("cpu");
        var teacher = new NetworkWeights(network, AffineNetwork.Weights(network, cpu, 0, 0.2f, 0.3f));
        int[] labels = [.. Enumerable.Range(0, 2000).Select(n => n % 3)];
        ObjectiveRun Run(float max) => new(
            network, AffineNetwork.Weights(network, cpu, 0, 0, 0), Flow.Images(12_000, 1), labels, Distillation with { MaxGuidance = max, GuidanceInput = false }, SigmaData, teacher);

        Assert.All(Run(1).DxDt, v => Assert.Equal(SigmaData * 0.5, v, 1e-6));
        float[] dxdt = Run(3).DxDt;
        double[] guidance = [.. Enumerable.Range(0, 2000).Select(n => (dxdt[6 * n] / SigmaData - 0.2) / 0.3)];
        Assert.All(guidance, s => Assert.InRange(s, 1, 3 + 1e-5));
        Assert.Equal(2, guidance.Average(), 0.05);
        Assert.Equal(4.0 / 12, guidance.Average(s => (s - 2) * (s - 2)), 0.03);
        Assert.All(Enumerable.Range(0, 12_000), i => Assert.Equal(dxdt[6 * (i / 6)], dxdt[i]));
    }

    /// <summary>The guide's F is 0.1, with classes 0.4: dx/dt over sigma_d is F_g + s (0.5 - F_g).</summary>
    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(3, 0.4)]
    public void A_second_network_guides_the_teacher(int guideClasses, double expected)
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        INetwork network = AffineNetwork.Of(_ => (0, 1), Image, labelCount: 3), other = AffineNetwork.Of(_ => (0, 1), Image, guideClasses);
        var teacher = new NetworkWeights(network, AffineNetwork.Weights(network, cpu, 0, 0.2f, 0.3f));
        var guide = new NetworkWeights(other, AffineNetwork.Weights(other, cpu, 0, 0.1f, 0.3f));
        int[] labels = [.. Enumerable.Range(0, 600).Select(n => n % 3)];
        ObjectiveRun run = new(
            network, AffineNetwork.Weights(network, cpu, 0, 0, 0), Flow.Images(3600, 1), labels, Distillation with { MaxGuidance = 3, GuidanceInput = false }, SigmaData, teacher, guide: guide);
        Assert.All(Enumerable.Range(0, 600), n => Assert.Equal(SigmaData * (expected + run.Guidance[n] * (0.5 - expected)), run.DxDt[6 * n], 1e-6));
        Assert.Equal(2, run.Guidance.Average(), 0.1);
    }

    /// <summary>
    /// A student whose F is the velocity that its guided teacher has at the scale it is told: at r = 0 its tangent, -cos^2 t (sigma_d F - dx/dt),
    /// vanishes for every sample, which it does for no other scale.
    /// </summary>
    [Fact]
    public void The_student_is_told_the_scale_that_its_teacher_is_guided_by()
    {
        var options = Distillation with { MaxGuidance = 3 };
        Assert.Equal(["guidance"], options.Create().StudentConditions);
        NetworkConfig told = options.Create().StudentNetwork(ModelPresets.Get("demo"));
        Assert.Equal(["guidance"], told.Conditions);
        Assert.Equal(["guidance"], options.Create().StudentNetwork(told).Conditions);
        Assert.Empty((options with { MaxGuidance = 1 }).Create().StudentConditions);
        Assert.Empty((options with { GuidanceInput = false }).Create().StudentConditions);
        ComputeDevice cpu = TestDevices.Get("cpu");
        INetwork teacher = AffineNetwork.Of(_ => (0, 1), Image, labelCount: 3);
        var weights = new NetworkWeights(teacher, AffineNetwork.Weights(teacher, cpu, 0, 0.2f, 0.3f)); // F is 0.2 without and 0.5 with a label
        int[] labels = [.. Enumerable.Range(0, 300).Select(n => n % 3)];
        foreach ((double slope, bool right) in new[] { (0.3, true), (0.25, false) })
        {
            var student = new GuidedNetwork(scale => 0.2 + slope * scale);
            ObjectiveRun run = new(
                student, student.CreateSlab(cpu, withGradients: true, further: AdaptiveWeight.Layout), Flow.Images(300 * 6, 1), labels, options, SigmaData, weights, scalar: 0);
            Assert.Equal(right, run.TangentNorm.Max() < 1e-6);
            Assert.All(run.Guidance, scale => Assert.InRange(scale, 1, 3 + 1e-5));
            Assert.Equal(2, run.Guidance.Average(), 0.15);
        }
    }

    [Fact]
    public void J_of_a_U_Net_is_its_derivative_along_the_flow()
    {
        INetwork unet = SmallUNet.Config.Build();
        ParameterSlab weights = SmallUNet.Weights(unet, TestDevices.Get("cpu"));
        float[] images = Flow.Images(3 * (int)unet.Config.Image.Count, 4);
        int[] labels = [0, -1, 2];
        ObjectiveRun run = new(unet, weights, images, labels, Training, SigmaData);
        int pixels = (int)unet.Config.Image.Count;
        const double h = 1e-2;
        float[] upper = F(h), lower = F(-h);
        double[] differences = [.. upper.Zip(lower, (u, l) => (u - l) / (2 * h))];
        Assert.InRange(OpBattery.RelativeError(differences, run.J), 0, 2e-3);
        Assert.InRange(OpBattery.RelativeError([.. F(0).Select(v => (double)v)], run.F), 0, 1e-5);

        float[] F(double step)
        {
            double[] t = [.. run.T.Select(v => (double)v)];
            float[] x = new float[images.Length];
            for (int i = 0; i < x.Length; i++)
            {
                double cos = Math.Cos(t[i / pixels]), sin = Math.Sin(t[i / pixels]);
                x[i] = (float)((cos * images[i] + sin * run.Noise[i] + step * cos * sin * (cos * run.Noise[i] - sin * images[i])) / SigmaData);
            }

            return SmallUNet.Evaluate(unet, weights, x, [.. t.Select(v => (float)(v + step * Math.Cos(v) * Math.Sin(v)))], labels);
        }
    }

    /// <summary>F is a function of the guidance scale.</summary>
    private sealed class GuidedNetwork(Func<double, double> f) : TestNetwork(Image, 3, new ParameterSpec("unused", new Shape(1)))
    {
        public override IReadOnlyList<Tensor> Condition(ComputeProgram program, ParameterSlab weights, NetworkConditions conditions) =>
            [conditions.Scalars["guidance"], conditions.Times];

        protected override Tensor Record(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels)
        {
            Tensor y = program.AllocateLike(x);
            program.Emit("guided.forward", [x, t], [y], _ =>
            {
                y.Span.Clear();
                for (int i = 0; i < x.Count; i++)
                    y.Span[i] = (float)f(t.Span[i / (x.Count / x.Shape.N)]);
            }, _ => throw new NotSupportedException("on the host"));
            program.Tape!.Record(y, [weights["unused"].Value], () => { });
            return y;
        }
    }

    private static ObjectiveRun Distil(Func<double, (double, double)> student, float scale, float r)
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        INetwork network = AffineNetwork.Of(student, Image), diffusion = AffineNetwork.Of(Flow.Diffusion, Image);
        return new ObjectiveRun(
            network, AffineNetwork.Weights(network, cpu, scale, 1, 0), Flow.Images(300 * 6, 1), null, Distillation, SigmaData,
            new NetworkWeights(diffusion, AffineNetwork.Weights(diffusion, cpu, 1, 1, 0)), r);
    }

    private static ObjectiveRun Train(float scale, float shift, ConsistencyOptions options)
    {
        INetwork network = AffineNetwork.Of(Flow.Consistency, Image);
        return new ObjectiveRun(
            network, AffineNetwork.Weights(network, TestDevices.Get("cpu"), scale, shift, 0), Flow.Images(4096 * 6, 2), null, options, SigmaData);
    }
}
