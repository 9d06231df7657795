using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>Sampling with one, two or four evaluations of the network, from the seed to pixels in host memory. Few images measure latency, many throughput.</summary>
internal sealed class SampleCase(string preset, int images, DType type, string evaluations) : WorkCase("sample", evaluations, $"{preset} n{images}", type)
{
    private static readonly string[] Evaluations = ["1-step", "2-step", "4-step"];

    public static readonly CaseFamily Kind = new(
        "sample", "PRESET n IMAGES, without the last blank: cifar10 n512", @"(?<preset>[\w-]+) n(?<n>\d+)", Evaluations,
        (s, direction, type) => new SampleCase(StepCase.RequireModel(s.Word("preset")), s["n"], type, direction))
    {
        Shapes = scope => scope.Shapes(["demo n1"], ["demo n1"], _ =>
            SuitePresets.IsModel(scope.Preset) ? new[] { 1, 8, 64, 512 }.Select(n => $"{scope.Preset} n{n}") : []),
    };

    /// <summary>Name of the model's preset.</summary>
    public string Preset => preset;

    public override int Images => images;

    /// <summary>Operations of the forward passes.</summary>
    public override double Flops => (double)Count * images * RecordedPass.OfPreset(preset).Flops;

    private int Count => Evaluations.IndexOf(Direction) switch { 0 => 1, 1 => 2, _ => 4 };

    public override PreparedWork Prepare(ComputeDevice device)
    {
        TrigFlowModel model = RandomModel.Create(device, preset, Type == DType.BFloat16 ? Precision.Bf16 : Precision.Fp32);
        try
        {
            return new Prepared(model, images, Count);
        }
        catch
        {
            model.Dispose(); // too many images for the memory must leave it free for fewer
            throw;
        }
    }

    private sealed class Prepared(TrigFlowModel model, int count, int evaluations) : PreparedWork
    {
        private readonly ConsistencySampler sampler = new(model, ConsistencySampler.DefaultTimes(evaluations, model.SigmaData), count);
        private readonly int[] classes = PresetNetwork.Labels(model.Network.Config, count);
        private float[] last = [];

        public override void Run(int run) => last = sampler.Sample(count, (ulong)run, classes);

        public override string? Fault() => last.All(float.IsFinite) ? null : "pixels are not finite";

        protected override void Dispose(bool disposing)
        {
            if (!disposing)
                return;
            sampler.Dispose();
            model.Dispose();
        }
    }
}
