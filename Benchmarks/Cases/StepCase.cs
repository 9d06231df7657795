using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>A whole training step, from the upload of the batch to the update of averages. Its direction is the name of its objective.</summary>
internal sealed class StepCase(string preset, int batch, DType type, string objective) : WorkCase("step", objective, $"{preset} n{batch}", type)
{
    public static readonly CaseFamily Kind = new(
        "step", "PRESET n BATCH, without the last blank: cifar10 n256", @"(?<preset>\w+) n(?<n>\d+)", StepOptions.Objectives,
        (s, direction, type) => new StepCase(RequireModel(s.Word("preset")), s["n"], type, direction))
    {
        Shapes = scope => scope.Shapes(["demo n2"], ["demo n2"], _ => SuitePresets.IsModel(scope.Preset) ? [$"{scope.Preset} n{scope.Batch}"] : []),
    };

    public override int Images => batch;

    internal override bool IsBoundByDevice => true;

    public override PreparedWork Prepare(ComputeDevice device) => new Prepared(
        new StepOptions(preset, Direction, batch, Dropout: 0, Type == DType.BFloat16 ? Precision.Bf16 : Precision.Fp32), device);

    /// <summary>Returns the name of a model's preset.</summary>
    /// <exception cref="ArgumentException">No model's preset has that name.</exception>
    public static string RequireModel(string preset)
    {
        ModelPresets.Get(preset);
        return preset;
    }

    private sealed class Prepared : PreparedWork
    {
        private readonly TrainingStep step;
        private readonly TrigFlowModel? teacher;
        private readonly float[] images;

        public Prepared(StepOptions options, ComputeDevice device)
        {
            step = options.Create(device, out teacher);
            images = options.Images();
            Flops = step.ProgramSteps.Sum(each => OpCost.Of(each).Flops);
        }

        public override double Flops { get; }

        public override void Run(int run) => step.Run(images, [], run);

        public override string? Fault() => step.FetchStatistics() is { Skipped: > 0 } statistics ? $"{statistics.Skipped} steps were not finite" : null;

        protected override void Dispose(bool disposing)
        {
            if (!disposing)
                return;
            step.Dispose();
            teacher?.Dispose();
        }
    }
}
