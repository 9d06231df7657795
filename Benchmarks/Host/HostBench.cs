using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Perfolizer.Horology;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Host;

/// <summary>
/// Times pieces of work, and ops on the host, through BenchmarkDotNet, in this process and with a clock that waits for the device. If a case is wrong or
/// throws, its row says so, whereas BenchmarkDotNet would omit it.
/// </summary>
/// <param name="device">The device on which the cases run.</param>
/// <param name="ceilings">The device's ceilings.</param>
/// <param name="quick">Whether fewer runs are timed.</param>
/// <param name="log">Receives BenchmarkDotNet's log.</param>
/// <param name="report">Receives finished rows, a group at a time.</param>
internal sealed class HostBench(ComputeDevice device, Ceilings ceilings, bool quick, TextWriter log, Action<IEnumerable<BenchmarkRow>>? report = null)
{
    /// <summary>How long pieces of work on images are timed under sustained load; null for not at all.</summary>
    public SustainOptions? Sustain { get; init; }

    /// <summary>The device's ceilings under sustained load.</summary>
    public Ceilings SustainedCeilings { get; init; } = Ceilings.Unknown;

    private const string Name = "benchmarkdotnet";
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    /// <summary>Runs cases and returns their rows, in the same order.</summary>
    public IReadOnlyList<BenchmarkRow> Run(IReadOnlyList<SuiteCase> cases)
    {
        HostRun[] runs = [.. cases.Select(each => new HostRun(each, device, Sustain))];
        var rows = new Dictionary<HostRun, BenchmarkRow>();
        foreach (var group in runs.Index().GroupBy(each => GroupOf(each.Item, each.Index), each => each.Item))
        {
            HostBenchmark.Runs = [.. group];
            Summary summary = BenchmarkRunner.Run(BenchmarkConverter.TypeToBenchmarks(typeof(HostBenchmark), Configuration(group.Key.Pace)));
            foreach (BenchmarkReport measured in summary.Reports)
            {
                var run = (HostRun)measured.BenchmarkCase.Parameters[nameof(HostBenchmark.Case)];
                rows[run] = Finish(run, measured);
            }

            report?.Invoke(group.Select(run => rows.TryGetValue(run, out BenchmarkRow? row) ? row : NotRun(run)));
        }

        return [.. runs.Select(run => rows.TryGetValue(run, out BenchmarkRow? row) ? row : NotRun(run))];
    }

    /// <summary>Runs of a pace are measured together, those under sustained load one by one, so that each row is told after half a minute, not after many.</summary>
    private static (WorkPace Pace, int Index) GroupOf(HostRun run, int index) => (run.Case is WorkCase work ? work.Pace : WorkPace.Short, run.IsSustained ? index : -1);

    private ManualConfig Configuration(WorkPace pace) => ManualConfig.CreateEmpty()
        .AddJob(JobFor(pace).WithToolchain(new InProcessNoEmitToolchain(Timeout, logOutput: false)).WithClock(new DeviceWaitingClock(device)).WithEvaluateOverhead(false))
        .AddLogger(new TextLogger(log))
        .AddColumnProvider(DefaultColumnProviders.Params, DefaultColumnProviders.Statistics)
        .AddColumn(new RateColumn("GFLOP/s", (run, seconds) => run.Row.Flops / seconds / 1e9))
        .AddColumn(new RateColumn("% of bound", (run, seconds) => !IsBound(run) ? null : 100 * ceilings.Bound(run.Row.Flops ?? 0, run.Row.Bytes ?? 0) / seconds))
        .AddColumn(new RateColumn("images/s", (run, seconds) => run.Case is WorkCase { Images: > 0 and var images } ? images / seconds : null))
        .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(80))
        .WithOptions(ConfigOptions.DisableOptimizationsValidator | ConfigOptions.DisableLogFile);

    private Job JobFor(WorkPace pace) => pace switch
    {
        WorkPace.Short => Job.Default.WithStrategy(RunStrategy.Throughput).WithWarmupCount(1).WithIterationCount(quick ? 7 : 20)
            .WithMinIterationTime(TimeInterval.FromMilliseconds(5)).WithIterationTime(TimeInterval.FromMilliseconds(quick ? 20 : 50)).WithUnrollFactor(1),
        WorkPace.Long => Job.Default.WithStrategy(RunStrategy.Monitoring).WithWarmupCount(2).WithIterationCount(quick ? 7 : 20).WithInvocationCount(1).WithUnrollFactor(1),
        WorkPace.Slow => Job.Default.WithStrategy(RunStrategy.Monitoring).WithWarmupCount(0).WithIterationCount(3).WithInvocationCount(1).WithUnrollFactor(1),
        _ => Job.Default.WithStrategy(RunStrategy.ColdStart).WithIterationCount(2).WithInvocationCount(1).WithUnrollFactor(1),
    };

    private BenchmarkRow Finish(HostRun run, BenchmarkReport report)
    {
        double[] seconds =
        [
            .. report.AllMeasurements.Where(each => each is { IterationMode: IterationMode.Workload, IterationStage: IterationStage.Actual })
                .Select(each => each.Nanoseconds / each.Operations * 1e-9),
        ];
        if (run.Row.Verdict != BenchmarkRow.Right)
            return run.Row.Verdict.Length > 0 ? run.Row : NotRun(run);
        if (seconds.Length == 0)
            return run.Row with { Verdict = BenchmarkRow.Failed, Note = "BenchmarkDotNet measured nothing; its log says why" };
        Duration time = Duration.Of(seconds) with { Clock = Name };
        int images = run.Case is WorkCase work ? work.Images : 0;
        return run.Row.WithTimes(time, IsBound(run) ? ceilings : Ceilings.Unknown).WithSustained(run.Sustained, images, IsBound(run) ? SustainedCeilings : Ceilings.Unknown)
            with { ImagesPerSecond = images > 0 ? images / time.Median : null };
    }

    private static bool IsBound(HostRun run) => run.Case is not WorkCase { IsBoundByDevice: false };

    private static BenchmarkRow NotRun(HostRun run) => run.Row with { Verdict = BenchmarkRow.Failed, Note = run.Row.Note.Length > 0 ? run.Row.Note : "BenchmarkDotNet did not run it; its log says why" };

    /// <summary>Writes BenchmarkDotNet's log without colours.</summary>
    private sealed class TextLogger(TextWriter log) : ILogger
    {
        public string Id => nameof(TextLogger);

        public int Priority => 0;

        public void Write(LogKind logKind, string text) => log.Write(text);

        public void WriteLine() => log.WriteLine();

        public void WriteLine(LogKind logKind, string text) => log.WriteLine(text);

        public void Flush() => log.Flush();
    }
}
