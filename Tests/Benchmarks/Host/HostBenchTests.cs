using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Cli;
using TrigFlowNative.Benchmarks.Host;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Work that BenchmarkDotNet times. It always exits with 0, so failures must show in the rows.</summary>
public class HostBenchTests
{
    private static readonly Ceilings Ceilings = new(1e12, 1e12);

    [Fact]
    public void Ops_and_works_come_out_in_the_order_they_went_in()
    {
        SuiteCase[] cases = [.. new[] { "sample/2-step/demo n1", "gemm/forward/24x16x8", "launch/graph/10 kernels", "step/sct/demo n2" }.SelectMany(name => BenchmarkSuite.Named(name, DType.Float32))];
        IReadOnlyList<BenchmarkRow> rows = Run(cases);
        Assert.Equal(cases.Select(each => each.Name), rows.Select(row => row.Name));
        Assert.All(rows, row => Assert.True(
            row is { Verdict: BenchmarkRow.Right, Clock: "benchmarkdotnet", Microseconds: > 0, Repetitions: >= 5 } && row.Low <= row.Microseconds && row.Microseconds <= row.High, $"{row}"));
        Assert.True(rows[0] is { ImagesPerSecond: > 0, Tflops: > 0, BoundPercent: > 0 } && rows[1] is { Error: < 1e-4, BoundPercent: > 0 } && rows[2].BoundPercent is null, $"{rows[0]}");
        Assert.True(rows[3] is { Flops: > 1e6, PeakGib: > 0, ImagesPerSecond: > 0 }, $"{rows[3]}");
    }

    [Fact]
    public void Memory_that_the_run_holds_itself_is_not_the_work_s()
    {
        using var cpu = new CpuDevice();
        using Tensor held = cpu.CreateTensor(new Shape(1 << 20));
        BenchmarkRow row = Assert.Single(new HostBench(cpu, Ceilings, quick: true, TextWriter.Null).Run([.. BenchmarkSuite.Named("launch/graph/10 kernels", DType.Float32)]));
        Assert.InRange(row.PeakGib!.Value * (1 << 30), 8, 1 << 16); // two numbers
    }

    [Theory]
    [InlineData(When.Preparing, BenchmarkRow.Failed)]
    [InlineData(When.TooLarge, BenchmarkRow.OutOfMemory)]
    [InlineData(When.Running, BenchmarkRow.Failed)]
    [InlineData(When.RunningLate, BenchmarkRow.Failed)]
    [InlineData(When.Checked, BenchmarkRow.Wrong)]
    public void What_goes_wrong_is_a_row_without_a_time_and_the_others_go_on(When when, string verdict)
    {
        IReadOnlyList<BenchmarkRow> rows = Run([new Planted(when), new Planted(When.Never)]);
        Assert.Equal((verdict, (double?)null), (rows[0].Verdict, rows[0].Microseconds));
        Assert.Contains("planted", rows[0].Note, StringComparison.Ordinal);
        Assert.Equal(BenchmarkRow.Right, rows[1].Verdict);
        Assert.Equal(1, RunCommand.ExitCode(rows));
    }

    [Fact]
    public void A_start_up_is_timed_in_a_process_of_its_own()
    {
        BenchmarkRow row = Assert.Single(Run([.. BenchmarkSuite.Named("startup/cold/demo n2", DType.Float32)]));
        Assert.True(row is { Verdict: BenchmarkRow.Right, Repetitions: 2, Microseconds: > 50e3 }, $"{row}"); // a runtime alone starts in as much
    }

    [Fact]
    public void Rows_are_told_as_soon_as_they_are_finished()
    {
        var told = new List<string>();
        SuiteCase[] cases = [.. new[] { "launch/graph/10 kernels", "sample/1-step/demo n1" }.SelectMany(name => BenchmarkSuite.Named(name, DType.Float32))];
        IReadOnlyList<BenchmarkRow> rows = new HostBench(TestDevices.Get("cpu"), Ceilings, quick: true, TextWriter.Null, some => told.AddRange(some.Select(row => row.Name))).Run(cases);
        Assert.Equal(rows.Select(row => row.Name), told);
    }

    [Fact]
    public void The_clock_waits_for_the_device()
    {
        using var device = new Lazy();
        var clock = new DeviceWaitingClock(device);
        long start = clock.GetTimestamp();
        device.Give(TimeSpan.FromMilliseconds(40));
        Assert.InRange((clock.GetTimestamp() - start) / (double)System.Diagnostics.Stopwatch.Frequency, 0.04, 5);
    }

    [Fact]
    public void The_time_of_a_work_is_that_of_the_device()
    {
        using var device = new Lazy();
        BenchmarkRow row = Assert.Single(new HostBench(device, Ceilings, quick: true, TextWriter.Null).Run([new Given(device, TimeSpan.FromMilliseconds(20))]));
        Assert.InRange(row.Microseconds!.Value, 20e3, 60e3);
    }

    private static IReadOnlyList<BenchmarkRow> Run(IReadOnlyList<SuiteCase> cases) =>
        new HostBench(TestDevices.Get("cpu"), Ceilings, quick: true, TextWriter.Null).Run(cases);

    /// <summary>When a planted fault shows.</summary>
    public enum When
    {
        /// <summary>It does not.</summary>
        Never,

        /// <summary>Before the first run.</summary>
        Preparing,

        /// <summary>Before the first run, for want of memory.</summary>
        TooLarge,

        /// <summary>In the first run.</summary>
        Running,

        /// <summary>While it is timed.</summary>
        RunningLate,

        /// <summary>In what the runs leave.</summary>
        Checked,
    }

    private sealed class Planted(When when) : WorkCase("planted", "forward", $"{when}", DType.Float32)
    {
        public override PreparedWork Prepare(ComputeDevice device) => when switch
        {
            When.Preparing => throw new InvalidOperationException("planted"),
            When.TooLarge => throw new MemoryLimitException("planted", 2, 1, "the device"),
            _ => new Work(when),
        };

        private sealed class Work(When when) : PreparedWork
        {
            public override void Run(int run)
            {
                if (when == When.Running || (when == When.RunningLate && run == 5))
                    throw new InvalidOperationException("planted");
            }

            public override string? Fault() => when == When.Checked ? "planted" : null;

            protected override void Dispose(bool disposing)
            {
            }
        }
    }

    /// <summary>Gives a device something to do.</summary>
    private sealed class Given(Lazy device, TimeSpan time) : WorkCase("given", "forward", $"{time}", DType.Float32)
    {
        public override PreparedWork Prepare(ComputeDevice on) => new Work(device, time);

        private sealed class Work(Lazy device, TimeSpan time) : PreparedWork
        {
            public override void Run(int run) => device.Give(time);

            protected override void Dispose(bool disposing)
            {
            }
        }
    }

    /// <summary>A device that runs its work only when it is waited for.</summary>
    private sealed class Lazy : ComputeDevice
    {
        private TimeSpan left;

        public override string Name => "lazy";

        public override string Description => "lazy";

        public override long AllocatedBytes => 0;

        public void Give(TimeSpan time) => left += time;

        public override void Synchronize()
        {
            Thread.Sleep(left);
            left = TimeSpan.Zero;
        }

        internal override DeviceMemory Allocate(long bytes, string what) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
        }
    }
}
