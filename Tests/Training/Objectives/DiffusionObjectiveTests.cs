using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class DiffusionObjectiveTests
{
    private static readonly GaussianFlow Flow = new(Mean: 0.3, Std: 0.25, SigmaData: 0.5);
    private static readonly Shape Image = new(1, 2, 3, 1);
    private static readonly TrigFlowOptions Options = new() { PMean = -0.8f, PStd = 1f };

    [Fact]
    public void The_gradient_vanishes_at_the_best_network_and_nowhere_else()
    {
        // Each of 24 576 terms of the mean is of order 1: its standard error is below 0.01.
        ObjectiveRun best = Run(1, 1), wrongScale = Run(1.5f, 1), wrongShift = Run(1, 1.5f);
        Assert.InRange(best.Gradient(AffineNetwork.Scale), -0.02, 0.02);
        Assert.InRange(best.Gradient(AffineNetwork.Shift), -0.02, 0.02);
        Assert.InRange(wrongScale.Gradient(AffineNetwork.Scale), 0.1, 2);
        Assert.InRange(wrongShift.Gradient(AffineNetwork.Shift), 0.1, 2);
    }

    [Fact]
    public void Regresses_the_velocity_over_sigma_data()
    {
        ObjectiveRun run = Run(1, 1);
        float[] images = Flow.Images(run.F.Length, 1);
        for (int i = 0; i < run.F.Length; i += 97)
        {
            double t = run.T[i / 6], noise = run.Noise[i], velocity = Math.Cos(t) * noise - Math.Sin(t) * images[i];
            Assert.Equal(velocity / 0.5, run.Target[i], 1e-5);
            (double scale, double shift) = Flow.Diffusion(t);
            Assert.Equal(scale * (Math.Cos(t) * images[i] + Math.Sin(t) * noise) / 0.5 + shift, run.F[i], 1e-5);
        }

        Assert.Equal(0.5, Math.Sqrt(run.Noise.Average(z => (double)z * z)), 0.01);
        Assert.Equal(run.Error, run.Loss); // w starts at 0
    }

    [Fact]
    public void The_weight_is_a_function_of_time_that_learns()
    {
        INetwork network = AffineNetwork.Of(Flow.Diffusion, Image);
        ParameterSlab weights = AffineNetwork.Weights(network, TestDevices.Get("cpu"), 1, 1, 0);
        weights["adaptive_weight.bias"].Value.Upload<float>([0.7f]);
        ObjectiveRun run = new(network, weights, Flow.Images(60, 1), null, Options, 0.5f);
        Assert.All(run.Loss.Zip(run.Error), pair => Assert.Equal(Math.Exp(0.7) * pair.Second - 0.7, pair.First, 1e-5));
        Assert.Equal(Math.Exp(0.7) * run.Error.Average() - 1, run.Gradient("adaptive_weight.bias"), 1e-5);
        weights["adaptive_weight.weight"].Value.Upload<float>([.. Enumerable.Repeat(0f, 127), 1f]); // w = 0.7 + the slowest cosine
        ObjectiveRun timed = new(network, weights, Flow.Images(60, 1), null, Options, 0.5f);
        for (int n = 0; n < timed.T.Length; n++)
        {
            double w = 0.7 + Math.Cos(timed.T[n] * 1e-4);
            Assert.Equal(Math.Exp(w) * timed.Error[n] - w, timed.Loss[n], 1e-5);
        }
    }

    [Fact]
    public void Hides_labels_at_the_rate_given()
    {
        INetwork network = AffineNetwork.Of(_ => (0, 0), Image, labelCount: 4);
        ParameterSlab weights = AffineNetwork.Weights(network, TestDevices.Get("cpu"), 0, 0, 1);
        int[] labels = [.. Enumerable.Range(0, 1000).Select(n => n % 4)];
        foreach ((float rate, float low, float high) in new[] { (0f, 1f, 1f), (0.25f, 0.69f, 0.81f), (1f, 0f, 0f) })
        {
            ObjectiveRun run = new(network, weights, Flow.Images(6000, 1), labels, Options with { LabelDropout = rate }, 0.5f);
            Assert.InRange(run.F.Average(), low, high); // F is 1 where the label is seen
        }
    }

    private static ObjectiveRun Run(float scale, float shift)
    {
        INetwork network = AffineNetwork.Of(Flow.Diffusion, Image);
        return new ObjectiveRun(
            network, AffineNetwork.Weights(network, TestDevices.Get("cpu"), scale, shift, 0), Flow.Images(4096 * 6, 1), null, Options, 0.5f);
    }
}
