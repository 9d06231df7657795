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
    private const string Name = "benchmarkdotnet";
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    /// <summary>Runs cases and returns their rows, in the same order.</summary>
    public IReadOnlyList<BenchmarkRow> Run(IReadOnlyList<SuiteCase> cases)
    {
        HostRun[] runs = [.. cases.Select(each => new HostRun(each, device))];
        var rows = new Dictionary<HostRun, BenchmarkRow>();
        foreach (IGrouping<WorkPace, HostRun> group in runs.GroupBy(run => run.Case is WorkCase work ? work.Pace : WorkPace.Short))
        {
            HostBenchmark.Runs = [.. group];
            Summary summary = BenchmarkRunner.Run(BenchmarkConverter.TypeToBenchmarks(typeof(HostBenchmark), Configuration(group.Key)));
            foreach (BenchmarkReport measured in summary.Reports)
            {
                var run = (HostRun)measured.BenchmarkCase.Parameters[nameof(HostBenchmark.Case)];
                rows[run] = Finish(run, measured);
            }

            report?.Invoke(group.Select(run => rows.TryGetValue(run, out BenchmarkRow? row) ? row : NotRun(run)));
        }

        return [.. runs.Select(run => rows.TryGetValue(run, out BenchmarkRow? row) ? row : NotRun(run))];
    }

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
        return run.Row.WithTimes(time, IsBound(run) ? ceilings : Ceilings.Unknown) with { ImagesPerSecond = run.Case is WorkCase { Images: > 0 and var images } ? images / time.Median : null };
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
