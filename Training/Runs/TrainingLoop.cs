using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Averages;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Objectives;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>The training steps of a run, and the files written between them: metrics, states, weights, grids.</summary>
internal sealed class TrainingLoop : IDisposable
{
    private const int GridImages = 64;

    private readonly RunConfig config;
    private readonly RunDirectory directory;
    private readonly ComputeDevice device;
    private readonly TrainingStep training;
    private readonly TrigFlowModel average;
    private readonly RunInputs inputs;
    private readonly RunLog messages;
    private readonly string title;
    private readonly HashSet<string> failed = [];
    private bool saving;
    private IReadOnlyDictionary<string, double> evaluated = new Dictionary<string, double>();
    private ImageSampler? sampler;

    public TrainingLoop(
        RunConfig config, RunDirectory directory, ComputeDevice device, TrainingStep training, TrigFlowModel average, RunInputs inputs, RunLog messages)
    {
        (this.config, this.directory, this.device) = (config, directory, device);
        (this.training, this.average, this.inputs, this.messages) = (training, average, inputs, messages);
        title = config.Training.Objective.Name;
    }

    /// <summary>Metrics on held-out images; null for none.</summary>
    public HeldOutEvaluation? Evaluation { get; init; }

    /// <summary>The loss on held-out images; null unless the evaluation takes it.</summary>
    public HeldOutLoss? HeldOutLoss { get; init; }

    /// <summary>Trains from a step to the end or until cancelled.</summary>
    public TrainingOutcome Run(long done, CancellationToken cancellation)
    {
        long total = config.Steps, first = done;
        using MetricsLog log = OpenMetrics(done);
        if (done >= total)
        {
            // A kill between the last state and the model, or a hand that removed the model, leaves the state alone.
            average.Save(directory.Model);
            Plot(log);
            return new TrainingOutcome(done, true, 0, 0);
        }

        messages.Say(RunSummary.Of(config, inputs.Data, average.Network, device, done));
        using var loader = new BatchLoader(inputs.Data.Train, config.Training.Batch, config.Training.Seed, done, config.Flip);
        var clock = Stopwatch.StartNew();
        TrainingProgress.Run(title, done, total, progress =>
        {
            long saved = done, logged = done;
            double loggedAt = 0, speed = 0;
            double? loss = log.Rows.Count > 0 ? log.Rows[^1].Loss : null;
            try
            {
                while (done < total && !cancellation.IsCancellationRequested)
                {
                    ImageBatch batch = loader.Next();
                    training.Run(batch.Pixels, config.Network.LabelCount > 0 ? batch.Labels : [], done);
                    done++;
                    if (Evaluation is not null && done % config.EvaluateEvery == 0)
                        Attempt("evaluation", () => Evaluate(done, log.Rows));
                    if (done % config.LogEvery == 0 || done == total)
                    {
                        TrainingStatistics statistics = training.FetchStatistics();
                        double now = clock.Elapsed.TotalSeconds;
                        speed = (done - logged) * config.Training.Batch / (now - loggedAt);
                        (logged, loggedAt, loss) = (done, now, statistics.Loss);
                        log.Append(Row(done, statistics, speed));
                        evaluated = new Dictionary<string, double>();
                        messages.NoteLostOutput();
                        RequireFinite(statistics, done);
                    }

                    progress.Report(done, speed > 0 ? speed : (done - first) * config.Training.Batch / clock.Elapsed.TotalSeconds, loss);
                    if (config.TakesSnapshotsAt(done))
                        Attempt("snapshot", () => SaveSnapshots(done));
                    if (config.SampleEvery > 0 && done % config.SampleEvery == 0)
                        Attempt("grid", () => DrawGrid(done));
                    if (done % config.CheckpointEvery == 0)
                        Save(saved = done);
                }
            }
            catch (Exception e) when (e is InvalidFileException or IOException or UnauthorizedAccessException or MemoryLimitException)
            {
                // An image that is damaged or a log that cannot be written costs no steps, if the state still can be.
                if (saved != done && !saving)
                    Attempt("state", () => Save(done));
                throw;
            }

            if (saved != done)
                Save(done);
        });
        device.Synchronize();
        double seconds = clock.Elapsed.TotalSeconds;
        Plot(log);
        messages.NoteLostOutput();
        messages.Write(string.Create(CultureInfo.InvariantCulture, $"{(done >= total ? "complete" : "stopped")} at step {done} of {total} after {seconds:F1} s"));
        return new TrainingOutcome(done, done >= total, seconds, (done - first) * config.Training.Batch / seconds);
    }

    public void Dispose() => sampler?.Dispose();

    /// <summary>Writes what a run can do without: where that fails, the reason is said once, and the training goes on.</summary>
    private void Attempt(string what, Action write)
    {
        try
        {
            directory.RequireThere();
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or MemoryLimitException)
        {
            if (failed.Add(what))
                messages.Say($"{what}: cannot be written ({e.Message})");
        }
    }

    private MetricsLog OpenMetrics(long done)
    {
        var log = new MetricsLog(directory.Metrics, done);
        if (log.SetAside is { } damaged)
            messages.Say(damaged);
        return log;
    }

    private void Plot(MetricsLog log) => Attempt("plot", () =>
    {
        LossPlot.Save(directory.LossPlot, $"{title}, {config.Preset}", log.Rows);
        EvaluationPlot.Save(directory.EvaluationPlot, $"{title}, {config.Preset}, held-out images", log.Rows);
    });

    private MetricsRow Row(long step, TrainingStatistics statistics, double speed) => new()
    {
        Step = step,
        Objective = title,
        KImg = step * config.Training.Batch / 1000.0,
        Means = statistics.Means.Select(mean => KeyValuePair.Create(mean.Key, mean.Key == TallyNames.TangentNorm && double.IsNaN(mean.Value) ? 0 : mean.Value)).Concat(evaluated).ToDictionary(),
        LearningRate = config.Training.Optimizer.LearningRate.At(step - 1, config.Training.Batch),
        Skipped = statistics.Skipped,
        ImagesPerSecond = speed,
    };

    /// <summary>Stops a run that only skips. Skipped updates change nothing, so stopping late costs nothing but time.</summary>
    private static void RequireFinite(TrainingStatistics statistics, long step)
    {
        if (statistics.LongestSkip >= Trainer.MaxSkipsInARow)
            throw new TrainingFailedException($"stopped at step {step}: {statistics.LongestSkip} steps in a row had a loss or gradient that is not finite; lower the learning rate or check the data");
    }

    private void Save(long step)
    {
        // The state is saved first, so that a model is never there without a state to continue from.
        saving = true;
        directory.RequireThere();
        directory.States.Save(step, training.State, inputs.Identity);
        directory.RequireThere(); // a large state takes seconds
        average.Save(directory.Model);
        saving = false;
    }

    private void SaveSnapshots(long step)
    {
        foreach ((PowerAverage kind, ParameterSlab weights) in training.PowerAverages)
            directory.Snapshots.Save(kind, step, step * config.Training.Batch, average.Network, weights, average.Description, config.SnapshotPrecision);
    }

    private ImageSampler Sampler() => sampler ??= KindSampler.Create(average, KindSampler.DefaultSteps(average), guidance: 1, GridImages);

    /// <summary>Measures the averaged weights, for the next line of the log, and keeps them if they are the best so far.</summary>
    private void Evaluate(long step, IReadOnlyList<MetricsRow> before)
    {
        training.Refresh();
        try
        {
            evaluated = Evaluation!.Measure(Sampler, HeldOutLoss, step - 1);
        }
        catch (UsageException e)
        {
            messages.Say(string.Create(CultureInfo.InvariantCulture, $"evaluation at step {step}: {e.Message}"));
            return;
        }

        if (config.EvaluateBest && Evaluation.IsBest(evaluated, before))
            average.Save(directory.BestModel);
    }

    /// <summary>
    /// Draws a grid from the same noise each time, so that the grids show progress and nothing else. Of latents it shows the first three channels, from -2 to 2 deviations.
    /// </summary>
    private void DrawGrid(long step)
    {
        ImageSampler sampler = Sampler();
        NetworkConfig network = config.Network;
        int[] classes = network.LabelCount == 0 ? [] : [.. Enumerable.Range(0, GridImages).Select(i => i % network.LabelCount)];
        training.Refresh();
        byte[] pixels = sampler.SampleBytes(GridImages, config.Training.Seed, out NonFiniteImages nonFinite, classes);
        if (nonFinite.Any)
            messages.Say(string.Create(CultureInfo.InvariantCulture, $"grid at step {step}: {nonFinite}"));
        string name = step.ToString("D10", CultureInfo.InvariantCulture) + ".png";
        ImageGrid.Write(Path.Combine(directory.Samples, name), ByteImages.OfFirstChannels(pixels, GridImages, network.Image.H, network.Image.W, network.Image.C));
    }
}
