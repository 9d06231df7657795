using System.Diagnostics;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>
/// A training from files beside the training step alone, so that what the loader and the run cost is seen: the step on one batch again and again, the step on what
/// the loader gives, the loader without a step, and a whole run with its logs and states. All under sustained load, on one device, one after another.
/// </summary>
/// <param name="device">The device.</param>
/// <param name="options">The step; the number of classes is that of the data.</param>
/// <param name="data">Specification of the data, see <see cref="ImageDataset.Open"/>.</param>
/// <param name="durations">Seconds of load and of timing.</param>
internal sealed class TrainingTrial(ComputeDevice device, StepOptions options, string data, SustainOptions durations)
{
    private const int MostStepsBetweenLogs = 50; // the default of a run
    private readonly SustainedClock clock = new(device, durations);

    /// <summary>Measures the parts, one after another.</summary>
    /// <exception cref="UsageException">The data, the objective and the network do not fit together.</exception>
    /// <exception cref="InvalidFileException">The data are missing or damaged.</exception>
    public IEnumerable<TrialPart> Run()
    {
        DatasetSplit split = RunInputs.OpenFitted(data, options.Network.Image);
        StepOptions fitting = options with { Classes = split.Train.LabelCount };
        TrialPart alone, fed;
        using (TrainingStep step = fitting.Create(device, out TrigFlowModel? teacher))
        using (teacher)
        {
            yield return alone = Alone(step, fitting);
            yield return fed = Fed(step, fitting, split);
        }

        yield return Loader(fitting, split);
        yield return Trainer(fitting, Math.Min(alone.ImagesPerSecond, fed.ImagesPerSecond));
    }

    private TrialPart Alone(TrainingStep step, StepOptions fitting)
    {
        (float[] images, int[] labels) = (fitting.Images(), fitting.Labels());
        SustainedTime time = clock.Measure(run => step.Run(images, labels, run));
        return new TrialPart("step alone", options.Batch / time.Seconds) { Load = time.Load, JoulesPerImage = time.Joules / options.Batch };
    }

    private TrialPart Fed(TrainingStep step, StepOptions fitting, DatasetSplit split)
    {
        using var loader = new BatchLoader(split.Train, options.Batch, seed: 1, flip: Flip);
        var waits = new List<double>();
        bool labelled = fitting.Network.LabelCount > 0;
        SustainedTime time = clock.Measure(run =>
        {
            long start = Stopwatch.GetTimestamp();
            ImageBatch batch = loader.Next();
            waits.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            step.Run(batch.Pixels, labelled ? batch.Labels : [], run);
        });
        double waited = waits.TakeLast(time.Runs).Sum(); // those before loaded the card
        return new TrialPart("step fed by the loader", options.Batch / time.Seconds)
        {
            WaitPercent = 100 * waited / (time.Runs * time.Seconds), Load = time.Load, JoulesPerImage = time.Joules / options.Batch,
        };
    }

    private TrialPart Loader(StepOptions fitting, DatasetSplit split)
    {
        using var loader = new BatchLoader(split.Train, fitting.Batch, seed: 1, flip: Flip);
        return new TrialPart("loader alone", options.Batch / clock.Measure(_ => loader.Next()).Seconds);
    }

    /// <summary>Trains in a folder of its own for about as long as the other parts take.</summary>
    private TrialPart Trainer(StepOptions fitting, double expected)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("trigflow-trial-");
        try
        {
            TrainingOptions training = fitting.Training();
            string? teacher = training.Objective.Create().NeedsTeacher ? SaveTeacher(fitting, Path.Combine(folder.FullName, "teacher.safetensors")) : null;
            long images = Math.Max(2, (long)Math.Ceiling((durations.WarmSeconds + durations.Seconds) * expected / options.Batch)) * options.Batch;
            var config = new RunConfig
            {
                Preset = options.Preset,
                Data = data,
                Teacher = teacher,
                Images = images,
                Flip = Flip,
                LogEvery = (int)Math.Clamp(images / options.Batch / MostStepsBetweenLogs, 1, MostStepsBetweenLogs),
                Network = fitting.Network,
                Training = training,
            };
            string run = Path.Combine(folder.FullName, "run");
            Training.Runs.Trainer.Run(config, run, device);
            return new TrialPart("training", Speed(MetricsLog.Read(Path.Combine(run, "metrics.csv")), options.Batch, durations.WarmSeconds));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Images a second of a run after some seconds, by its log; by the last line of a log that is shorter.</summary>
    internal static double Speed(IReadOnlyList<MetricsRow> rows, int batch, double warmSeconds)
    {
        double elapsed = 0, images = 0, seconds = 0;
        long before = 0;
        foreach (MetricsRow row in rows)
        {
            double part = (row.Step - before) * batch, took = part / row.ImagesPerSecond;
            before = row.Step;
            if (elapsed >= warmSeconds)
                (images, seconds) = (images + part, seconds + took);
            elapsed += took;
        }

        return seconds > 0 ? images / seconds : rows[^1].ImagesPerSecond;
    }

    private string SaveTeacher(StepOptions fitting, string path)
    {
        using TrigFlowModel teacher = RandomModel.Create(device, fitting.Network, options.Precision, ModelKind.Diffusion);
        teacher.Save(path);
        return path;
    }

    private bool Flip
    {
        get
        {
            try
            {
                return TrainingPresets.Get(options.Preset, options.Objective).Flip;
            }
            catch (ArgumentException)
            {
                return false;
            }
        }
    }
}

/// <summary>A part of a trial.</summary>
/// <param name="Name">What ran.</param>
/// <param name="ImagesPerSecond">Images a second.</param>
internal sealed record TrialPart(string Name, double ImagesPerSecond)
{
    /// <summary>Share of the time in which the step waited for the loader, percent; null where nothing waits.</summary>
    public double? WaitPercent { get; init; }

    /// <summary>The card meanwhile.</summary>
    public LoadReading Load { get; init; } = LoadReading.Unknown;

    /// <summary>Energy of an image, J; null if unknown.</summary>
    public double? JoulesPerImage { get; init; }
}
