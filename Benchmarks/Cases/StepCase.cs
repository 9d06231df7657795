using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>A whole training step, from the upload of the batch to the update of averages. Its direction is the name of its objective.</summary>
/// <param name="preset">Name of a model's preset.</param>
/// <param name="batch">Images in a step.</param>
/// <param name="microBatch">Images of a pass, whose gradients the step adds up; 0 for the whole batch.</param>
/// <param name="type">Storage type of activations.</param>
/// <param name="objective">One of <see cref="StepOptions.Objectives"/>.</param>
internal sealed class StepCase(string preset, int batch, int microBatch, DType type, string objective)
    : WorkCase("step", objective, microBatch > 0 ? $"{preset} n{batch} m{microBatch}" : $"{preset} n{batch}", type)
{
    public static readonly CaseFamily Kind = new(
        "step", "PRESET n BATCH m MICRO-BATCH, without the blanks behind n and m: cifar10 n256, or cifar10 n2048 m256", @"(?<preset>[\w-]+) n(?<n>\d+)( m(?<m>\d+))?", StepOptions.Objectives,
        (s, direction, type) => new StepCase(RequireModel(s.Word("preset")), s["n"], MicroBatchOf(s), type, direction))
    {
        Shapes = scope => scope.Shapes(["demo n2"], ["demo n2"], _ => SuitePresets.IsModel(scope.Preset) ? [$"{scope.Preset} n{scope.Batch}"] : []),
        HasDirection = (s, direction) => direction != StepOptions.Guided || PresetNetwork.Of(s.Word("preset")).LabelCount > 0,
    };

    /// <summary>Name of the model's preset.</summary>
    public string Preset => preset;

    /// <summary>Images of a pass; 0 for the whole batch.</summary>
    public int MicroBatch => microBatch;

    public override int Images => batch;

    internal override bool IsBoundByDevice => true;

    internal override WorkPace Pace => microBatch > 0 ? WorkPace.Slow : WorkPace.Long;

    public override PreparedWork Prepare(ComputeDevice device) => new Prepared(
        new StepOptions(preset, Direction, batch, Dropout: 0, Type == DType.BFloat16 ? Precision.Bf16 : Precision.Fp32) { MicroBatch = microBatch }, device);

    private static int MicroBatchOf(ShapeWords shape)
    {
        if (shape.Word("m").Length == 0)
            return 0;
        return shape["n"] % shape["m"] == 0 ? shape["m"] : throw new ArgumentException($"a micro-batch of {shape["m"]} does not divide a batch of {shape["n"]}");
    }

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
        private readonly int[] labels;

        public Prepared(StepOptions options, ComputeDevice device)
        {
            step = options.Create(device, out teacher);
            images = options.Images();
            labels = options.Labels();
            Flops = options.FlopsOf(step);
        }

        public override double Flops { get; }

        public override void Run(int run) => step.Run(images, labels, run);

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
